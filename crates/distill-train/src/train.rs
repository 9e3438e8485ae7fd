use std::ops::ControlFlow;
use std::time::Instant;

use distill_datasets::{Augmentation, Dataset, Jitter, select};
use distill_losses::{Loss, LossValue};
use distill_models::{ModelError, StepKey, Trainable};
use distill_tensor::Precision;

use crate::batch::n_labelled;
use crate::context::{StepContext, Teacher};
use crate::exchange::all_or_none;
use crate::observer::{EpochReport, Observer, StepReport};
use crate::state::{Best, Snapshot, TrainState};
use crate::step::TrainingStep;
use crate::{ConfigProblem, Hooks, Schedule, TrainConfig, TrainError, measure};

/// All that training needs besides the model.
#[derive(Clone, Copy)]
pub struct Training<'a> {
    /// Examples to learn from.
    pub data: &'a dyn Dataset,
    /// Examples to watch the model on after every epoch.
    pub validation: Option<&'a dyn Dataset>,
    /// What is minimised.
    pub loss: &'a dyn Loss,
    /// Where soft targets come from. The teacher is a constant.
    pub teacher: Teacher<'a>,
    /// Epochs, batch, optimizer, schedule.
    pub config: &'a TrainConfig,
    /// Orders, jitter and dropout are functions of it.
    pub seed: u64,
    /// A loss on inner values, and other ranks.
    pub hooks: Hooks<'a>,
}

/// What training did.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainReport {
    /// Optimizer steps.
    pub steps: u32,
    /// Examples seen, each once for every epoch.
    pub examples: u64,
    /// Seconds of training, without validation and observers.
    pub seconds: f64,
    /// Loss of the last epoch, mean over its examples.
    pub loss: LossValue,
    /// The best parameters, where there is a validation set.
    pub best: Option<Best>,
    /// Whether it came to its end, or the observer ended it before.
    pub completed: bool,
    /// The epoch after which it came to its end because nothing got better, see
    /// [`TrainConfig::early_stopping`](crate::TrainConfig::early_stopping).
    pub stopped_early: Option<u32>,
    /// What the products were computed in, where the settings leave a choice.
    pub precision: Precision,
}

/// Trains a model.
///
/// The model ends with the weights of the last step, or their average where the settings ask for one.
///
/// The same model, data, settings and seed give the same weights, bit for bit, for any number
/// of threads. Several ranks, see [`Exchange`](crate::Exchange), end with the same weights as each other to the bit, and with those
/// of one rank up to rounding.
///
/// # Errors
/// If a setting has no meaning or wants a validation set that is not there, if data, loss and model do not fit, or if the loss or a number of its
/// gradient is not finite: then the weights are those before that step.
pub fn train(
    student: &mut dyn Trainable,
    training: &Training<'_>,
    observer: &mut dyn Observer,
) -> Result<TrainReport, TrainError> {
    let state = TrainState::new(training.config.optimizer.clone(), student.params());
    train_from(student, training, state, observer)
}

/// Goes on with training where it stood, to the same bits as if it had not stopped.
///
/// The student has the parameters that belong to the state, see
/// [`Checkpoint::restore`](crate::Checkpoint::restore).
///
/// # Errors
/// As [`train`]. A teacher that is told to stop is not an error: training ends before that step, see [`Observer::stopped`].
pub fn train_from(
    student: &mut dyn Trainable,
    training: &Training<'_>,
    mut state: TrainState,
    observer: &mut dyn Observer,
) -> Result<TrainReport, TrainError> {
    let Training { data, config, seed, hooks, .. } = *training;
    let plan = all_or_none(hooks.exchange, Plan::new(training))?;
    if config.ema.is_none() {
        state.average = None;
    }
    let Plan { precision, jitter, batch, steps_per_epoch, total_steps, schedule } = plan;
    let mut buffers = TrainingStep::in_parts(student, batch, config.accumulate).with_precision(precision);
    let mut order = vec![0; data.len()];
    let mut flow = ControlFlow::Continue(());

    let is_over = |state: &TrainState| {
        state.step >= total_steps || state.has_stopped_early(config.early_stopping, steps_per_epoch)
    };

    while !is_over(&state) && flow.is_continue() {
        let epoch = state.step / steps_per_epoch;
        let done = (state.step % steps_per_epoch) as usize;
        let _span = tracing::info_span!("epoch", epoch = epoch + 1).entered();

        select::epoch_order(data, seed, epoch, &mut order);
        let n_done = done * batch;
        let batches_done = order.chunks(batch).take(done);
        state.epoch_labelled = batches_done.map(|indices| n_labelled(data, indices, hooks.exchange)).sum();
        data.read_ahead(&mut order.iter().skip(n_done).copied(), n_done);
        let context = StepContext {
            data,
            loss: training.loss,
            teacher: training.teacher,
            augment: jitter.map(|jitter| Augmentation { jitter, seed, epoch }),
            mixup: config.augment.mixup,
            clip_grad_norm: config.clip_grad_norm,
            hooks,
        };
        for indices in order.chunks(batch).skip(done) {
            let _span = tracing::debug_span!("step", step = state.step + 1).entered();
            let start = Instant::now();
            let lr = config.optimizer.lr * schedule.factor(state.step);
            let key = StepKey::new(seed, state.step);
            let loss = match buffers.run(student, &mut state.optimizer, indices, key, lr, &context) {
                // A live teacher is asked before anything is changed.
                Err(TrainError::Model(ModelError::Stopped)) => {
                    observer.stopped(Snapshot { params: student.params(), state: &state });
                    flow = ControlFlow::Break(());
                    break;
                }
                other => other.map_err(|error| at(error, epoch, state.step))?,
            };
            if let Some(ema) = config.ema {
                state.move_average(student.params(), ema);
            }
            state.add(&loss, buffers.counts(), start.elapsed().as_secs_f64());
            tracing::debug!(loss = loss.total, lr);

            if state.step.is_multiple_of(steps_per_epoch) {
                let ended = end_epoch(student, training, &mut state, (epoch + 1, lr), observer);
                flow = all_or_none(hooks.exchange, ended)?;
            }
            let report = StepReport { step: state.step, total_steps, epoch: epoch + 1, loss, lr };
            let snapshot = Snapshot { params: student.params(), state: &state };
            if observer.step(&report, snapshot).is_break() {
                flow = ControlFlow::Break(());
            }
            // One that stops stops all.
            if !hooks.exchange.agree(flow.is_continue())? {
                flow = ControlFlow::Break(());
                break;
            }
        }
    }
    let completed = is_over(&state);
    state.swap_average(student);
    Ok(TrainReport {
        steps: state.step,
        examples: state.examples,
        seconds: state.seconds,
        loss: if state.epoch_examples > 0 { state.mean_loss() } else { state.loss },
        best: state.best,
        completed,
        stopped_early: (completed && state.step < total_steps).then(|| state.step / steps_per_epoch),
        precision,
    })
}

/// What is settled before the first step.
struct Plan {
    precision: Precision,
    jitter: Option<Jitter>,
    batch: usize,
    steps_per_epoch: u32,
    total_steps: u32,
    schedule: Schedule,
}

impl Plan {
    fn new(training: &Training<'_>) -> Result<Self, TrainError> {
        let Training { data, config, .. } = *training;
        config.validate()?;
        let precision = config.precision.resolve()?;
        if config.early_stopping.is_some() && training.validation.is_none() {
            return Err(no_validation().into());
        }
        if data.is_empty() {
            return Err(TrainError::Empty { split: "training" });
        }
        let jitter = config.augment.jitter(&data.spec().input_shape)?;
        if let Teacher::Cached(targets) = training.teacher {
            targets.check(data, jitter.as_ref())?;
        }
        let batch = config.batch.min(data.len());
        let steps_per_epoch = u32::try_from(data.len().div_ceil(batch)).unwrap_or(u32::MAX);
        let total_steps = steps_per_epoch.saturating_mul(config.epochs);
        let schedule = Schedule::new(config.schedule.clone(), steps_per_epoch, total_steps);
        Ok(Self { precision, jitter, batch, steps_per_epoch, total_steps, schedule })
    }
}

/// What early stopping needs.
pub(crate) fn no_validation() -> ConfigProblem {
    let help = "hold some examples out, such as `data.validation = 1000`, or leave `early_stopping` out";
    ConfigProblem::new("early_stopping", "is set, but there is no validation set", help)
}

/// Looks at the model after an epoch and tells the observer.
fn end_epoch(
    student: &mut dyn Trainable,
    training: &Training<'_>,
    state: &mut TrainState,
    (epoch, lr): (u32, f64),
    observer: &mut dyn Observer,
) -> Result<ControlFlow<()>, TrainError> {
    let (examples, seconds) = (state.epoch_examples, state.epoch_seconds);
    state.end_epoch();
    state.swap_average(student);
    let validation = training.validation.map(|data| measure(student, data)).transpose();
    if let Ok(Some(validation)) = &validation {
        state.keep_best(epoch, validation, student.params());
    }
    state.swap_average(student);
    let validation = validation.map_err(|error| error.of_set("validation"))?;
    tracing::info!(loss = state.loss.total, lr, seconds, "epoch done");
    Ok(observer.epoch(&EpochReport {
        epoch,
        epochs: training.config.epochs,
        step: state.step,
        loss: state.loss,
        lr,
        validation: validation.as_ref(),
        examples,
        seconds,
    }))
}

/// Says where in training a number went wrong.
fn at(error: TrainError, epoch: u32, step: u32) -> TrainError {
    match error {
        TrainError::NonFinite { what, value, .. } => {
            TrainError::NonFinite { what, value, epoch: epoch + 1, step: step + 1 }
        }
        other => other,
    }
}
