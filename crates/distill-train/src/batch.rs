use std::ops::Range;

use distill_datasets::Dataset;
use distill_losses::{Loss, LossValue, Targets, Term};
use distill_models::{Scratch, Tape};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, s};

use crate::TrainError;
use crate::context::{StepContext, Teacher};
use crate::exchange::{Exchange, part};

/// The examples of a step: their inputs, and what the student is compared with.
///
/// Those with a label come first. What has none is compared with the teacher alone, so a batch of both is two parts, one after
/// the other.
pub(crate) struct Batch {
    /// The labels of the whole batch, and its examples in the order of the rows.
    found: Vec<Option<u32>>,
    order: Vec<usize>,
    /// Of the rows that are computed, as all below.
    labels: Vec<u32>,
    inputs: Array2<f32>,
    teacher_logits: Array2<f32>,
    has_teacher: bool,
    n: usize,
    scratch: Scratch,
    /// Inner values of the teacher, where a loss wants them.
    teacher_tape: Option<Tape>,
}

impl Batch {
    /// Buffers for up to `n` rows.
    pub(crate) fn new(n: usize, features: usize, n_classes: usize) -> Self {
        Self {
            found: Vec::with_capacity(n),
            order: Vec::with_capacity(n),
            labels: Vec::with_capacity(n),
            inputs: Array2::zeros((n, features)),
            teacher_logits: Array2::zeros((n, n_classes)),
            has_teacher: false,
            n: 0,
            scratch: Scratch::default(),
            teacher_tape: None,
        }
    }

    /// Reads some rows of the batch of these examples, as the step shows them, and what the teacher says.
    ///
    /// # Errors
    /// If data or teacher refuse.
    pub(crate) fn read(
        &mut self,
        indices: &[usize],
        rows: Range<usize>,
        context: &StepContext<'_>,
    ) -> Result<(), TrainError> {
        self.arrange(indices, rows.clone(), context);
        let (indices, n) = (&self.order[rows], self.n);
        let mut inputs = self.inputs.slice_mut(s![..n, ..]);
        context.data.read(indices, inputs.view_mut())?;
        if let Some(augment) = &context.augment {
            augment.apply(indices, inputs.view_mut());
        }
        let mut logits = self.teacher_logits.slice_mut(s![..n, ..]);
        match (context.teacher, context.hooks.features) {
            (Teacher::None, _) => {}
            (Teacher::Cached(targets), _) => targets.gather(indices, context.augment.as_ref(), logits),
            (Teacher::Live(model), None) => model.logits_into(inputs.view(), &mut self.scratch, logits)?,
            (Teacher::Live(model), Some(_)) => {
                let tape = self.teacher_tape.get_or_insert_with(|| Tape::new(model.inner_values()));
                model.record(inputs.view(), tape)?;
                logits.assign(&tape.logits());
            }
        }
        Ok(())
    }

    /// Puts the examples with a label first, and keeps the labels of the rows that are read.
    fn arrange(&mut self, indices: &[usize], rows: Range<usize>, context: &StepContext<'_>) {
        let Self { found, order, labels, .. } = self;
        found.clear();
        context.data.labels(indices, found);
        let of = |labelled: bool| {
            let pairs = indices.iter().zip(&*found);
            pairs.filter_map(move |(&index, label)| (label.is_some() == labelled).then_some(index))
        };
        order.clear();
        order.extend(of(true));
        let labelled = part_of_labelled(&rows, order.len());
        order.extend(of(false));
        labels.clear();
        labels.extend(found.iter().flatten().skip(labelled.start).take(labelled.len()));
        self.n = rows.len();
        self.has_teacher = !matches!(context.teacher, Teacher::None);
    }

    /// How many examples it has, and how many of them have a label.
    pub(crate) fn counts(&self) -> [usize; 2] {
        [self.n, self.labels.len()]
    }

    /// Whether the student is compared with labels and nothing else.
    pub(crate) fn has_labels_alone(&self) -> bool {
        !self.has_teacher && self.labels.len() == self.n
    }

    pub(crate) fn labels(&self) -> &[u32] {
        &self.labels
    }

    pub(crate) fn inputs(&self) -> ArrayView2<'_, f32> {
        self.inputs.slice(s![..self.n, ..])
    }

    pub(crate) fn inputs_mut(&mut self) -> ArrayViewMut2<'_, f32> {
        self.inputs.slice_mut(s![..self.n, ..])
    }

    /// The teacher's inner values, where it was asked for them.
    pub(crate) fn teacher_tape(&self) -> Option<&Tape> {
        self.teacher_tape.as_ref().filter(|_| self.has_teacher)
    }

    /// The loss of the student's logits, and its gradient.
    ///
    /// # Errors
    /// If the loss refuses.
    pub(crate) fn loss(
        &self,
        loss: &dyn Loss,
        logits: ArrayView2<'_, f32>,
        grad: ArrayViewMut2<'_, f32>,
    ) -> Result<LossValue, TrainError> {
        let (n, n_labelled) = (self.n, self.labels.len());
        if n_labelled == 0 || n_labelled == n {
            return self.part(loss, 0..n, (n_labelled == n).then_some(&self.labels), logits, grad);
        }
        let share = n_labelled as f64 / n as f64;
        let ((first, second), (mut grad, mut more)) =
            (logits.split_at(Axis(0), n_labelled), grad.split_at(Axis(0), n_labelled));
        let labelled = self.part(loss, 0..n_labelled, Some(&self.labels), first, grad.view_mut())?;
        let unlabelled = self.part(loss, n_labelled..n, None, second, more.view_mut())?;
        grad *= share as f32;
        more *= (1.0 - share) as f32;
        Ok(together(&labelled, &unlabelled, share))
    }

    /// The same of some rows, of which these are the labels.
    pub(crate) fn part(
        &self,
        loss: &dyn Loss,
        rows: Range<usize>,
        labels: Option<&[u32]>,
        logits: ArrayView2<'_, f32>,
        grad: ArrayViewMut2<'_, f32>,
    ) -> Result<LossValue, TrainError> {
        let teacher_logits = self.has_teacher.then(|| self.teacher_logits.slice(s![rows, ..]));
        Ok(loss.value_and_grad(logits, &Targets { labels, teacher_logits }, grad)?)
    }
}

/// How many of this rank's rows of a batch have a label.
pub(crate) fn n_labelled(data: &dyn Dataset, indices: &[usize], exchange: &dyn Exchange) -> u64 {
    let n = indices.iter().filter(|&&index| data.label(index).is_some()).count();
    part_of_labelled(&part(exchange, indices.len()), n).len() as u64
}

/// Which of the labelled examples of a batch, that come first, are among these rows.
fn part_of_labelled(rows: &Range<usize>, n_labelled: usize) -> Range<usize> {
    rows.start.min(n_labelled)..rows.end.min(n_labelled)
}

/// The mean of two losses, the first of which has the weight `share`. A term that the second lacks is left out, unless it is of
/// labelled examples alone: then it is the first's.
pub(crate) fn together(first: &LossValue, second: &LossValue, share: f64) -> LossValue {
    let mean = |first: f64, second: f64| share * first + (1.0 - share) * second;
    let term = |term: &Term| match second.terms.get(term.name()) {
        Some(other) => Some(term.with_value(mean(term.value, other))),
        None => term.of_labelled.then_some(*term),
    };
    LossValue { total: mean(first.total, second.total), terms: first.terms.iter().filter_map(term).collect() }
}
