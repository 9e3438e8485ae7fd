use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::gather::{Gather, Write};
use super::registers::Tiled;
use crate::kernel::{Runs, Segment, pieces};

/// Sums over segments of one padded map: one part of a result, one group of channels.
pub(super) struct Product<'a> {
    pub(super) gather: &'a Gather,
    pub(super) map: &'a [f32],
    /// Blocks of weights, each of `terms` rows of `width`.
    pub(super) kernel: &'a [f32],
    pub(super) width: usize,
    /// Where each sum begins, as long as all blocks.
    pub(super) bias: &'a [f32],
    pub(super) out: &'a mut [f32],
    /// First channel of the group in the map and in the result.
    pub(super) channels: [usize; 2],
    pub(super) results: usize,
    pub(super) write: Write,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.in_registers(simd);
    }
}

impl Tiled for Product<'_> {
    fn width(&self) -> usize {
        self.width
    }

    #[inline(always)]
    fn run<S: Simd, const P: usize, const V: usize>(mut self, simd: S) {
        let Gather { terms, rows, columns, from, to, .. } = *self.gather;
        let blocks = self.kernel.chunks_exact((terms * self.width).max(1));
        if terms == 0 {
            return self.gather.nothing(self.out, self.channels[1], self.results, self.write);
        }
        for (block, kernel) in blocks.enumerate() {
            let kernel = S::as_simd_f32s(kernel).0.as_chunks::<V>().0;
            let first = block * self.width;
            for row in 0..rows {
                let from = from.start + row * from.row + self.channels[0];
                let to = to.start + row * to.row + self.channels[1] + first;
                for piece in pieces(columns, P) {
                    self.piece::<S, P, V>(simd, kernel, [first, from, to], piece);
                }
            }
        }
    }
}

impl Product<'_> {
    /// The results of at most `P` pixels by `V` vectors.
    #[inline(always)]
    fn piece<S: Simd, const P: usize, const V: usize>(
        &mut self,
        simd: S,
        kernel: &[[S::f32s; V]],
        at: [usize; 3],
        pixels: Range<usize>,
    ) {
        let column = pixels.start;
        match pixels.len() {
            n if n == P => self.tile::<S, P, V>(simd, kernel, at, column),
            1 => self.tile::<S, 1, V>(simd, kernel, at, column),
            2 => self.tile::<S, 2, V>(simd, kernel, at, column),
            3 => self.tile::<S, 3, V>(simd, kernel, at, column),
            // What is not reached with this `P` is not compiled.
            n if P <= 4 => unreachable!("{n} pixels, at most {P}"),
            4 => self.tile::<S, 4, V>(simd, kernel, at, column),
            5 => self.tile::<S, 5, V>(simd, kernel, at, column),
            6 => self.tile::<S, 6, V>(simd, kernel, at, column),
            7 => self.tile::<S, 7, V>(simd, kernel, at, column),
            n if P <= 8 => unreachable!("{n} pixels, at most {P}"),
            8 => self.tile::<S, 8, V>(simd, kernel, at, column),
            9 => self.tile::<S, 9, V>(simd, kernel, at, column),
            10 => self.tile::<S, 10, V>(simd, kernel, at, column),
            11 => self.tile::<S, 11, V>(simd, kernel, at, column),
            12 => self.tile::<S, 12, V>(simd, kernel, at, column),
            13 => self.tile::<S, 13, V>(simd, kernel, at, column),
            14 => self.tile::<S, 14, V>(simd, kernel, at, column),
            15 => self.tile::<S, 15, V>(simd, kernel, at, column),
            n => unreachable!("{n} pixels, at most {P}"),
        }
    }

    /// The results of `P` pixels by `V` vectors. `at` is the first channel of the block, and where the row begins in the map and in the
    /// result.
    #[inline(always)]
    fn tile<S: Simd, const P: usize, const V: usize>(
        &mut self,
        simd: S,
        mut kernel: &[[S::f32s; V]],
        at: [usize; 3],
        column: usize,
    ) {
        let [first, from, to] = at;
        let mut sums = [S::as_simd_f32s(&self.bias[first..first + self.width]).0.as_chunks::<V>().0[0]; P];
        let step = self.gather.from.column;
        let map = &self.map[from + column * step..];
        for &Segment { offset, len } in &self.gather.segments {
            let (weights, rest) = kernel.split_at(len);
            kernel = rest;
            let inputs = Runs::<_, P>::new(&map[offset..], step, len);
            for (term, weights) in weights.iter().enumerate() {
                let inputs = inputs.at(term);
                for p in 0..P {
                    let input = simd.splat_f32s(inputs[p]);
                    for v in 0..V {
                        sums[p][v] = simd.mul_add_e_f32s(input, weights[v], sums[p][v]);
                    }
                }
            }
        }
        let n = self.width.min(self.results - first);
        for (p, sums) in sums.iter().enumerate() {
            let out = &mut self.out[to + (column + p) * self.gather.to.column..][..n];
            let (whole, rest) = S::as_mut_simd_f32s(out);
            for (out, &sum) in whole.iter_mut().zip(sums) {
                *out = if self.write == Write::Add { simd.add_f32s(*out, sum) } else { sum };
            }
            if !rest.is_empty() {
                let sum = sums[whole.len()];
                let sum = if self.write == Write::Add { simd.add_f32s(simd.partial_load_f32s(rest), sum) } else { sum };
                simd.partial_store_f32s(rest, sum);
            }
        }
    }
}
