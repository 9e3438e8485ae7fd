//! Networks that learn numbers in units of their deviations, and give them in those of the data.

use distill_tensor::Params;
use ndarray::{ArrayView2, ArrayViewMut2, Axis};

use super::{Standardization, Standardized};
use crate::buffer::matrix;
use crate::{ModelError, Network, Tape, Trainable};

impl Standardized {
    /// The same model, whose network gives numbers with mean 0 and deviation 1, which the model then gives as they are: `y = mean +
    /// sd z`. The gradient of `z` is `sd` times that of `y`. [`fold`](Self::fold) moves both into the last matrix; a network that does
    /// not end with one learns numbers as they are.
    ///
    /// # Errors
    /// [`ModelError::Config`] unless there is one mean for each output.
    pub fn with_outputs(self, outputs: Standardization) -> Result<Self, ModelError> {
        let (found, expected) = (outputs.mean.len(), self.model.spec_classes());
        if found != expected {
            let problem = format!("has {found} means for {expected} outputs");
            return Err(ModelError::Config { field: "standardize", problem });
        }
        let outputs = self.model.last_matrix().map(|_| outputs);
        Ok(Self { outputs, ..self })
    }

    /// The same where the network gives numbers as they are now: its last matrix is changed so that the model gives what it has
    /// given.
    ///
    /// # Errors
    /// As [`with_outputs`](Self::with_outputs).
    pub fn unfold_outputs(self, outputs: Standardization) -> Result<Self, ModelError> {
        let mut unfolded = self.with_outputs(outputs)?;
        if let Some(Standardization { mean, scale }) = unfolded.outputs.clone() {
            let shifted = |b: f32, at: usize| (f64::from(b) - f64::from(mean[at])) * f64::from(scale[at]);
            unfolded.model.change_last(|w, at| w * scale[at], shifted);
        }
        Ok(unfolded)
    }

    /// Moves the standardisation of the outputs into the last matrix.
    pub(super) fn fold_outputs(&mut self) {
        if let Some(Standardization { mean, scale }) = self.outputs.take() {
            let shifted = |b: f32, at: usize| f64::from(b) / f64::from(scale[at]) + f64::from(mean[at]);
            self.model.change_last(|w, at| w / scale[at], shifted);
        }
    }

    /// Makes numbers of the data of those that the network gives.
    pub(super) fn write_outputs(&self, mut out: ArrayViewMut2<'_, f32>) {
        let Some(Standardization { mean, scale }) = &self.outputs else { return };
        for mut row in out.axis_iter_mut(Axis(0)) {
            row.iter_mut().zip(mean).zip(scale).for_each(|((y, mean), scale)| *y = *y / scale + mean);
        }
    }

    /// The same on a tape. The layer that gives them is a matrix, whose backward pass does not read them.
    pub(super) fn write_outputs_of(&self, tape: &mut Tape) {
        if self.outputs.is_some()
            && let Some(last) = tape.slots_mut().last_mut()
        {
            self.write_outputs(last.value_mut());
        }
    }

    /// The backward pass of the network, from the gradient of the numbers of the data.
    pub(super) fn backward_through(
        &self,
        outputs: &Standardization,
        grad: ArrayView2<'_, f32>,
        tape: &mut Tape,
        grads: &mut Params,
    ) {
        let divide = |mut of: ArrayViewMut2<'_, f32>| {
            for mut row in of.axis_iter_mut(Axis(0)) {
                row.iter_mut().zip(&outputs.scale).for_each(|(grad, scale)| *grad /= scale);
            }
        };
        let mut buffer = std::mem::take(&mut tape.standard);
        let mut of_network = matrix(&mut buffer, grad.nrows(), grad.ncols());
        of_network.assign(&grad);
        divide(of_network.view_mut());
        // What a loss on inner values has put there is of the numbers of the data, too.
        if let Some(last) = tape.slots_mut().last_mut()
            && last.entered().is_some()
        {
            divide(last.value_and_entering_mut().1);
        }
        self.model.backward(of_network.view(), tape, grads);
        tape.standard = buffer;
    }
}

impl Network {
    fn spec_classes(&self) -> usize {
        crate::Model::spec(self).classes.len()
    }

    /// Changes the weights of the last matrix, and its biases, each with the number of its output.
    fn change_last(&mut self, weight: impl Fn(f32, usize) -> f32, bias: impl Fn(f32, usize) -> f64) {
        let Some((weights, biases)) = self.last_matrix() else { return };
        let params = self.params_mut();
        for (at, mut row) in params.matrix_mut(weights).outer_iter_mut().enumerate() {
            row.mapv_inplace(|w| weight(w, at));
        }
        for (at, b) in params.vector_mut(biases).iter_mut().enumerate() {
            #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
            let changed = bias(*b, at) as f32;
            *b = changed;
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;
    use crate::{Activation, MlpConfig, Model, StepKey, Task};

    fn network(hidden: &[usize]) -> Network {
        let config = MlpConfig { hidden: hidden.to_vec(), activation: Activation::Tanh, ..MlpConfig::default() };
        Network::new(config, vec![3], vec!["price".into(), "rent".into()], 7).unwrap().with_task(Task::Numbers)
    }

    fn inputs() -> Array2<f32> {
        Array2::from_shape_fn((9, 3), |(i, j)| ((i * 7 + j * 5) % 11) as f32 / 4.0 - 1.3)
    }

    fn outputs() -> Standardization {
        Standardization::new(&[2e5, -3.0], &[1e5, 0.25]).unwrap()
    }

    /// How far two answers are apart, in units of the deviation.
    fn apart(a: &Array2<f32>, b: &Array2<f32>) -> f32 {
        ((a - b) * &array![[1e-5, 4.0]]).iter().fold(0.0, |most, x| x.abs().max(most))
    }

    #[test]
    fn numbers_are_given_as_they_are_and_a_folded_model_gives_the_same() {
        for hidden in [&[][..], &[4]] {
            let standard = Standardization::new(&[0.5, 0.0, -1.0], &[2.0, 1.0, 0.5]).unwrap();
            let plain = Standardized::new(network(hidden), Some(standard.clone())).unwrap();
            let model =
                Standardized::new(network(hidden), Some(standard.clone())).unwrap().with_outputs(outputs()).unwrap();
            let z = plain.logits(inputs().view()).unwrap();
            let expected = z * &array![[1e5, 0.25]] + &array![[2e5, -3.0]];
            let found = model.logits(inputs().view()).unwrap();
            assert!(apart(&found, &expected) < 1e-5);
            let mut tape = model.tape();
            model.forward(inputs().view(), StepKey::new(1, 0), &mut tape).unwrap();
            assert_eq!(tape.logits(), found);
            let folded = model.clone().fold();
            assert_eq!(folded.spec().task, Task::Numbers);
            let given = folded.logits(inputs().view()).unwrap();
            assert!(apart(&given, &found) < 1e-4, "{given} {found}");
            // And back.
            let again = Standardized::unfold(folded, Some(standard)).unwrap().unfold_outputs(outputs()).unwrap();
            assert!(apart(&again.logits(inputs().view()).unwrap(), &found) < 1e-4);
        }
        assert!(
            Standardized::new(network(&[]), None)
                .unwrap()
                .with_outputs(Standardization::new(&[0.0], &[1.0]).unwrap())
                .is_err()
        );
    }

    #[test]
    fn gradients_go_through_the_deviations() {
        let model = Standardized::new(network(&[4]), None).unwrap().with_outputs(outputs()).unwrap();
        // The sum of all numbers, by weights that make both count alike.
        let of_numbers = Array2::from_shape_fn((9, 2), |(_, j)| [1e-5_f32, 4.0][j]);
        let value = |model: &Standardized| (model.logits(inputs().view()).unwrap() * &of_numbers).mapv(f64::from).sum();
        let (mut tape, mut grads) = (model.tape(), Params::zeros(model.params().layout().clone()));
        model.forward(inputs().view(), StepKey::new(1, 0), &mut tape).unwrap();
        model.backward(of_numbers.view(), &mut tape, &mut grads);
        for at in 0..grads.as_slice().len() {
            let moved = |by: f32| {
                let mut model = model.clone();
                model.params_mut().as_mut_slice()[at] += by;
                value(&model)
            };
            let expected = (moved(0.01) - moved(-0.01)) / 0.02;
            assert!(
                (f64::from(grads.as_slice()[at]) - expected).abs() < 2e-2,
                "{at}: {} {expected}",
                grads.as_slice()[at]
            );
        }
    }
}
