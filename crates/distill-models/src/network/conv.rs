use distill_tensor::{Convolution, ParamId, Params, Precision};
use ndarray::ArrayViewMut2;

use super::step::{Backward, Eval, Forward, Inputs, Prepared, Sources, Step, row};
use crate::Slot;
use crate::channels::{center_and_scale, write_moments};
use crate::dense::sum_columns;

/// A convolution, with a bias or without. Maps lie with their channels side by side.
#[derive(Debug)]
pub(super) struct Conv {
    pub(super) convolution: Convolution,
    pub(super) weight: ParamId,
    pub(super) bias: Option<ParamId>,
    /// Whether a batch norm is all that reads the outputs: then its sums are made with them, and its gradient is taken as it is.
    pub(super) before_norm: bool,
}

impl Conv {
    fn bias<'a>(&self, params: &'a Params) -> Option<&'a [f32]> {
        self.bias.map(|bias| params.vector(bias))
    }
}

impl Step for Conv {
    fn prepare(&self, params: &Params) -> Prepared {
        let mut kernel = distill_tensor::Kernel::default();
        self.convolution.pack(params.vector(self.weight), self.bias(params), Precision::F32, &mut kernel);
        Prepared::Conv(kernel)
    }

    fn eval(&self, at: Eval<'_>, xs: Sources<'_>, mut y: ArrayViewMut2<'_, f32>) {
        let Prepared::Conv(kernel) = at.prepared else { unreachable!("a convolution prepares a kernel") };
        self.convolution.forward(kernel, xs.slice(0), y.as_slice_mut().expect("values of steps are contiguous"));
    }

    fn forward(&self, at: &mut Forward<'_>, xs: Sources<'_>, y: &mut Slot) {
        let [kernel, _] = &mut at.work.kernels;
        self.convolution.pack(at.params.vector(self.weight), self.bias(at.params), at.precision, kernel);
        if !self.before_norm {
            return self.convolution.forward(kernel, xs.slice(0), y.value_slice_mut());
        }
        let channels = self.convolution.shape().outputs;
        let (value, sums) = y.value_and_sums_mut(2 * channels);
        self.convolution.forward_and_note(kernel, xs.slice(0), value, sums, |y, sums| write_moments(y, channels, sums));
    }

    fn backward(&self, at: &mut Backward<'_>, xs: &mut Inputs<'_>, y: &mut Slot) {
        if let Some([value, grad, map]) = y.pending() {
            let (width, [_, kernel]) = (y.width(), &mut at.work.kernels);
            let (x, dx) = xs.value_and_grad(0);
            if dx.is_some() {
                self.convolution.pack_backward(at.params.vector(self.weight), at.precision, kernel);
            }
            let write_dy =
                |i, dy: &mut [f32]| center_and_scale(row(grad, width, i), row(value, width, i), map, (dy, false));
            let (sums, grads) = (&mut at.work.sums, at.grads.vector_mut(self.weight));
            return self.convolution.backward(kernel, x, write_dy, at.precision, (sums, grads), dx);
        }
        let (dy, work) = (y.grad(), &mut *at.work);
        if let Some(bias) = self.bias {
            let channels = self.convolution.shape().outputs;
            let by_pixel = dy.to_shape((dy.len() / channels, channels)).expect("whole pixels");
            sum_columns(by_pixel.view(), at.grads.vector_mut(bias));
        }
        let dy = dy.to_slice().expect("the tape is contiguous");
        let (x, dx) = xs.value_and_grad(0);
        let grads = at.grads.vector_mut(self.weight);
        self.convolution.backward_weights(x, dy, at.precision, &mut work.sums, grads);
        if let Some((dx, add)) = dx {
            let [_, kernel] = &mut work.kernels;
            self.convolution.pack_backward(at.params.vector(self.weight), at.precision, kernel);
            self.convolution.backward_inputs(kernel, dy, dx, add);
        }
    }
}
