use distill_datasets::{DataError, DataSpec, Dataset, Texts, check_batch};
use ndarray::{ArrayViewMut2, Axis};
use rayon::prelude::*;

use crate::TextEncoder;

/// Rows that a thread writes at a time.
const ROWS: usize = 16;

/// The texts of a table as a `Dataset`: a row holds what a [`TextEncoder`] makes of a text.
#[derive(Debug, Clone)]
pub struct TextRows {
    texts: Texts,
    encoder: TextEncoder,
    spec: DataSpec,
}

impl TextRows {
    /// Takes texts, and how they become numbers.
    pub fn new(texts: Texts, encoder: TextEncoder) -> Self {
        let spec = DataSpec::new(vec![encoder.width()], texts.classes().to_vec());
        Self { texts, encoder, spec }
    }

    /// The texts.
    pub fn texts(&self) -> &Texts {
        &self.texts
    }
}

impl Dataset for TextRows {
    fn spec(&self) -> &DataSpec {
        &self.spec
    }

    fn len(&self) -> usize {
        self.texts.len()
    }

    fn read(&self, indices: &[usize], mut out: ArrayViewMut2<'_, f32>) -> Result<(), DataError> {
        check_batch(self, indices, out.dim())?;
        let rows = out.axis_iter_mut(Axis(0)).into_par_iter();
        rows.zip(indices)
            .with_min_len(ROWS)
            .for_each(|(row, &index)| self.encoder.write_row(self.texts.text(index).unwrap_or_default(), row));
        Ok(())
    }

    fn label(&self, index: usize) -> Option<u32> {
        self.texts.label(index)
    }
}
