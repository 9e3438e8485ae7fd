use std::sync::Arc;

use ndarray::{ArrayView2, ArrayViewMut2};

use crate::buffer::matrix;
use crate::{MapShape, Model, ModelError, ModelSpec, Scratch, Tape};

/// What the logits of the whole model are called.
const ALL: &str = "all logits";

/// Some logits of a model, in another order. Its inner values are those of the model, whose logits it names `all logits`.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use distill_models::{SelectedLogits, Network, MlpConfig, Model};
/// let config = MlpConfig { hidden: vec![3], ..MlpConfig::default() };
/// let model = Arc::new(Network::new(config, vec![1], vec!["cat".into(), "dog".into(), "fox".into()], 1)?);
/// let some = SelectedLogits::new(model.clone(), &["fox".into(), "cat".into()])?;
/// let inputs = ndarray::array![[0.5]];
/// let (all, kept) = (model.logits(inputs.view())?, some.logits(inputs.view())?);
/// assert_eq!((kept[[0, 0]], kept[[0, 1]]), (all[[0, 2]], all[[0, 0]]));
/// # Ok::<(), distill_models::ModelError>(())
/// ```
#[derive(Clone)]
pub struct SelectedLogits {
    model: Arc<dyn Model>,
    columns: Vec<usize>,
    spec: ModelSpec,
}

impl SelectedLogits {
    /// The same model with these classes, in this order.
    ///
    /// # Errors
    /// [`ModelError::Config`] if it lacks one of them.
    pub fn new(model: Arc<dyn Model>, classes: &[String]) -> Result<Self, ModelError> {
        let column = |class: &String| {
            let found = model.spec().classes.iter().position(|name| name == class);
            found.ok_or_else(|| ModelError::Config { field: "classes", problem: format!("has no `{class}`") })
        };
        let columns = classes.iter().map(column).collect::<Result<Vec<_>, _>>()?;
        let spec = ModelSpec { classes: classes.to_vec(), ..model.spec().clone() };
        Ok(Self { model, columns, spec })
    }
}

impl Model for SelectedLogits {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn rows_at_a_time(&self) -> usize {
        self.model.rows_at_a_time()
    }

    fn logits_into(
        &self,
        inputs: ArrayView2<'_, f32>,
        scratch: &mut Scratch,
        mut out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), ModelError> {
        let mut buffer = scratch.take();
        let mut logits = matrix(&mut buffer, out.nrows(), self.model.spec().classes.len());
        let answered = self.model.logits_into(inputs, scratch, logits.view_mut());
        for (mut kept, &column) in out.columns_mut().into_iter().zip(&self.columns) {
            kept.assign(&logits.column(column));
        }
        scratch.give_back(buffer);
        answered
    }

    fn inner_values(&self) -> Vec<(String, usize)> {
        let mut values = self.model.inner_values();
        if let Some((logits, _)) = values.last_mut() {
            let kept = (std::mem::replace(logits, ALL.to_owned()), self.columns.len());
            values.push(kept);
        }
        values
    }

    fn inner_map(&self, name: &str) -> Option<MapShape> {
        self.model.inner_map(name)
    }

    fn record(&self, inputs: ArrayView2<'_, f32>, tape: &mut Tape) -> Result<(), ModelError> {
        let recorded = tape.without_last(|tape| self.model.record(inputs, tape));
        if let ([.., all, kept], Ok(())) = (tape.slots_mut(), &recorded) {
            for (mut kept, &column) in kept.value_mut().columns_mut().into_iter().zip(&self.columns) {
                kept.assign(&all.value().column(column));
            }
        }
        recorded
    }
}
