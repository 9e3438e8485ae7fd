use std::ops::Range;

use distill_datasets::{Augmentation, Dataset};
use distill_losses::{Loss, LossValue, Targets};
use distill_models::{Model, Noise, Scratch, Tape, Trainable};
use distill_tensor::{Params, Precision};
use ndarray::{Array2, ArrayViewMut2, Axis, Zip, s};

use crate::clip::is_finite;
use crate::soft_targets::SoftTargets;
use crate::{Optimizer, TrainError, clip_factor, mixup};

/// Where the soft targets of a batch come from.
#[derive(Clone, Copy)]
pub enum Teacher<'a> {
    /// There are none: the model learns from labels alone.
    None,
    /// Computed once before training, for inputs that do not change or have only so many views.
    Cached(&'a SoftTargets),
    /// Computed for every batch, from the same view of the inputs that the student sees.
    Live(&'a dyn Model),
}

/// The buffers of a training step, used again for every one.
///
/// After the first step with the largest batch a step allocates nothing; only the matmul kernel takes and gives back
/// what it packs. A data set or a loss of others may take what it needs.
pub struct TrainingStep {
    /// The examples of a batch, those with a label first.
    order: Vec<usize>,
    inputs: Array2<f32>,
    labels: Vec<u32>,
    /// Labels of what the examples are mixed with, and the gradient for these.
    partner_labels: Vec<u32>,
    partner_grad_logits: Array2<f32>,
    teacher_logits: Array2<f32>,
    grad_logits: Array2<f32>,
    tape: Tape,
    scratch: Scratch,
    grads: Params,
}

/// What a step needs besides its buffers and the model.
pub struct StepContext<'a> {
    /// Examples to learn from.
    pub data: &'a dyn Dataset,
    /// What is minimised.
    pub loss: &'a dyn Loss,
    /// Where soft targets come from.
    pub teacher: Teacher<'a>,
    /// Changes the batch of inputs before anybody sees it.
    pub augment: Option<Augmentation>,
    /// Mixes batches that have labels alone, see [`AugmentConfig::mixup`](crate::AugmentConfig::mixup). 0 leaves them as they are.
    pub mixup: f64,
    /// Largest norm of the gradient.
    pub clip_grad_norm: Option<f64>,
}

impl TrainingStep {
    /// Buffers for batches of up to `batch` examples.
    pub fn new(student: &dyn Trainable, batch: usize) -> Self {
        let (features, classes) = (student.spec().features(), student.spec().classes.len());
        Self {
            order: Vec::with_capacity(batch),
            inputs: Array2::zeros((batch, features)),
            labels: Vec::with_capacity(batch),
            partner_labels: Vec::with_capacity(batch),
            partner_grad_logits: Array2::zeros((batch, classes)),
            teacher_logits: Array2::zeros((batch, classes)),
            grad_logits: Array2::zeros((batch, classes)),
            tape: student.tape(),
            scratch: Scratch::default(),
            grads: Params::zeros(student.params().layout().clone()),
        }
    }

    /// The same buffers for products of that precision, see [`Tape::with_precision`].
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { tape: self.tape.with_precision(precision), ..self }
    }

    /// One step on these examples: from batch to changed weights.
    ///
    /// # Errors
    /// If data, teacher or loss refuse; [`TrainError::NonFinite`] with `epoch` and `step` zero if
    /// the loss or the gradient is no number, in which case the weights are left as they were.
    pub fn run(
        &mut self,
        student: &mut dyn Trainable,
        optimizer: &mut Optimizer,
        indices: &[usize],
        noise: Noise,
        lr: f64,
        context: &StepContext<'_>,
    ) -> Result<LossValue, TrainError> {
        let n = indices.len();
        // What has no label has the soft term alone. A batch of both is two parts, one after the other.
        let (data, is_labelled) = (context.data, |index: &usize| context.data.label(*index).is_some());
        self.order.clear();
        self.order.extend(indices.iter().copied().filter(is_labelled));
        let n_labelled = self.order.len();
        if n_labelled < n {
            self.order.extend(indices.iter().copied().filter(|index| !is_labelled(index)));
        }
        let indices = self.order.as_slice();
        let mut inputs = self.inputs.slice_mut(s![..n, ..]);
        let mut teacher_logits = self.teacher_logits.slice_mut(s![..n, ..]);
        let mut grad_logits = self.grad_logits.slice_mut(s![..n, ..]);

        data.read(indices, inputs.view_mut())?;
        if let Some(augment) = &context.augment {
            augment.apply(indices, inputs.view_mut());
        }
        match context.teacher {
            Teacher::None => {}
            Teacher::Cached(targets) => {
                targets.gather(indices, context.augment.as_ref(), teacher_logits.view_mut());
            }
            Teacher::Live(model) => model.logits_into(inputs.view(), &mut self.scratch, teacher_logits.view_mut())?,
        }
        self.labels.clear();
        self.labels.extend(indices.iter().map_while(|&index| data.label(index)));
        let has_teacher = !matches!(context.teacher, Teacher::None);
        let weight =
            (context.mixup > 0.0 && !has_teacher && n_labelled == n).then(|| mixup::weight(noise, context.mixup));
        if let Some(weight) = weight {
            mixup::mix(inputs.view_mut(), weight);
            self.partner_labels.clear();
            self.partner_labels.extend(self.labels.iter().rev());
        }

        student.forward(inputs.view(), noise, &mut self.tape)?;
        let part = |rows: Range<usize>, labels: Option<&[u32]>, grad: ArrayViewMut2<'_, f32>| {
            let teacher_logits = teacher_logits.slice(s![rows.clone(), ..]);
            let targets = Targets { labels, teacher_logits: has_teacher.then_some(teacher_logits) };
            context.loss.value_and_grad(self.tape.logits().slice(s![rows, ..]), &targets, grad)
        };
        let loss = if (1..n).contains(&n_labelled) {
            let share = n_labelled as f64 / n as f64;
            let (mut first, mut second) = grad_logits.view_mut().split_at(Axis(0), n_labelled);
            let labelled = part(0..n_labelled, Some(&self.labels), first.view_mut())?;
            let unlabelled = part(n_labelled..n, None, second.view_mut())?;
            first *= share as f32;
            second *= (1.0 - share) as f32;
            together(&labelled, &unlabelled, share)
        } else if let Some(weight) = weight {
            let mut partner_grad = self.partner_grad_logits.slice_mut(s![..n, ..]);
            let own = part(0..n, Some(&self.labels), grad_logits.view_mut())?;
            let partner = part(0..n, Some(&self.partner_labels), partner_grad.view_mut())?;
            Zip::from(&mut grad_logits).and(&partner_grad).for_each(|own, &partner| *own += weight * (partner - *own));
            together(&own, &partner, 1.0 - f64::from(weight))
        } else {
            part(0..n, (n_labelled == n).then_some(&self.labels), grad_logits.view_mut())?
        };
        finite("the loss", loss.total)?;
        student.backward(grad_logits.view(), &mut self.tape, &mut self.grads);
        let grad_scale = self.clip(context.clip_grad_norm)?;
        optimizer.step(student.params_mut(), &self.grads, lr, grad_scale);
        student.constrain();
        Ok(loss)
    }

    /// How many examples of the last batch had a label.
    pub(crate) fn n_labelled(&self) -> usize {
        self.labels.len()
    }

    /// The factor of the gradient, which must be finite.
    fn clip(&self, max_norm: Option<f64>) -> Result<f64, TrainError> {
        // A norm takes more time than to know that there is one.
        if max_norm.is_none() && is_finite(&self.grads) {
            return Ok(1.0);
        }
        let (norm, factor) = clip_factor(&self.grads, max_norm.unwrap_or(f64::INFINITY));
        finite("the norm of the gradient", norm)?;
        Ok(factor)
    }
}

/// The mean of two losses, the first of which has the weight `share`. Where the second has no labels, the hard term is the first's.
fn together(first: &LossValue, second: &LossValue, share: f64) -> LossValue {
    LossValue {
        total: share * first.total + (1.0 - share) * second.total,
        hard: mean(first.hard, second.hard, share).or(first.hard),
        soft: mean(first.soft, second.soft, share),
        kl: mean(first.kl, second.kl, share),
    }
}

/// The mean of a term that both have.
fn mean(a: Option<f64>, b: Option<f64>, share: f64) -> Option<f64> {
    Some(share * a? + (1.0 - share) * b?)
}

fn finite(what: &'static str, value: f64) -> Result<(), TrainError> {
    if value.is_finite() { Ok(()) } else { Err(TrainError::NonFinite { what, value, epoch: 0, step: 0 }) }
}
