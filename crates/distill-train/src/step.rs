use std::ops::Range;

use distill_losses::LossValue;
use distill_models::{StepKey, Tape, Trainable};
use distill_tensor::{Params, Precision};
use ndarray::{Array2, s};

use crate::batch::Batch;
use crate::clip::{bad_state, is_finite};
use crate::context::{StepContext, Teacher};
use crate::exchange::{all_or_none, mean, part};
use crate::mixup::Mixup;
use crate::parts::Parts;
use crate::problem::not_in_parts;
use crate::{ConfigProblem, Hooks, Optimizer, TrainError, clip_factor};

/// The buffers of a training step, used again for every one.
///
/// After the first step with the largest batch a step allocates nothing; only the matmul kernel takes and gives back
/// what it packs. A data set or a loss of others may take what it needs.
pub struct TrainingStep {
    batch: Batch,
    mixup: Mixup,
    tape: Tape,
    grad_logits: Array2<f32>,
    grads: Params,
    parts: Parts,
}

impl TrainingStep {
    /// Buffers for batches of up to `batch` examples.
    pub fn new(student: &dyn Trainable, batch: usize) -> Self {
        Self::in_parts(student, batch, 1)
    }

    /// The same for batches that are computed in `n_parts` parts, one after the other: buffers have the rows of one part, and one more
    /// gradient sums up those of all parts. The step is that of the whole batch, up to rounding.
    pub fn in_parts(student: &dyn Trainable, batch: usize, n_parts: usize) -> Self {
        let (features, classes) = (student.spec().features(), student.spec().classes.len());
        let rows = batch.div_ceil(n_parts.max(1));
        Self {
            batch: Batch::new(rows, features, classes),
            mixup: Mixup::new(rows, classes),
            tape: student.tape(),
            grad_logits: Array2::zeros((rows, classes)),
            grads: Params::zeros(student.params().layout().clone()),
            parts: Parts::new(student, n_parts),
        }
    }

    /// The same buffers for products of that precision, see [`Tape::with_precision`].
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { tape: self.tape.with_precision(precision), ..self }
    }

    /// One step on these examples: from batch to changed weights. Where there are several ranks, all are given the whole batch
    /// and each computes its part; the loss that is returned is that of the part.
    ///
    /// # Errors
    /// If data, teacher or loss refuse; [`TrainError::NonFinite`] with `epoch` and `step` zero if
    /// the loss or the gradient is not a number; [`TrainError::OtherRank`] if that is so on another rank. The weights are then left
    /// as they were, on all ranks.
    pub fn run(
        &mut self,
        student: &mut dyn Trainable,
        optimizer: &mut Optimizer,
        indices: &[usize],
        key: StepKey,
        lr: f64,
        context: &StepContext<'_>,
    ) -> Result<LossValue, TrainError> {
        let exchange = context.hooks.exchange;
        let loss = all_or_none(exchange, self.differentiate_part(student, indices, key, context))?;
        mean(exchange, &mut self.grads, indices.len())?;
        let grad_scale = self.clip(context.clip_grad_norm)?;
        optimizer.step(student.params_mut(), &self.grads, lr, grad_scale);
        student.absorb(&self.grads);
        student.constrain();
        Ok(loss)
    }

    /// The loss of this rank's part of the batch, and in `grads` its gradient: nothing, where a small batch has no row for it.
    fn differentiate_part(
        &mut self,
        student: &dyn Trainable,
        indices: &[usize],
        key: StepKey,
        context: &StepContext<'_>,
    ) -> Result<LossValue, TrainError> {
        check(student, context, self.parts.n())?;
        self.parts.clear();
        let rows = part(context.hooks.exchange, indices.len());
        if rows.is_empty() && !indices.is_empty() {
            self.grads.as_mut_slice().fill(0.0);
            return Ok(LossValue::default());
        }
        for part in self.parts.of(rows.clone()) {
            let loss = self.differentiate(student, (indices, part), key, context)?;
            if self.grads.touched().is_some() {
                check_touched(context, self.parts.n())?;
            }
            self.parts.add(&loss, self.batch.counts(), rows.len(), &self.grads);
        }
        Ok(self.parts.finish(&mut self.grads))
    }

    /// The loss of these rows of a batch, and in `grads` its gradient.
    fn differentiate(
        &mut self,
        student: &dyn Trainable,
        (indices, rows): (&[usize], Range<usize>),
        key: StepKey,
        context: &StepContext<'_>,
    ) -> Result<LossValue, TrainError> {
        let Self { batch, mixup, tape, grad_logits, grads, .. } = self;
        let key = StepKey { first_row: key.first_row + rows.start, ..key };
        let mut grad_logits = grad_logits.slice_mut(s![..rows.len(), ..]);

        batch.read(indices, rows, context)?;
        mixup.mix(batch, key, context.mixup);
        student.forward(batch.inputs(), key, tape)?;
        let mut loss = mixup.loss(batch, context.loss, tape.logits(), grad_logits.view_mut())?;
        if let Some(features) = context.hooks.features {
            loss.add(&features.value_and_grad(tape, batch.teacher_tape())?);
        }
        finite("the loss", loss.total)?;
        student.backward(grad_logits.view(), tape, grads);
        Ok(loss)
    }

    /// How many examples the last batch, or this rank's part of it, had, and how many of them had a label.
    pub(crate) fn counts(&self) -> [usize; 2] {
        self.parts.counts()
    }

    /// The factor of the gradient, which must be finite, and so must be what layers remember of the batch.
    fn clip(&self, max_norm: Option<f64>) -> Result<f64, TrainError> {
        // A norm takes more time than to know that there is one.
        if max_norm.is_none() && is_finite(&self.grads) {
            return Ok(1.0);
        }
        let (norm, factor) = clip_factor(&self.grads, max_norm.unwrap_or(f64::INFINITY));
        finite("the norm of the gradient", norm)?;
        bad_state(&self.grads).map_or(Ok(()), |value| finite("a statistic of the batch", value.into()))?;
        Ok(factor)
    }
}

/// Checks what hooks demand of the rest.
fn check(student: &dyn Trainable, context: &StepContext<'_>, n_parts: usize) -> Result<(), ConfigProblem> {
    let Hooks { exchange, features } = context.hooks;
    if n_parts > 1 && context.mixup > 0.0 {
        return Err(not_in_parts("augment.mixup", "a row and the one that it is mixed with may belong to two parts"));
    }
    if exchange.size() > 1 && context.mixup > 0.0 && matches!(context.teacher, Teacher::None) {
        return Err(not_for_ranks("augment.mixup", "a row and the one that it is mixed with may belong to two ranks"));
    }
    if features.is_some() && matches!(context.teacher, Teacher::Cached(_)) {
        let problem = "are stored, but a loss on inner values asks the teacher for more than its logits";
        return Err(ConfigProblem::new("kd.targets", problem, "use `Teacher::Live`"));
    }
    if features.is_some() && !student.takes_inner_gradients() {
        let problem = "takes no gradients at inner values, but there is a loss on them";
        return Err(ConfigProblem::new("student.model", problem, "leave that loss out, or train a perceptron"));
    }
    Ok(())
}

/// Refuses gradients that do not cover all weights, where several are summed.
fn check_touched(context: &StepContext<'_>, n_parts: usize) -> Result<(), ConfigProblem> {
    if n_parts > 1 {
        return Err(not_in_parts("model.embedding", "the parts' gradients have other rows of the table"));
    }
    match context.hooks.exchange.size() {
        1 => Ok(()),
        _ => Err(not_for_ranks("model.embedding", "the ranks' gradients have other rows of the table")),
    }
}

fn not_for_ranks(setting: &str, note: &str) -> ConfigProblem {
    let problem = "is set, but several ranks share each batch";
    ConfigProblem::new(setting, problem, "leave it out, or train with one rank").note(note)
}

fn finite(what: &'static str, value: f64) -> Result<(), TrainError> {
    if value.is_finite() { Ok(()) } else { Err(TrainError::NonFinite { what, value, epoch: 0, step: 0 }) }
}
