use pulp::{Simd, WithSimd};

use super::gather::Gather;
use super::registers::Tiled;
use crate::kernel::Segment;

/// Adds to sums what one example gives to the gradient of the weights: for each term of a sum over segments the products of its
/// inputs with the gradients of the outputs, over all pixels.
pub(super) struct WeightSums<'a> {
    pub(super) gather: &'a Gather,
    pub(super) map: &'a [f32],
    /// Gradients of the outputs: pixels of `pitch` numbers, which are whole blocks from `first` on.
    pub(super) grads: &'a [f32],
    pub(super) pitch: usize,
    pub(super) first: usize,
    /// First channel of the group in the map.
    pub(super) channel: usize,
    pub(super) width: usize,
    /// Blocks of sums, as a kernel is packed.
    pub(super) sums: &'a mut [f32],
}

impl WithSimd for WeightSums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.in_registers(simd);
    }
}

impl Tiled for WeightSums<'_> {
    fn width(&self) -> usize {
        self.width
    }

    #[inline(always)]
    fn run<S: Simd, const R: usize, const V: usize>(mut self, simd: S) {
        let gather = self.gather;
        let n_blocks = self.sums.len() / (gather.terms * self.width).max(1);
        for block in 0..n_blocks {
            let mut place = block * gather.terms * self.width;
            for &Segment { offset, len } in &gather.segments {
                let mut term = 0;
                while term < len {
                    let rows = match len - term {
                        rows if rows >= R => R,
                        rows if rows >= 8 => 8,
                        rows if rows >= 4 => 4,
                        rows => rows.min(2),
                    };
                    let at = offset + term;
                    match rows {
                        8 if R > 8 => self.tile::<S, 8, V>(simd, block, at, place),
                        4 if R > 4 => self.tile::<S, 4, V>(simd, block, at, place),
                        2 if R > 2 => self.tile::<S, 2, V>(simd, block, at, place),
                        1 => self.tile::<S, 1, V>(simd, block, at, place),
                        _ => self.tile::<S, R, V>(simd, block, at, place),
                    }
                    term += rows;
                    place += rows * self.width;
                }
            }
        }
    }
}

impl WeightSums<'_> {
    /// The sums of `R` terms by `V` vectors.
    #[inline(always)]
    fn tile<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, block: usize, offset: usize, place: usize) {
        let Gather { rows, columns, from, .. } = *self.gather;
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        for row in 0..rows {
            let map = &self.map[from.start + row * from.row + self.channel + offset..];
            let grads = &self.grads[row * columns * self.pitch + self.first + block * self.width..];
            for column in 0..columns {
                let inputs: &[f32; R] = map[column * from.column..].first_chunk().expect("a segment lies in the map");
                let grads = S::as_simd_f32s(&grads[column * self.pitch..][..self.width]).0.as_chunks::<V>().0;
                let grads = &grads[0];
                for (sums, &input) in sums.iter_mut().zip(inputs) {
                    let input = simd.splat_f32s(input);
                    for v in 0..V {
                        sums[v] = simd.mul_add_e_f32s(input, grads[v], sums[v]);
                    }
                }
            }
        }
        let to = S::as_mut_simd_f32s(&mut self.sums[place..place + R * self.width]).0.as_chunks_mut::<V>().0;
        for (to, sums) in to.iter_mut().zip(sums) {
            for v in 0..V {
                to[v] = simd.add_f32s(to[v], sums[v]);
            }
        }
    }
}
