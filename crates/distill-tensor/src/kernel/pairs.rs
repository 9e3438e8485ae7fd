//! Sums of products of bf16, two at a time by `vdpbf16ps`, for convolutions.
//!
//! A pair of bf16 is a `u32` whose lower half comes first. All functions here need [`bf16_is_native`].
#![cfg_attr(
    not(target_arch = "x86_64"),
    allow(dead_code, unused_mut, unused_variables, reason = "what is given here is for instructions of x86-64")
)]

#[cfg(target_arch = "x86_64")]
mod avx512;

use super::bf16_is_native;
use super::tiles::Tiles;

/// Neighbours in a padded map that a sum reads one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Where they begin, from the place of the pixel on.
    pub(crate) offset: usize,
    /// How many they are.
    pub(crate) len: usize,
}

/// Sums over segments of a map, from all pixels on, by at most two vectors of results.
pub(crate) struct PixelSums<'a> {
    /// From the place of the first pixel on.
    pub(crate) map: &'a [u32],
    /// Pixels in rows and columns.
    pub(crate) pixels: [usize; 2],
    /// Pairs from a row to the next, and from a pixel to the next.
    pub(crate) steps: [usize; 2],
    /// In numbers, which are even.
    pub(crate) segments: &'a [Segment],
    /// For each pair of a sum a row as wide as `bias`.
    pub(crate) weights: &'a [u32],
    /// Where sums begin: 16 or 32 numbers.
    pub(crate) bias: &'a [f32],
    /// From the results of the first pixel on.
    pub(crate) out: &'a mut [f32],
    /// The same for the results.
    pub(crate) out_steps: [usize; 2],
    /// How many results of a pixel are wanted, at most as many as `bias` has.
    pub(crate) results: usize,
    /// Whether they are added to what is there.
    pub(crate) add: bool,
    /// Sides that divide the pixels of a row and the pairs of each segment, and 16 results.
    pub(crate) tiles: Option<&'a Tiles>,
}

/// Pixels in rows and columns, and how far they are apart in two arrays.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Walk {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// Where it begins, from a row to the next, from a column to the next: in the map and in the gradients.
    pub(crate) map: [usize; 3],
    pub(crate) grads: [usize; 3],
}

/// What pairs of pixels give to the gradient of the weights: for each term the products with at most two vectors of gradients.
pub(crate) struct TermSums<'a> {
    /// Inputs of both pixels, from the first term on.
    pub(crate) map: &'a [u32],
    /// Gradients of both pixels, from the first result on.
    pub(crate) grads: &'a [u32],
    /// Pairs of pixels.
    pub(crate) pairs: Walk,
    /// Pixels that are the first of a pair without a second, whose input is then taken as 0.
    pub(crate) single: Walk,
    pub(crate) width: usize,
    /// A row of `width`, 16 or 32, for each term, of which there are an even number. To it is added.
    pub(crate) sums: &'a mut [f32],
}

/// The same where the gradients lie by result, for tiles whose sides divide results, columns of pairs and the terms of each segment.
pub(crate) struct TransposedTermSums<'a> {
    pub(crate) tiles: &'a Tiles,
    /// Inputs of both pixels, from the place of the first pixel on.
    pub(crate) map: &'a [u32],
    /// Pairs from a row to the next, and from a column to the next.
    pub(crate) map_steps: [usize; 2],
    /// Gradients of both pixels: rows of results, which have the columns of pairs.
    pub(crate) grads: &'a [u32],
    /// From a row to the next.
    pub(crate) grads_step: usize,
    /// Pairs of pixels, in rows and columns.
    pub(crate) pairs: [usize; 2],
    pub(crate) segments: &'a [Segment],
    /// A row of all terms for each result, of which there are 16 or 32. To it is added.
    pub(crate) sums: &'a mut [f32],
}

macro_rules! native {
    ($call:expr) => {{
        assert!(bf16_is_native(), "the processor has instructions for bf16");
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the processor has AVX-512F, AVX-512BW and AVX512-BF16, as was just asserted, and the function asks for no more.
        unsafe {
            $call
        }
    }};
}

/// Rounds to nearest, ties to even, and what is below 2⁻¹²⁶ to zero, as `vdpbf16ps` would take it.
pub(crate) fn round(from: &[f32], to: &mut [u16]) {
    native!(avx512::round(from, to));
}

/// Pairs of a number of `first` and one of `second`.
pub(crate) fn pair(first: &[u16], second: &[u16], to: &mut [u32]) {
    native!(avx512::pair(first, second, to));
}

/// Rounded pairs of a number of `first` and one of `second`, or 0 where `second` has ended.
pub(crate) fn join(first: &[f32], second: &[f32], to: &mut [u32]) {
    native!(avx512::join(first, second, to));
}

/// The same for each of the pixels whose `len` numbers are `step` apart, and `to_step` in the result, with zeros between.
pub(crate) fn join_pixels([first, second]: [&[f32]; 2], step: usize, len: usize, to: &mut [u32], to_step: usize) {
    native!(avx512::join_pixels([first, second], step, len, to, to_step));
}

/// Rows of 32 bits become columns. `columns` is a multiple of 16.
pub(crate) fn transpose(from: &[u32], columns: usize, to: &mut [u32]) {
    native!(avx512::transpose(from, columns, to));
}

impl PixelSums<'_> {
    pub(crate) fn run(mut self) {
        #[cfg(target_arch = "x86_64")]
        if let Some(tiles) = self.tiles {
            return super::tile_sums::pixel_sums(tiles, &mut self);
        }
        native!(avx512::pixel_sums(&mut self));
    }
}

impl TransposedTermSums<'_> {
    pub(crate) fn run(mut self) {
        #[cfg(target_arch = "x86_64")]
        super::tile_sums::term_sums(&mut self);
    }
}

impl TermSums<'_> {
    pub(crate) fn run(mut self) {
        native!(avx512::term_sums(&mut self));
    }
}
