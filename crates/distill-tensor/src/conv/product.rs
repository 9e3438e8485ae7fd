use pulp::{Simd, WithSimd};

use super::gather::{Gather, Write};
use super::registers::Tiled;
use crate::kernel::Segment;

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
                let mut column = 0;
                while column + P <= columns {
                    self.tile::<S, P, V>(simd, kernel, first, from, to, column);
                    column += P;
                }
                if P > 8 && column + 8 <= columns {
                    self.tile::<S, 8, V>(simd, kernel, first, from, to, column);
                    column += 8;
                }
                if P > 4 && column + 4 <= columns {
                    self.tile::<S, 4, V>(simd, kernel, first, from, to, column);
                    column += 4;
                }
                if P > 2 && column + 2 <= columns {
                    self.tile::<S, 2, V>(simd, kernel, first, from, to, column);
                    column += 2;
                }
                while column < columns {
                    self.tile::<S, 1, V>(simd, kernel, first, from, to, column);
                    column += 1;
                }
            }
        }
    }
}

impl Product<'_> {
    /// The results of `P` pixels by `V` vectors.
    #[inline(always)]
    fn tile<S: Simd, const P: usize, const V: usize>(
        &mut self,
        simd: S,
        mut kernel: &[[S::f32s; V]],
        first: usize,
        from: usize,
        to: usize,
        column: usize,
    ) {
        let mut sums = [S::as_simd_f32s(&self.bias[first..first + self.width]).0.as_chunks::<V>().0[0]; P];
        let step = self.gather.from.column;
        let map = &self.map[from + column * step..];
        for &Segment { offset, len } in &self.gather.segments {
            let (weights, rest) = kernel.split_at(len);
            kernel = rest;
            let inputs: [&[f32]; P] = std::array::from_fn(|p| &map[p * step + offset..][..len]);
            for (term, weights) in weights.iter().enumerate() {
                for p in 0..P {
                    let input = simd.splat_f32s(inputs[p][term]);
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
