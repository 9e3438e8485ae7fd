use distill_tensor::{ParamId, Params, sum_rows};
use ndarray::ArrayViewMut2;
use serde::{Deserialize, Serialize};

use crate::bags::Bags;
use crate::dense::{activate, activate_with_derivative, for_each_row, for_each_row_pair, sum_columns};
use crate::{Activation, Dropout, ModelError, StepKey};

/// f32 holds whole numbers up to here without a gap.
const MAX_BUCKETS: usize = 1 << 24;

/// A first layer for inputs that are bucket indices, such as those of hashed n-grams.
///
/// Each bucket has a row of weights, one for each unit of the first hidden layer. An example is the mean of the rows of its
/// buckets; those that occur twice count twice. -1 stands for no bucket, so that examples can have different numbers of them.
/// A step reads and changes the rows of its batch alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct EmbeddingConfig {
    /// Rows of the table; inputs are numbers below it.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = MAX_BUCKETS)))]
    pub buckets: usize,
}

impl Default for EmbeddingConfig {
    fn default() -> Self {
        Self { buckets: 1 << 14 }
    }
}

impl EmbeddingConfig {
    /// Checks what the rest of the description says about the first layer.
    pub(crate) fn check(self, hidden: &[usize], input_dropout: f64) -> Result<(), ModelError> {
        let problem = if !(1..=MAX_BUCKETS).contains(&self.buckets) {
            ("embedding", format!("has {} buckets, expected 1 to {MAX_BUCKETS}", self.buckets))
        } else if hidden.is_empty() {
            ("embedding", "needs a hidden layer, whose units are the columns of its table".to_owned())
        } else if input_dropout != 0.0 {
            ("input_dropout", format!("is {input_dropout}, but the inputs of an embedding are bucket indices"))
        } else {
            return Ok(());
        };
        Err(ModelError::Config { field: problem.0, problem: problem.1 })
    }
}

/// The first layer of a model with an [`EmbeddingConfig`]: `y = dropout(activation(mean of rows + b))`.
///
/// Table `(buckets, outputs)`, bias `(outputs)`. The mean of no rows is zero.
#[derive(Debug, Clone)]
pub(crate) struct Embedding {
    pub(crate) table: ParamId,
    pub(crate) bias: ParamId,
    pub(crate) activation: Activation,
    pub(crate) dropout: Option<Dropout>,
}

impl Embedding {
    /// Evaluation: the same sums as in training.
    pub(crate) fn eval(&self, params: &Params, bags: &Bags, y: ArrayViewMut2<'_, f32>) {
        let (bias, work) = (params.vector(self.bias), bags.n_numbers() * y.ncols());
        for_each_row(y, work, |example, y| {
            self.mean(params, bags, example, y);
            activate(self.activation, y, bias);
        });
    }

    /// Training: also records `derivative`, the derivative of `y` by what goes into the activation.
    pub(crate) fn forward(
        &self,
        params: &Params,
        key: StepKey,
        bags: &Bags,
        y: ArrayViewMut2<'_, f32>,
        derivative: ArrayViewMut2<'_, f32>,
    ) {
        let (bias, work) = (params.vector(self.bias), bags.n_numbers() * y.ncols());
        for_each_row_pair(y, derivative, work, |example, y, derivative| {
            self.mean(params, bags, example, y);
            activate_with_derivative(self.activation, y, derivative, bias);
            if let Some(dropout) = self.dropout {
                dropout.apply(key, example, y, derivative);
            }
        });
    }

    /// Gradients from `dz`, that of what goes into the activation. `dz` is then divided by the numbers of buckets.
    pub(crate) fn backward_params(&self, bags: &mut Bags, mut dz: ArrayViewMut2<'_, f32>, grads: &mut Params) {
        sum_columns(dz.view(), grads.vector_mut(self.bias));
        bags.invert();
        let bags = &*bags;
        for (example, mut dz) in dz.rows_mut().into_iter().enumerate() {
            let share = share(bags, example);
            dz.iter_mut().for_each(|dz| *dz *= share);
        }
        let dz = dz.as_slice().expect("the tape is contiguous");
        grads.overwrite_rows(self.table, bags.touched(), |i, row| sum_rows(dz, bags.examples_of(i), row));
    }

    fn mean(&self, params: &Params, bags: &Bags, example: usize, y: &mut [f32]) {
        sum_rows(params.vector(self.table), bags.of(example), y);
        let share = share(bags, example);
        y.iter_mut().for_each(|y| *y *= share);
    }
}

/// The weight of a row in the mean of an example, 0 for an example without rows.
fn share(bags: &Bags, example: usize) -> f32 {
    match bags.of(example).len() {
        0 => 0.0,
        n => 1.0 / n as f32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MlpConfig;

    #[track_caller]
    fn check(config: MlpConfig, message: &str) {
        assert_eq!(config.check().unwrap_err().to_string(), message);
    }

    #[test]
    fn refuses_what_does_not_fit_an_embedding() {
        let config = |buckets, hidden: &[usize]| MlpConfig {
            hidden: hidden.to_vec(),
            embedding: Some(EmbeddingConfig { buckets }),
            ..MlpConfig::default()
        };
        check(config(0, &[3]), "`embedding` has 0 buckets, expected 1 to 16777216");
        check(config((1 << 24) + 1, &[3]), "`embedding` has 16777217 buckets, expected 1 to 16777216");
        check(config(8, &[]), "`embedding` needs a hidden layer, whose units are the columns of its table");
        check(
            MlpConfig { input_dropout: 0.1, ..config(8, &[3]) },
            "`input_dropout` is 0.1, but the inputs of an embedding are bucket indices",
        );
        assert!(MlpConfig { max_norm: Some(2.0), ..config(8, &[3]) }.check().is_ok());
    }
}
