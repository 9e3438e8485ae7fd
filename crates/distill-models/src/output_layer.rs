use distill_tensor::Params;
use ndarray::{ArrayView1, ArrayView2};

use crate::{Mlp, Model, ModelError, Trainable};

impl Mlp {
    /// Weights, shape `(classes, inputs)`, and biases of the layer of the logits.
    ///
    /// # Panics
    /// Never: every network has such a layer.
    pub fn output(&self) -> (ArrayView2<'_, f32>, &[f32]) {
        let ids: Vec<_> = self.params().layout().iter().map(|(id, ..)| id).collect();
        let [.., weight, bias] = ids[..] else { unreachable!("the layout ends with the layer of the logits") };
        (self.params().matrix(weight), self.params().vector(bias))
    }

    /// A network with the same hidden layers and another layer of logits, for other classes.
    ///
    /// # Errors
    /// [`ModelError::Config`] if `weight` is not of shape `(classes, inputs of that layer)` or there is not a bias for each
    /// class.
    pub fn with_output(
        &self,
        classes: Vec<String>,
        weight: ArrayView2<'_, f32>,
        bias: &[f32],
    ) -> Result<Self, ModelError> {
        let n_inputs = self.output().0.ncols();
        if weight.dim() != (classes.len(), n_inputs) || bias.len() != classes.len() {
            let (n, shape) = (classes.len(), weight.shape());
            let problem =
                format!("needs weights of shape [{n}, {n_inputs}] and {n} biases, got {shape:?} and {}", bias.len());
            return Err(ModelError::Config { field: "output", problem });
        }
        let spec = self.spec();
        let layout = self.config().layout(spec.features(), classes.len())?;
        let mut params = Params::zeros(layout.clone());
        let hidden = self.params().as_slice();
        let n_hidden = hidden.len() - spec.classes.len() * (n_inputs + 1);
        let (below, above) = params.as_mut_slice().split_at_mut(n_hidden);
        below.copy_from_slice(&hidden[..n_hidden]);
        let values = weight.iter().chain(ArrayView1::from(bias));
        above.iter_mut().zip(values).for_each(|(place, &value)| *place = value);
        Self::with_params(self.config().clone(), spec.input_shape.clone(), classes, params)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Axis};

    use super::*;
    use crate::{EmbeddingConfig, MlpConfig};

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|class| format!("c{class}")).collect()
    }

    #[test]
    fn classes_can_be_taken_over() {
        for (hidden, embedding) in [(vec![], None), (vec![5, 4], None), (vec![5], Some(EmbeddingConfig { buckets: 9 }))]
        {
            let config = MlpConfig { hidden, embedding, ..MlpConfig::default() };
            let model = Mlp::new(config, vec![3], names(6), 2).unwrap();
            let (weight, bias) = model.output();
            let (weight, bias) = (weight.select(Axis(0), &[4, 1]), [bias[4], bias[1]]);
            let other = model.with_output(names(2), weight.view(), &bias).unwrap();
            let inputs = Array2::from_shape_fn((4, 3), |(i, j)| ((i * 2 + j) % 9) as f32);
            let (all, some) = (model.logits(inputs.view()).unwrap(), other.logits(inputs.view()).unwrap());
            let expected = all.select(Axis(1), &[4, 1]);
            assert!((&some - &expected).iter().all(|difference| difference.abs() < 1e-6), "{some} {expected}");
            assert!(model.with_output(names(3), weight.view(), &bias).is_err());
            assert!(model.with_output(names(2), weight.view(), &bias[..1]).is_err());
        }
    }
}
