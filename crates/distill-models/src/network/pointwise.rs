use ndarray::ArrayViewMut2;

use distill_tensor::ParamId;

use super::step::{Backward, Eval, Forward, Inputs, Sources, Step, for_each_example, for_each_example_of_two, row};
use crate::channels::{put, write_moments};
use crate::dense::{activated, activated_with_derivative};
use crate::{Activation, Dropout, Slot};

/// The sum of one or two values, and a function of it.
#[derive(Debug)]
pub(super) struct Pointwise {
    pub(super) width: usize,
    pub(super) activation: Option<Activation>,
    /// The channels of a batch norm that reads the value, and finds its sums with it.
    pub(super) sums_for: Option<usize>,
}

impl Pointwise {
    /// The sum of an example.
    #[inline(always)]
    fn sum(&self, xs: Sources<'_>, example: usize, y: &mut [f32]) {
        let of = |i| row(xs.slice(i), self.width, example);
        if xs.inputs.len() > 1 {
            y.iter_mut().zip(of(0)).zip(of(1)).for_each(|((y, a), b)| *y = a + b);
        } else {
            y.copy_from_slice(of(0));
        }
    }
}

impl Step for Pointwise {
    fn eval(&self, _at: Eval<'_>, xs: Sources<'_>, mut y: ArrayViewMut2<'_, f32>) {
        let y = y.as_slice_mut().expect("values of steps are contiguous");
        for_each_example(y, self.width, |example, y| {
            self.sum(xs, example, y);
            if let Some(activation) = self.activation {
                activated(activation, y);
            }
        });
    }

    fn forward(&self, _at: &mut Forward<'_>, xs: Sources<'_>, y: &mut Slot) {
        let Some(activation) = self.activation else {
            if let Some(channels) = self.sums_for {
                let (y, sums) = y.value_and_sums_mut(2 * channels);
                return for_each_example_of_two((y, self.width), (sums, 2 * channels), |example, y, sums| {
                    self.sum(xs, example, y);
                    write_moments(y, channels, sums);
                });
            }
            return for_each_example(y.value_slice_mut(), self.width, |example, y| self.sum(xs, example, y));
        };
        let [y, derivative] = y.value_and_derivative_slices_mut();
        for_each_example_of_two((y, self.width), (derivative, self.width), |example, y, derivative| {
            self.sum(xs, example, y);
            activated_with_derivative(activation, y, derivative);
        });
    }

    fn backward(&self, _at: &mut Backward<'_>, xs: &mut Inputs<'_>, y: &mut Slot) {
        if self.activation.is_some() {
            y.scale_grad_by_derivative();
        }
        // The last that it replaces takes the gradient as it is; the others copy it, or add it.
        let takes = (0..xs.len()).rev().find(|&i| xs.takes_all(i));
        let grad = y.grad_slice();
        for i in (0..xs.len()).filter(|&i| Some(i) != takes) {
            if let (_, Some((dx, add))) = xs.value_and_grad(i) {
                for_each_example(dx, self.width, |example, dx| {
                    put(dx, add, row(grad, self.width, example).iter().copied());
                });
            }
        }
        if let Some(i) = takes {
            xs.slot(i).0.take_grad(y);
        }
    }
}

/// Dropout by itself.
#[derive(Debug)]
pub(super) struct Drop {
    pub(super) width: usize,
    pub(super) dropout: Dropout,
}

impl Step for Drop {
    fn eval(&self, _at: Eval<'_>, xs: Sources<'_>, mut y: ArrayViewMut2<'_, f32>) {
        y.assign(&xs.get(0));
    }

    fn forward(&self, at: &mut Forward<'_>, xs: Sources<'_>, y: &mut Slot) {
        let [y, derivative] = y.value_and_derivative_slices_mut();
        y.copy_from_slice(xs.slice(0));
        derivative.fill(1.0);
        let key = at.key;
        for_each_example_of_two((y, self.width), (derivative, self.width), |row, y, derivative| {
            self.dropout.apply(key, row, y, derivative);
        });
    }

    fn backward(&self, _at: &mut Backward<'_>, xs: &mut Inputs<'_>, y: &mut Slot) {
        if let (_, Some((dx, add))) = xs.value_and_grad(0) {
            y.scale_grad_by_derivative();
            let grad = y.grad_slice();
            for_each_example(dx, self.width, |example, dx| {
                put(dx, add, row(grad, self.width, example).iter().copied());
            });
        }
    }
}

/// `(x - mean) · scale`, of inputs: no parameter lies behind it.
#[derive(Debug)]
pub(super) struct Standardize {
    pub(super) mean: ParamId,
    pub(super) scale: ParamId,
}

impl Step for Standardize {
    fn eval(&self, at: Eval<'_>, xs: Sources<'_>, mut y: ArrayViewMut2<'_, f32>) {
        let (mean, scale) = (at.params.vector(self.mean), at.params.vector(self.scale));
        let x = xs.get(0);
        let width = x.ncols();
        let of_each = width / mean.len();
        let y = y.as_slice_mut().expect("values of steps are contiguous");
        for_each_example(y, width, |example, y| {
            for (i, (y, x)) in y.iter_mut().zip(x.row(example)).enumerate() {
                *y = (x - mean[i / of_each]) * scale[i / of_each];
            }
        });
    }

    fn backward(&self, _at: &mut Backward<'_>, _xs: &mut Inputs<'_>, _y: &mut Slot) {}
}
