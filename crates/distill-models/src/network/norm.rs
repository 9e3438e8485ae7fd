use distill_tensor::{ParamId, Params};
use ndarray::ArrayViewMut2;

use super::step::{
    Backward, Eval, Forward, Inputs, Prepared, Sources, Step, for_each_example, for_each_example_from,
    for_each_example_of_two, row,
};
use crate::channels::{Gate, affine, center_and_scale, gate_and_sum, put, repeat, write_moments};
use crate::dense::{activated, activated_with_derivative};
use crate::{Activation, Slot};

/// Added to the variance.
const EPS: f64 = 1e-5;
/// How far the running mean and variance go to those of a batch.
const MOMENTUM: f32 = 0.1;

/// A batch norm, a sum with another value, and a function of it, in one pass each way.
///
/// In training `y = activation((x - mean) / sqrt(variance + eps) · weight + bias + other)`. The gradients are those of Ioffe and
/// Szegedy, 2015, section 3.
#[derive(Debug)]
pub(super) struct Norm {
    pub(super) channels: usize,
    /// Numbers of an example.
    pub(super) width: usize,
    pub(super) weight: ParamId,
    pub(super) bias: ParamId,
    pub(super) mean: ParamId,
    pub(super) variance: ParamId,
    pub(super) activation: Option<Activation>,
    /// Whether whoever writes its input leaves the sums of each example with it.
    pub(super) finds_sums: bool,
    /// Whether a convolution gives its input and nothing else reads it, see [`Conv`](super::conv::Conv).
    pub(super) after_conv: bool,
}

impl Norm {
    /// Writes factor and summand of each channel, [repeated](repeat).
    fn write_map(&self, params: &Params, [mean, variance]: [&[f32]; 2], map: &mut Vec<f32>) {
        let (weight, bias) = (params.vector(self.weight), params.vector(self.bias));
        repeat(map, self.channels, |c| {
            let factor = f64::from(weight[c]) / (f64::from(variance[c]).max(0.0) + EPS).sqrt();
            [factor as f32, (f64::from(bias[c]) - f64::from(mean[c]) * factor) as f32]
        });
    }

    /// Mean and variance of each channel, the latter without correction: from [sums](write_moments) of each example, in their order.
    fn moments(&self, sums: &[f32], moments: &mut Vec<f32>) {
        let (channels, pixels) = (self.channels, self.width / self.channels);
        let examples = sums.len() / (2 * channels);
        moments.resize(2 * channels, 0.0);
        let share = 1.0 / examples as f64;
        for channel in 0..channels {
            let of_examples = || {
                sums.chunks_exact(2 * channels)
                    .map(|sums| (f64::from(sums[channel]), f64::from(sums[channels + channel])))
            };
            let mean = of_examples().map(|(mean, _)| mean).sum::<f64>() * share;
            let spread = |(of_example, squares): (f64, f64)| squares / pixels as f64 + (of_example - mean).powi(2);
            let variance = of_examples().map(spread).sum::<f64>() * share;
            moments[channel] = mean as f32;
            moments[channels + channel] = variance as f32;
        }
    }
}

/// As [`Activation::Relu`], alone.
#[inline(always)]
fn relu(y: f32) -> f32 {
    Activation::Relu.value_and_derivative(y).0
}

impl Step for Norm {
    fn prepare(&self, params: &Params) -> Prepared {
        let mut map = vec![];
        self.write_map(params, [self.mean, self.variance].map(|id| params.vector(id)), &mut map);
        Prepared::Affine(map)
    }

    fn eval(&self, at: Eval<'_>, xs: Sources<'_>, mut y: ArrayViewMut2<'_, f32>) {
        let Prepared::Affine(map) = at.prepared else { unreachable!("a batch norm prepares an affine map") };
        let y = y.as_slice_mut().expect("values of steps are contiguous");
        let (x, other) = (xs.slice(0), (xs.inputs.len() > 1).then(|| xs.slice(1)));
        for_each_example(y, self.width, |i, y| {
            let (x, other) = (row(x, self.width, i), other.map(|other| row(other, self.width, i)));
            match self.activation {
                Some(Activation::Relu) => affine(x, other, map, relu, y),
                activation => {
                    affine(x, other, map, |y| y, y);
                    activation.into_iter().for_each(|activation| activated(activation, y));
                }
            }
        });
    }

    fn forward(&self, at: &mut Forward<'_>, xs: Sources<'_>, y: &mut Slot) {
        let (x, other) = (xs.slice(0), (xs.inputs.len() > 1).then(|| xs.slice(1)));
        let (width, work) = (self.width, &mut *at.work);
        if !self.finds_sums {
            work.sums.resize(x.len() / width * 2 * self.channels, 0.0);
            for_each_example_from(width, (&mut work.sums, 2 * self.channels), |i, sums| {
                write_moments(row(x, width, i), self.channels, sums);
            });
        }
        self.moments(if self.finds_sums { xs.sums(0) } else { &work.sums }, &mut work.moments);
        let (mean, variance) = work.moments.split_at(self.channels);
        self.write_map(at.params, [mean, variance], &mut work.map);
        let (map, of) = (&*work.map, |i| (row(x, width, i), other.map(|other| row(other, width, i))));
        match self.activation {
            // The derivative of ReLU is seen from its value.
            Some(Activation::Relu) => for_each_example(y.value_slice_mut(), width, |i, y| {
                let (x, other) = of(i);
                affine(x, other, map, relu, y);
            }),
            None => for_each_example(y.value_slice_mut(), width, |i, y| {
                let (x, other) = of(i);
                affine(x, other, map, |y| y, y);
            }),
            Some(activation) => {
                let [y, derivative] = y.value_and_derivative_slices_mut();
                for_each_example_of_two((y, width), (derivative, width), |i, y, derivative| {
                    let (x, other) = of(i);
                    affine(x, other, map, |y| y, y);
                    activated_with_derivative(activation, y, derivative);
                });
            }
        }
    }

    fn backward(&self, at: &mut Backward<'_>, xs: &mut Inputs<'_>, y: &mut Slot) {
        let (channels, width, work) = (self.channels, self.width, &mut *at.work);
        let (value, derivative, grad) = y.value_derivative_and_grad_mut();
        let examples = grad.len() / width;
        let x = xs.value_and_grad(0).0;
        let (mean, variance) = work.moments.split_at(channels);
        // The gradient of the sum before the activation, and what the channels of each example add to the gradients.
        work.sums.resize(examples * 2 * channels, 0.0);
        for_each_example_of_two((grad, width), (&mut work.sums, 2 * channels), |i, grad, sums| {
            let gate = match self.activation {
                None => Gate::Open,
                Some(Activation::Relu) => Gate::Relu(row(value, width, i)),
                Some(_) => Gate::Derivative(row(derivative, width, i)),
            };
            gate_and_sum(grad, gate, row(x, width, i), mean, sums);
        });
        let n = (examples * width / channels) as f64;
        let (weight, sums, grads) = (at.params.vector(self.weight), &work.sums, &mut *at.grads);
        repeat(&mut work.map, channels, |c| {
            let total = |at: usize| sums.chunks_exact(2 * channels).map(|sums| f64::from(sums[at])).sum::<f64>();
            let (of_bias, of_product) = (total(c), total(channels + c));
            let inverse = 1.0 / (f64::from(variance[c]) + EPS).sqrt();
            grads.vector_mut(self.bias)[c] = of_bias as f32;
            grads.vector_mut(self.weight)[c] = (of_product * inverse) as f32;
            let (factor, slope) = (f64::from(weight[c]) * inverse, of_product * inverse * inverse / n);
            [mean[c], factor as f32, (of_bias / n) as f32, slope as f32]
        });
        // What `absorb` takes in.
        grads.vector_mut(self.mean).copy_from_slice(mean);
        let correction = if n > 1.0 { n / (n - 1.0) } else { 1.0 };
        for (unbiased, &variance) in grads.vector_mut(self.variance).iter_mut().zip(variance) {
            *unbiased = (f64::from(variance) * correction) as f32;
        }
        let grad = &*grad;
        if xs.len() > 1
            && let (_, Some((dr, add))) = xs.value_and_grad(1)
        {
            for_each_example(dr, width, |i, dr| put(dr, add, row(grad, width, i).iter().copied()));
        }
        if self.after_conv {
            return xs.slot(0).0.defer(y, &mut work.map);
        }
        if let (x, Some((dx, add))) = xs.value_and_grad(0) {
            let map = &*work.map;
            for_each_example(dx, width, |i, dx| {
                center_and_scale(row(grad, width, i), row(x, width, i), map, (dx, add));
            });
        }
    }

    fn absorb(&self, params: &mut Params, grads: &Params) {
        for id in [self.mean, self.variance] {
            let running = params.vector_mut(id).iter_mut().zip(grads.vector(id));
            running.for_each(|(running, &batch)| *running += MOMENTUM * (batch - *running));
        }
    }
}
