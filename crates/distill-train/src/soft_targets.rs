use distill_datasets::Dataset;
use distill_models::{Model, Scratch};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, s};

use crate::TrainError;

/// Examples that are evaluated at a time.
pub(crate) const EVAL_BATCH: usize = 512;

/// The teacher's logits for every example of a dataset, in its order.
///
/// They hold for inputs that do not change from epoch to epoch. Logits are kept, not
/// probabilities, so one cache serves every temperature.
#[derive(Debug, Clone, PartialEq)]
pub struct SoftTargets {
    logits: Array2<f32>,
}

impl SoftTargets {
    /// Asks the teacher once for every example.
    ///
    /// # Errors
    /// If the data cannot be read or does not fit the teacher.
    pub fn compute(teacher: &dyn Model, data: &dyn Dataset) -> Result<Self, TrainError> {
        let mut logits = Array2::zeros((data.len(), teacher.spec().classes.len()));
        for_each_batch(data, |start, inputs, scratch| {
            let out = logits.slice_mut(s![start..start + inputs.nrows(), ..]);
            Ok(teacher.logits_into(inputs, scratch, out)?)
        })?;
        Ok(Self { logits })
    }

    /// All logits, shape `(examples, classes)`.
    pub fn logits(&self) -> ArrayView2<'_, f32> {
        self.logits.view()
    }

    /// Copies the rows of these examples into `out`, shape `(indices.len(), classes)`.
    pub(crate) fn gather(&self, indices: &[usize], mut out: ArrayViewMut2<'_, f32>) {
        for (&index, mut row) in indices.iter().zip(out.axis_iter_mut(Axis(0))) {
            row.assign(&self.logits.row(index));
        }
    }
}

/// Calls `f(first index, inputs, scratch)` for all examples of a dataset, in order, some at a time.
pub(crate) fn for_each_batch(
    data: &dyn Dataset,
    mut f: impl FnMut(usize, ArrayView2<'_, f32>, &mut Scratch) -> Result<(), TrainError>,
) -> Result<(), TrainError> {
    let mut inputs = Array2::zeros((EVAL_BATCH.min(data.len()), data.spec().features()));
    let mut scratch = Scratch::default();
    let indices: Vec<usize> = (0..data.len()).collect();
    for batch in indices.chunks(EVAL_BATCH) {
        let mut inputs = inputs.slice_mut(s![..batch.len(), ..]);
        data.read(batch, inputs.view_mut())?;
        f(batch[0], inputs.view(), &mut scratch)?;
    }
    Ok(())
}
