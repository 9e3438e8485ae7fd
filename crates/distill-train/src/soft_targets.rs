use distill_datasets::{Augmentation, Dataset, Jitter, spread};
use distill_models::{Model, Scratch};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, s};

use crate::{TargetStorage, TrainError};

/// Examples that are evaluated at a time.
pub(crate) const EVAL_BATCH: usize = 512;

/// The teacher's logits for every example of a dataset, in its order.
///
/// They hold for inputs that do not change from epoch to epoch, or for every view of inputs that
/// have only so many: a student may be shown shifted and flipped images, and the teacher is asked once
/// for each shift of each image. Logits are kept, not probabilities, so one cache serves every temperature.
#[derive(Debug, Clone, PartialEq)]
pub struct SoftTargets {
    /// One view after the other, each with all examples.
    logits: Array2<f32>,
    n_views: usize,
}

impl SoftTargets {
    /// Logits that were computed before, shape `(examples, classes)`.
    pub fn new(logits: Array2<f32>) -> Self {
        Self { logits, n_views: 1 }
    }

    /// The same for `n_views` views of each example, one view after the other: shape
    /// `(n_views x examples, classes)`. `None` if they cannot be told apart.
    pub fn with_views(logits: Array2<f32>, n_views: usize) -> Option<Self> {
        logits.nrows().checked_rem(n_views).filter(|&rest| rest == 0).map(|_| Self { logits, n_views })
    }

    /// The same where it is known that the rows are views of examples.
    pub(crate) fn of_views(logits: Array2<f32>, n_views: usize) -> Self {
        Self { logits, n_views }
    }

    /// How many views of each example they are answers to.
    pub fn n_views(&self) -> usize {
        self.n_views
    }

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
        Ok(Self::new(logits))
    }

    /// Asks the teacher once for every view of every example.
    ///
    /// # Errors
    /// [`TrainError::TooManyViews`] where views cannot be counted; if the data cannot be read or does not fit the teacher.
    pub fn compute_views(teacher: &dyn Model, data: &dyn Dataset, jitter: &Jitter) -> Result<Self, TrainError> {
        let n_views = jitter.n_views().ok_or(TrainError::TooManyViews)?;
        let mut logits = Array2::zeros((n_views * data.len(), teacher.spec().classes.len()));
        let mut seen = Array2::zeros((0, 0));
        for_each_batch(data, |start, inputs, scratch| {
            if seen.dim() != inputs.dim() {
                seen = Array2::zeros(inputs.dim());
            }
            for view in 0..n_views {
                seen.assign(&inputs);
                jitter.apply_view(view, seen.view_mut());
                let start = view * data.len() + start;
                let out = logits.slice_mut(s![start..start + inputs.nrows(), ..]);
                teacher.logits_into(seen.view(), scratch, out)?;
            }
            Ok(())
        })?;
        Ok(Self { logits, n_views })
    }

    /// Whether they are answers to what training shows: `data` as it is, or each view of it.
    pub(crate) fn check(&self, data: &dyn Dataset, jitter: Option<&Jitter>) -> Result<(), TrainError> {
        let n_views = jitter.map_or(Some(1), Jitter::n_views).ok_or(TrainError::TooManyViews)?;
        let rows = n_views * data.len();
        let (expected, actual) = ([rows, data.spec().classes.len()], [self.logits.nrows(), self.logits.ncols()]);
        if expected != actual {
            return Err(TrainError::Targets { expected, actual });
        }
        // As many rows may be fewer examples in more views.
        if n_views != self.n_views {
            return Err(TrainError::TargetViews { expected: n_views, actual: self.n_views });
        }
        Ok(())
    }

    /// All logits, shape `(views x examples, classes)`.
    pub fn logits(&self) -> ArrayView2<'_, f32> {
        self.logits.view()
    }

    /// Rows whose stored answer differs from what the teacher says now, of up to `n_rows` that are
    /// spread over the data.
    ///
    /// The teacher is a constant and computes each row by itself, so on the machine that stored
    /// them the bits are equal once they are rounded as `storage` does. Elsewhere they may differ in the
    /// last digits, which is allowed.
    ///
    /// # Errors
    /// If the data cannot be read or does not fit the teacher; [`TrainError::Targets`] if the number
    /// of rows is not that of the data.
    pub fn differing(
        &self,
        storage: TargetStorage,
        teacher: &dyn Model,
        data: &dyn Dataset,
        n_rows: usize,
    ) -> Result<Vec<usize>, TrainError> {
        if self.logits.dim() != (data.len(), teacher.spec().classes.len()) {
            return Err(TrainError::Targets {
                expected: [data.len(), teacher.spec().classes.len()],
                actual: [self.logits.nrows(), self.logits.ncols()],
            });
        }
        let indices = spread(n_rows, data.len());
        let mut inputs = Array2::zeros((indices.len(), data.spec().features()));
        data.read(&indices, inputs.view_mut())?;
        let answers = teacher.logits(inputs.view())?;
        let logits = storage.round(answers.view());
        let near = |(a, b): (&f32, &f32)| (a - b).abs() <= storage.tolerance() * a.abs().max(b.abs()).max(1.0);
        let differs = |(i, &index): (usize, &usize)| {
            // An infinity is within any part of itself of every number, and no file has one.
            let could_be_stored = storage.unfit(answers.slice(s![i..=i, ..])).is_none();
            let same = could_be_stored && logits.row(i).iter().zip(self.logits.row(index)).all(near);
            (!same).then_some(index)
        };
        Ok(indices.iter().enumerate().filter_map(differs).collect())
    }

    /// Copies the rows of these examples, as the epoch shows them, into `out`, shape `(indices.len(), classes)`.
    pub(crate) fn gather(&self, indices: &[usize], shown: Option<&Augmentation>, mut out: ArrayViewMut2<'_, f32>) {
        let n_examples = self.logits.nrows() / self.n_views;
        for (&index, mut row) in indices.iter().zip(out.axis_iter_mut(Axis(0))) {
            let view = shown.map_or(0, |shown| shown.view_of(index));
            row.assign(&self.logits.row(view * n_examples + index));
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
