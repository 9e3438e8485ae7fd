use std::sync::Arc;

use distill_datasets::Columns;
use distill_models::{Model, ModelError, ModelSpec, Scratch};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};

/// A model of whole numbers, given rows of a table whose numbers are in pieces.
pub(crate) struct WholeColumns {
    model: Arc<dyn Model>,
    columns: Columns,
    spec: ModelSpec,
}

impl WholeColumns {
    /// The model for these columns, where it takes as many numbers as they have when they are whole, and not as many as they have.
    pub(crate) fn wrap(model: Arc<dyn Model>, columns: Option<&Columns>) -> Arc<dyn Model> {
        let Some(columns) = columns.filter(|columns| columns.has_pieces()) else { return model };
        let features = model.spec().features();
        if features == columns.features() || features != columns.whole().features() {
            return model;
        }
        let spec = ModelSpec { input_shape: vec![columns.features()], ..model.spec().clone() };
        Arc::new(Self { model, columns: columns.clone(), spec })
    }
}

impl Model for WholeColumns {
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
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), ModelError> {
        if inputs.ncols() != self.spec.features() {
            return Err(ModelError::Features { expected: self.spec.features(), actual: inputs.ncols() });
        }
        let mut whole = Array2::zeros((inputs.nrows(), self.model.spec().features()));
        for (input, whole) in inputs.outer_iter().zip(whole.outer_iter_mut()) {
            self.columns.write_whole(input, whole);
        }
        self.model.logits_into(whole.view(), scratch, out)
    }
}
