use distill_datasets::{Augmentation, Dataset};
use distill_losses::{Loss, LossValue, Targets};
use distill_models::{Model, Noise, Scratch, Tape, Trainable};
use distill_tensor::{Params, Precision};
use ndarray::{Array2, s};

use crate::soft_targets::SoftTargets;
use crate::{Optimizer, TrainError, clip_factor};

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
/// After the first step with the largest batch a step allocates nothing; only the matmul
/// kernel takes and gives back what it packs.
pub struct TrainingStep {
    inputs: Array2<f32>,
    labels: Vec<u32>,
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
    /// Largest norm of the gradient.
    pub clip_grad_norm: Option<f64>,
}

impl TrainingStep {
    /// Buffers for batches of up to `batch` examples.
    pub fn new(student: &dyn Trainable, batch: usize) -> Self {
        let (features, classes) = (student.spec().features(), student.spec().classes.len());
        Self {
            inputs: Array2::zeros((batch, features)),
            labels: Vec::with_capacity(batch),
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
        let mut inputs = self.inputs.slice_mut(s![..n, ..]);
        let mut teacher_logits = self.teacher_logits.slice_mut(s![..n, ..]);
        let mut grad_logits = self.grad_logits.slice_mut(s![..n, ..]);

        context.data.read(indices, inputs.view_mut())?;
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
        self.labels.extend(indices.iter().map_while(|&index| context.data.label(index)));
        let targets = Targets {
            labels: (self.labels.len() == n).then_some(self.labels.as_slice()),
            teacher_logits: (!matches!(context.teacher, Teacher::None)).then_some(teacher_logits.view()),
        };

        student.forward(inputs.view(), noise, &mut self.tape)?;
        let loss = context.loss.value_and_grad(self.tape.logits(), &targets, grad_logits.view_mut())?;
        finite("the loss", loss.total)?;
        student.backward(grad_logits.view(), &mut self.tape, &mut self.grads);
        let grad_scale = self.clip(context.clip_grad_norm)?;
        optimizer.step(student.params_mut(), &self.grads, lr, grad_scale);
        student.constrain();
        Ok(loss)
    }

    fn clip(&self, max_norm: Option<f64>) -> Result<f64, TrainError> {
        let Some(max_norm) = max_norm else { return Ok(1.0) };
        let (norm, factor) = clip_factor(&self.grads, max_norm);
        finite("the norm of the gradient", norm)?;
        Ok(factor)
    }
}

fn finite(what: &'static str, value: f64) -> Result<(), TrainError> {
    if value.is_finite() { Ok(()) } else { Err(TrainError::NonFinite { what, value, epoch: 0, step: 0 }) }
}
