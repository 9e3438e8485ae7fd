use distill_tensor::{ParamId, Params, Weights};
use ndarray::ArrayViewMut2;

use super::step::{Backward, Eval, Forward, Inputs, Prepared, Sources, Step, Way};
use crate::Slot;
use crate::dense::Dense;
use crate::embedding::Embedding;

impl Step for Dense {
    fn prepare(&self, params: &Params) -> Prepared {
        Prepared::Dense(Weights::new(params.matrix(self.weight)))
    }

    fn eval(&self, at: Eval<'_>, xs: Sources<'_>, y: ArrayViewMut2<'_, f32>) {
        let Prepared::Dense(weights) = at.prepared else { unreachable!("a dense layer prepares its weights") };
        Self::eval(self, at.params, weights, xs.get(0), y);
    }

    fn forward(&self, at: &mut Forward<'_>, xs: Sources<'_>, y: &mut Slot) {
        let (y, derivative) = y.value_and_derivative_mut();
        Self::forward(self, at.params, (at.key, at.precision), xs.get(0), y, derivative);
    }

    fn backward(&self, at: &mut Backward<'_>, xs: &mut Inputs<'_>, y: &mut Slot) {
        if self.activation.is_some() {
            y.scale_grad_by_derivative();
        }
        let dz = y.grad();
        let (input, way) = xs.slot(0);
        self.backward_params(at.precision, input.value(), dz, at.grads);
        match way {
            Way::Skip => {}
            Way::Replace => self.backward_inputs(at.params, at.precision, dz, input.grad_mut()),
            Way::Add => {
                at.work.sums.resize(input.value().len(), 0.0);
                let mut sums = ArrayViewMut2::from_shape(input.value().dim(), &mut at.work.sums).expect("its length");
                self.backward_inputs(at.params, at.precision, dz, sums.view_mut());
                input.grad_mut().zip_mut_with(&sums, |grad, sum| *grad += sum);
            }
        }
    }

    fn hidden_units(&self) -> Option<ParamId> {
        self.activation.is_some().then_some(self.weight)
    }
}

impl Step for Embedding {
    fn eval(&self, at: Eval<'_>, _xs: Sources<'_>, y: ArrayViewMut2<'_, f32>) {
        Self::eval(self, at.params, at.bags, y);
    }

    fn forward(&self, at: &mut Forward<'_>, _xs: Sources<'_>, y: &mut Slot) {
        let (y, derivative) = y.value_and_derivative_mut();
        Self::forward(self, at.params, at.key, at.bags, y, derivative);
    }

    fn backward(&self, at: &mut Backward<'_>, _xs: &mut Inputs<'_>, y: &mut Slot) {
        y.scale_grad_by_derivative();
        self.backward_params(at.bags, y.grad_mut(), at.grads);
    }
}
