use pulp::{Simd, WithSimd};

use super::gather::{Gather, Write};

/// Sums for as many channels at a time as a vector has.
trait ByChannel: Sized {
    fn channels(&self) -> usize;

    /// The sums of channels `first..first + n`, which are a [whole](load) vector or its first numbers.
    fn block<S: Simd, const WHOLE: bool>(&mut self, simd: S, first: usize, n: usize);

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let channels = self.channels();
        for first in (0..channels).step_by(S::F32_LANES) {
            match channels - first {
                n if n < S::F32_LANES => self.block::<S, false>(simd, first, n),
                _ => self.block::<S, true>(simd, first, S::F32_LANES),
            }
        }
    }
}

/// Sums of each channel by itself over the taps of a padded map.
pub(super) struct ChannelProduct<'a> {
    pub(super) gather: &'a Gather,
    pub(super) map: &'a [f32],
    /// A row of channels for each tap.
    pub(super) kernel: &'a [f32],
    /// Where the sum of each channel begins.
    pub(super) bias: &'a [f32],
    pub(super) out: &'a mut [f32],
    pub(super) channels: usize,
    pub(super) write: Write,
}

/// Pixels whose sums are in registers together.
const PIXELS: usize = 8;

impl WithSimd for ChannelProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.run(simd);
    }
}

impl ByChannel for ChannelProduct<'_> {
    #[inline(always)]
    fn channels(&self) -> usize {
        self.channels
    }

    #[inline(always)]
    fn block<S: Simd, const WHOLE: bool>(&mut self, simd: S, first: usize, n: usize) {
        let Gather { rows, columns, from, to, ref places, .. } = *self.gather;
        let bias = load::<S, WHOLE>(simd, &self.bias[first..][..n]);
        let (mut row, mut column) = (0, 0);
        for tile in (0..rows * columns).step_by(PIXELS) {
            // What the last tile lacks is computed from the last pixel once more, and not written.
            let n_pixels = PIXELS.min(rows * columns - tile);
            let [mut inputs, mut results] = [[0; PIXELS]; 2];
            for p in 0..PIXELS {
                inputs[p] = from.start + row * from.row + column * from.column + first;
                results[p] = to.start + row * to.row + column * to.column + first;
                if p + 1 < n_pixels || p + 1 == PIXELS {
                    column += 1;
                    if column == columns {
                        (row, column) = (row + 1, 0);
                    }
                }
            }
            let mut sums = [bias; PIXELS];
            for (&place, kernel) in places.iter().zip(self.kernel.chunks_exact(self.channels)) {
                let (weights, map) = (load::<S, WHOLE>(simd, &kernel[first..][..n]), &self.map[place..]);
                for p in 0..PIXELS {
                    sums[p] = simd.mul_add_e_f32s(load::<S, WHOLE>(simd, &map[inputs[p]..][..n]), weights, sums[p]);
                }
            }
            for p in 0..n_pixels {
                let (out, mut sum) = (&mut self.out[results[p]..][..n], sums[p]);
                if self.write == Write::Add {
                    sum = simd.add_f32s(load::<S, WHOLE>(simd, out), sum);
                }
                store::<S, WHOLE>(simd, out, sum);
            }
        }
    }
}

/// A vector of numbers, or the first of one where there are not so many.
#[inline(always)]
fn load<S: Simd, const WHOLE: bool>(simd: S, from: &[f32]) -> S::f32s {
    if WHOLE { S::as_simd_f32s(from).0[0] } else { simd.partial_load_f32s(from) }
}

#[inline(always)]
fn store<S: Simd, const WHOLE: bool>(simd: S, to: &mut [f32], values: S::f32s) {
    if WHOLE {
        S::as_mut_simd_f32s(to).0[0] = values;
    } else {
        simd.partial_store_f32s(to, values);
    }
}

/// Adds to sums what one example gives to the gradient of the weights: a row of channels for each tap.
pub(super) struct ChannelWeightSums<'a> {
    pub(super) gather: &'a Gather,
    pub(super) map: &'a [f32],
    pub(super) grads: &'a [f32],
    pub(super) channels: usize,
    pub(super) sums: &'a mut [f32],
}

/// Taps whose sums are in registers together.
const TAPS: usize = 9;

impl WithSimd for ChannelWeightSums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.run(simd);
    }
}

impl ByChannel for ChannelWeightSums<'_> {
    #[inline(always)]
    fn channels(&self) -> usize {
        self.channels
    }

    #[inline(always)]
    fn block<S: Simd, const WHOLE: bool>(&mut self, simd: S, first: usize, n: usize) {
        let Gather { rows, columns, from, places: ref all, .. } = *self.gather;
        for (of_taps, sums_of_taps) in all.chunks(TAPS).zip(self.sums.chunks_mut(TAPS * self.channels)) {
            // What is not there is computed from the first place and not written.
            let mut places = [0; TAPS];
            places[..of_taps.len()].copy_from_slice(of_taps);
            let mut sums = [simd.splat_f32s(0.0); TAPS];
            for row in 0..rows {
                for column in 0..columns {
                    let grad =
                        load::<S, WHOLE>(simd, &self.grads[(row * columns + column) * self.channels + first..][..n]);
                    let map = &self.map[from.start + row * from.row + column * from.column + first..];
                    for (sum, &place) in sums.iter_mut().zip(&places) {
                        *sum = simd.mul_add_e_f32s(load::<S, WHOLE>(simd, &map[place..][..n]), grad, *sum);
                    }
                }
            }
            for (to, &sum) in sums_of_taps.chunks_exact_mut(self.channels).zip(&sums) {
                let to = &mut to[first..][..n];
                let sum = simd.add_f32s(load::<S, WHOLE>(simd, to), sum);
                store::<S, WHOLE>(simd, to, sum);
            }
        }
    }
}
