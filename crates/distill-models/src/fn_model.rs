use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use crate::{Model, ModelError, ModelSpec, Scratch, Task};

/// A teacher that is a function: of one row of inputs, to the logits of it.
///
/// # Examples
/// ```
/// use distill_models::{FnModel, Model};
/// use ndarray::array;
/// let classes = vec!["left".to_owned(), "right".to_owned()];
/// let teacher = FnModel::new(vec![2], classes, |input, mut logits| {
///     logits[0] = input[0] - input[1];
///     logits[1] = -logits[0];
/// });
/// assert_eq!(teacher.logits(array![[3.0, 1.0], [0.0, 0.5]].view())?, array![[2.0, -2.0], [-0.5, 0.5]]);
/// # Ok::<(), distill_models::ModelError>(())
/// ```
#[derive(Debug, Clone)]
pub struct FnModel<F> {
    spec: ModelSpec,
    function: F,
}

impl<F: Fn(ArrayView1<'_, f32>, ArrayViewMut1<'_, f32>) + Send + Sync> FnModel<F> {
    /// A model of such inputs and classes. The function writes a logit for each class, all zero before, and gives the same ones
    /// for the same input every time.
    pub fn new(input_shape: Vec<usize>, classes: Vec<String>, function: F) -> Self {
        Self {
            spec: ModelSpec {
                architecture: "function".to_owned(),
                input_shape,
                classes,
                parameters: 0,
                task: Task::Classes,
            },
            function,
        }
    }

    /// The same function, whose outputs are these.
    #[must_use]
    pub fn with_task(mut self, task: Task) -> Self {
        self.spec.task = task;
        self
    }
}

impl<F: Fn(ArrayView1<'_, f32>, ArrayViewMut1<'_, f32>) + Send + Sync> Model for FnModel<F> {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn logits_into(
        &self,
        inputs: ArrayView2<'_, f32>,
        _: &mut Scratch,
        mut out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), ModelError> {
        let (expected, actual) = (self.spec.features(), inputs.ncols());
        if expected != actual {
            return Err(ModelError::Features { expected, actual });
        }
        out.fill(0.0);
        inputs.outer_iter().zip(out.outer_iter_mut()).for_each(|(input, logits)| (self.function)(input, logits));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn inputs_of_another_width_are_refused() {
        let model = FnModel::new(vec![1, 3], vec!["a".into()], |input, mut logits| logits[0] = input.sum());
        assert_eq!(model.logits(Array2::ones((2, 3)).view()).unwrap(), Array2::from_elem((2, 1), 3.0));
        let refused = model.logits(Array2::ones((2, 4)).view());
        assert!(matches!(refused, Err(ModelError::Features { expected: 3, actual: 4 })));
    }
}
