use distill_tensor::{ParamId, Params};
use ndarray::ArrayViewMut2;

use super::step::{Backward, Eval, Forward, Inputs, Sources, Step, for_each_example, for_each_example_of_two};
use crate::Slot;
use crate::channels::put;

/// Added to the variance.
const EPS: f32 = 1e-5;
/// Sums beside each other, so that they become vector instructions.
const LANES: usize = 8;

/// A layer norm of each pixel's channels, or of a vector.
///
/// `y = (x - mean) · r · weight + bias` with `r = 1 / sqrt(variance + eps)`. Backward, with `g = dy · weight` and `z = (x - mean) · r`:
/// `dx = r · (g - mean(g) - z · mean(g z))`.
///
/// Source: Ba, Kiros and Hinton, *Layer normalization*, 2016, equation 3.
#[derive(Debug)]
pub(super) struct LayerNorm {
    pub(super) channels: usize,
    /// Numbers of an example.
    pub(super) width: usize,
    pub(super) weight: ParamId,
    pub(super) bias: ParamId,
}

impl LayerNorm {
    /// Norms an example in place, and calls `f` with the number, mean and `r` of each pixel.
    fn norm(&self, params: &Params, y: &mut [f32], mut f: impl FnMut(usize, [f32; 2])) {
        let (weight, bias) = (params.vector(self.weight), params.vector(self.bias));
        for (pixel, y) in y.chunks_exact_mut(self.channels).enumerate() {
            let [mean, r] = moments(y);
            for ((y, weight), bias) in y.iter_mut().zip(weight).zip(bias) {
                *y = (*y - mean) * r * weight + bias;
            }
            f(pixel, [mean, r]);
        }
    }
}

/// The mean of some numbers, and one over their deviation. The variance is that of these numbers, not an estimate for others.
fn moments(x: &[f32]) -> [f32; 2] {
    let mean = mean(x, |x| x);
    let variance = self::mean(x, |x| (x - mean) * (x - mean));
    [mean, 1.0 / (variance + EPS).sqrt()]
}

fn mean(x: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let (all, rest) = x.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for x in all {
        sums.iter_mut().zip(x).for_each(|(sum, &x)| *sum += f(x));
    }
    (sums.iter().sum::<f32>() + rest.iter().map(|&x| f(x)).sum::<f32>()) / x.len() as f32
}

impl Step for LayerNorm {
    fn eval(&self, at: Eval<'_>, xs: Sources<'_>, mut y: ArrayViewMut2<'_, f32>) {
        y.assign(&xs.get(0));
        let y = y.as_slice_mut().expect("values of steps are contiguous");
        for_each_example(y, self.width, |_, y| self.norm(at.params, y, |_, _| {}));
    }

    fn forward(&self, at: &mut Forward<'_>, xs: Sources<'_>, y: &mut Slot) {
        y.value_mut().assign(&xs.get(0));
        let (y, each) = (y.value_slice_mut(), 2 * self.width / self.channels);
        let moments = &mut at.work.moments;
        moments.resize(y.len() / self.width * each, 0.0);
        for_each_example_of_two((y, self.width), (moments, each), |_, y, moments| {
            self.norm(at.params, y, |pixel, of_pixel| moments[2 * pixel..][..2].copy_from_slice(&of_pixel));
        });
    }

    fn backward(&self, at: &mut Backward<'_>, xs: &mut Inputs<'_>, y: &mut Slot) {
        let (channels, width, work) = (self.channels, self.width, &mut *at.work);
        let (x, dx) = xs.value_and_grad(0);
        let (dy, moments, weight) = (y.grad_slice(), &work.moments, at.params.vector(self.weight));
        let pixels = |i: usize| {
            let range = i * width..(i + 1) * width;
            let (dy, x) = (dy[range.clone()].chunks_exact(channels), x[range].chunks_exact(channels));
            dy.zip(x).zip(moments[2 * i * width / channels..].chunks_exact(2))
        };
        work.sums.resize(dy.len() / width * 2 * channels, 0.0);
        for_each_example(&mut work.sums, 2 * channels, |i, sums| {
            sums.fill(0.0);
            let (of_weight, of_bias) = sums.split_at_mut(channels);
            for ((dy, x), moments) in pixels(i) {
                for c in 0..channels {
                    of_weight[c] += dy[c] * (x[c] - moments[0]) * moments[1];
                    of_bias[c] += dy[c];
                }
            }
        });
        let total = |at: usize| work.sums.chunks_exact(2 * channels).map(|sums| f64::from(sums[at])).sum::<f64>();
        for c in 0..channels {
            at.grads.vector_mut(self.weight)[c] = total(c) as f32;
            at.grads.vector_mut(self.bias)[c] = total(channels + c) as f32;
        }
        let Some((dx, add)) = dx else { return };
        for_each_example(dx, width, |i, dx| {
            for (dx, ((dy, x), moments)) in dx.chunks_exact_mut(channels).zip(pixels(i)) {
                let &[mean, r] = moments else { unreachable!("two for each pixel") };
                let (mut of_g, mut of_product) = (0.0, 0.0);
                for c in 0..channels {
                    let g = dy[c] * weight[c];
                    of_g += g;
                    of_product += g * (x[c] - mean);
                }
                let (of_g, slope) = (of_g / channels as f32, of_product * r * r / channels as f32);
                let inner = |c: usize| r * (dy[c] * weight[c] - of_g - (x[c] - mean) * slope);
                put(dx, add, (0..channels).map(inner));
            }
        });
    }
}
