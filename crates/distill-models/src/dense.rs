use distill_tensor::{PARALLEL_MIN, ParamId, Params, Precision, Weights, matmul};
use ndarray::{ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

use crate::{Activation, Dropout, StepKey};

/// A fully connected layer: `y = dropout(activation(x · wᵀ + b))`.
///
/// Weight `(outputs, inputs)`, bias `(outputs)`. What follows the product happens in one pass.
#[derive(Debug, Clone)]
pub(crate) struct Dense {
    pub(crate) weight: ParamId,
    pub(crate) bias: ParamId,
    /// `None` for the layer of the logits.
    pub(crate) activation: Option<Activation>,
    pub(crate) dropout: Option<Dropout>,
}

impl Dense {
    /// Evaluation: `y = activation(x · wᵀ + b)`.
    pub(crate) fn eval(
        &self,
        params: &Params,
        weights: &Weights,
        x: ArrayView2<'_, f32>,
        mut y: ArrayViewMut2<'_, f32>,
    ) {
        weights.multiply(x, y.view_mut());
        let bias = params.vector(self.bias);
        let work = y.len();
        for_each_row(y, work, |_, y| match self.activation {
            None => each(y, bias, |z| z),
            Some(activation) => activate(activation, y, bias),
        });
    }

    /// Training: also records `derivative`, the derivative of `y` by the affine output.
    pub(crate) fn forward(
        &self,
        params: &Params,
        (key, precision): (StepKey, Precision),
        x: ArrayView2<'_, f32>,
        mut y: ArrayViewMut2<'_, f32>,
        derivative: ArrayViewMut2<'_, f32>,
    ) {
        let Some(activation) = self.activation else {
            matmul(x, params.matrix(self.weight).t(), y.view_mut());
            return add_bias(y, params.vector(self.bias));
        };
        precision.matmul(x, params.matrix(self.weight).t(), y.view_mut());
        let bias = params.vector(self.bias);
        let (dropout, work) = (self.dropout, y.len());
        for_each_row_pair(y, derivative, work, |row, y, derivative| {
            activate_with_derivative(activation, y, derivative, bias);
            if let Some(dropout) = dropout {
                dropout.apply(key, row, y, derivative);
            }
        });
    }

    /// Gradients of the parameters from `dz`, the gradient of the affine output.
    pub(crate) fn backward_params(
        &self,
        precision: Precision,
        x: ArrayView2<'_, f32>,
        dz: ArrayView2<'_, f32>,
        grads: &mut Params,
    ) {
        self.precision(precision).matmul(dz.t(), x, grads.matrix_mut(self.weight));
        sum_columns(dz, grads.vector_mut(self.bias));
    }

    /// Gradient of the inputs: `dx = dz · w`.
    pub(crate) fn backward_inputs(
        &self,
        params: &Params,
        precision: Precision,
        dz: ArrayView2<'_, f32>,
        dx: ArrayViewMut2<'_, f32>,
    ) {
        self.precision(precision).matmul(dz, params.matrix(self.weight), dx);
    }

    /// That of this layer's products: the logits are few and the loss is steep in them, so they stay f32.
    fn precision(&self, of_hidden: Precision) -> Precision {
        if self.activation.is_none() { Precision::F32 } else { of_hidden }
    }
}

fn add_bias(y: ArrayViewMut2<'_, f32>, bias: &[f32]) {
    let work = y.len();
    for_each_row(y, work, |_, y| each(y, bias, |z| z));
}

/// Runs `$run` with the function of an activation as a closure, so that each has a loop of its own.
macro_rules! with_function {
    ($activation:expr, |$f:ident| $run:expr) => {
        with_function!(@each $activation, $f, $run, Relu Tanh Gelu Relu6 HardSwish Silu)
    };
    (@each $activation:expr, $f:ident, $run:expr, $($name:ident)*) => {
        match $activation {
            $(Activation::$name => {
                let $f = |z| Activation::$name.value_and_derivative(z);
                $run
            })*
        }
    };
}

/// `y = activation(y + bias)`.
pub(crate) fn activate(activation: Activation, y: &mut [f32], bias: &[f32]) {
    with_function!(activation, |f| each(y, bias, |z| f(z).0));
}

/// As [`activate`], with the derivative.
pub(crate) fn activate_with_derivative(activation: Activation, y: &mut [f32], derivative: &mut [f32], bias: &[f32]) {
    with_function!(activation, |f| each_with_derivative(y, derivative, bias, f));
}

/// `y = activation(y)`.
#[inline]
pub(crate) fn activated(activation: Activation, y: &mut [f32]) {
    with_function!(activation, |f| y.iter_mut().for_each(|y| *y = f(*y).0));
}

/// As [`activated`], with the derivative.
#[inline]
pub(crate) fn activated_with_derivative(activation: Activation, y: &mut [f32], derivative: &mut [f32]) {
    with_function!(activation, |f| y.iter_mut().zip(derivative).for_each(|(y, derivative)| (*y, *derivative) = f(*y)));
}

/// The sum of all rows: the gradient of a bias.
pub(crate) fn sum_columns(rows: ArrayView2<'_, f32>, sum: &mut [f32]) {
    sum.fill(0.0);
    for row in rows.rows() {
        // The same sum, but a slice becomes vector instructions.
        match row.to_slice() {
            Some(row) => sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value),
            None => sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value),
        }
    }
}

fn each(y: &mut [f32], bias: &[f32], f: impl Fn(f32) -> f32) {
    y.iter_mut().zip(bias).for_each(|(y, b)| *y = f(*y + b));
}

fn each_with_derivative(y: &mut [f32], derivative: &mut [f32], bias: &[f32], f: impl Fn(f32) -> (f32, f32)) {
    for ((y, derivative), b) in y.iter_mut().zip(derivative).zip(bias) {
        (*y, *derivative) = f(*y + b);
    }
}

/// Runs `f(row number, row)` for every row, on several threads where it pays: `work` is how many elements are read.
pub(crate) fn for_each_row(mut y: ArrayViewMut2<'_, f32>, work: usize, f: impl Fn(usize, &mut [f32]) + Sync) {
    let width = y.len_of(Axis(1)).max(1);
    if let Some(y) = y.as_slice_mut() {
        if work >= PARALLEL_MIN {
            y.par_chunks_mut(width).with_min_len(8).enumerate().for_each(|(i, y)| f(i, y));
        } else {
            y.chunks_mut(width).enumerate().for_each(|(i, y)| f(i, y));
        }
        return;
    }
    for (i, mut row) in y.rows_mut().into_iter().enumerate() {
        f(i, row.as_slice_mut().expect("rows of a batch are contiguous"));
    }
}

/// As [`for_each_row`], with the same row of another matrix.
pub(crate) fn for_each_row_pair(
    mut y: ArrayViewMut2<'_, f32>,
    mut derivative: ArrayViewMut2<'_, f32>,
    work: usize,
    f: impl Fn(usize, &mut [f32], &mut [f32]) + Sync,
) {
    let width = y.len_of(Axis(1)).max(1);
    let y = y.as_slice_mut().expect("the tape is contiguous");
    let derivative = derivative.as_slice_mut().expect("the tape is contiguous");
    if work >= PARALLEL_MIN {
        y.par_chunks_mut(width)
            .zip(derivative.par_chunks_mut(width))
            .with_min_len(8)
            .enumerate()
            .for_each(|(i, (y, derivative))| f(i, y, derivative));
    } else {
        y.chunks_mut(width)
            .zip(derivative.chunks_mut(width))
            .enumerate()
            .for_each(|(i, (y, derivative))| f(i, y, derivative));
    }
}

/// Runs `f` on pairs of elements, on several threads where it pays.
pub(crate) fn for_each_pair(a: &mut [f32], b: &[f32], f: impl Fn(&mut f32, f32) + Sync) {
    const BLOCK: usize = 8 * 1024;
    let run = |(a, b): (&mut [f32], &[f32])| a.iter_mut().zip(b).for_each(|(a, &b)| f(a, b));
    if a.len() >= PARALLEL_MIN {
        a.par_chunks_mut(BLOCK).zip(b.par_chunks(BLOCK)).for_each(run);
    } else {
        run((a, b));
    }
}
