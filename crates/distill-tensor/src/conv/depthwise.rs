use pulp::{Simd, WithSimd};

use super::gather::{Gather, Write};

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
const PIXELS: usize = 4;

impl WithSimd for ChannelProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let Gather { rows, columns, .. } = *self.gather;
        for row in 0..rows {
            let mut column = 0;
            while column + PIXELS <= columns {
                self.pixels::<S, PIXELS>(simd, row, column);
                column += PIXELS;
            }
            while column < columns {
                self.pixels::<S, 1>(simd, row, column);
                column += 1;
            }
        }
    }
}

impl ChannelProduct<'_> {
    #[inline(always)]
    fn pixels<S: Simd, const P: usize>(&mut self, simd: S, row: usize, column: usize) {
        let Gather { from, to, .. } = *self.gather;
        let map = &self.map[from.start + row * from.row + column * from.column..];
        let place = to.start + row * to.row + column * to.column;
        let mut channel = 0;
        while channel < self.channels {
            let n = S::F32_LANES.min(self.channels - channel);
            let load = |values: &[f32]| load(simd, values, n);
            let mut sums = [load(&self.bias[channel..]); P];
            for (segment, kernel) in offsets(self.gather, self.channels).zip(self.kernel.chunks_exact(self.channels)) {
                let weights = load(&kernel[channel..]);
                for (p, sum) in sums.iter_mut().enumerate() {
                    *sum = simd.mul_add_e_f32s(load(&map[segment + p * from.column + channel..]), weights, *sum);
                }
            }
            for (p, mut sum) in sums.into_iter().enumerate() {
                let out = &mut self.out[place + p * to.column + channel..][..n];
                if self.write == Write::Add {
                    sum = simd.add_f32s(load(out), sum);
                }
                simd.partial_store_f32s(out, sum);
            }
            channel += n;
        }
    }
}

/// The first `n` numbers, at most a vector.
#[inline(always)]
fn load<S: Simd>(simd: S, values: &[f32], n: usize) -> S::f32s {
    if n == S::F32_LANES { S::as_simd_f32s(&values[..S::F32_LANES]).0[0] } else { simd.partial_load_f32s(&values[..n]) }
}

/// Segments may have joined taps, which are one row of channels each.
#[inline(always)]
fn offsets(gather: &Gather, channels: usize) -> impl Iterator<Item = usize> {
    gather
        .segments
        .iter()
        .flat_map(move |segment| (0..segment.len / channels).map(move |i| segment.offset + i * channels))
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
        let Gather { rows, columns, from, ref taps, .. } = *self.gather;
        let all = taps.len();
        for first in (0..all).step_by(TAPS) {
            let n_taps = TAPS.min(all - first);
            // What is not there is computed from the first place and not written.
            let mut places = [0; TAPS];
            places
                .iter_mut()
                .zip(offsets(self.gather, self.channels).skip(first))
                .for_each(|(place, offset)| *place = offset);
            let mut channel = 0;
            while channel < self.channels {
                let n = S::F32_LANES.min(self.channels - channel);
                let load = |values: &[f32]| load(simd, values, n);
                let mut sums = [simd.splat_f32s(0.0); TAPS];
                for row in 0..rows {
                    for column in 0..columns {
                        let grad = load(&self.grads[(row * columns + column) * self.channels + channel..]);
                        let map = &self.map[from.start + row * from.row + column * from.column + channel..];
                        for (sum, &place) in sums.iter_mut().zip(&places) {
                            *sum = simd.mul_add_e_f32s(load(&map[place..]), grad, *sum);
                        }
                    }
                }
                for (tap, &sum) in (first..).zip(&sums[..n_taps]) {
                    let to = &mut self.sums[tap * self.channels + channel..][..n];
                    simd.partial_store_f32s(to, simd.add_f32s(load(to), sum));
                }
                channel += n;
            }
        }
    }
}
