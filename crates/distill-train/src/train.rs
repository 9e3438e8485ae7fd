use std::ops::ControlFlow;
use std::time::Instant;

use distill_datasets::{Dataset, Jitter, select};
use distill_losses::{Loss, LossValue};
use distill_models::{Noise, Trainable};

use crate::observer::{EpochReport, Observer, StepReport};
use crate::step::{StepContext, Teacher, TrainingStep};
use crate::{Optimizer, Schedule, TrainConfig, TrainError, evaluate};

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
}

/// What training did.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainReport {
    /// Optimizer steps.
    pub steps: u32,
    /// Examples seen, each once for every epoch.
    pub examples: u64,
    /// Seconds of training, without validation.
    pub seconds: f64,
    /// Loss of the last epoch, mean over its examples.
    pub loss: LossValue,
}

/// Trains a model.
///
/// The same model, data, settings and seed give the same weights, bit for bit, for any number
/// of threads.
///
/// # Errors
/// If a setting has no meaning, if data, loss and model do not fit, or if the loss is not a
/// finite number: then the weights are those before that step.
pub fn train(
    student: &mut dyn Trainable,
    training: &Training<'_>,
    observer: &mut dyn Observer,
) -> Result<TrainReport, TrainError> {
    let Training { data, config, seed, .. } = *training;
    config.validate()?;
    if data.is_empty() {
        return Err(TrainError::Empty { split: "training" });
    }
    let jitter = match config.augment.shift {
        0 => None,
        shift => Some(Jitter::new(shift, &data.spec().input_shape)?),
    };
    let batch = config.batch.min(data.len());
    let steps_per_epoch = u32::try_from(data.len().div_ceil(batch)).unwrap_or(u32::MAX);
    let total_steps = steps_per_epoch.saturating_mul(config.epochs);
    let schedule = Schedule::new(config.schedule.clone(), steps_per_epoch, total_steps);
    let mut optimizer = Optimizer::new(config.optimizer.clone(), student.params());
    let mut buffers = TrainingStep::new(student, batch);
    let mut order: Vec<usize> = (0..data.len()).collect();
    let mut report = TrainReport { steps: 0, examples: 0, seconds: 0.0, loss: LossValue::default() };

    for epoch in 0..config.epochs {
        let _span = tracing::info_span!("epoch", epoch = epoch + 1).entered();
        let start = Instant::now();
        let mut mean = MeanLoss::default();
        let mut lr = config.optimizer.lr;
        let mut flow = ControlFlow::Continue(());

        // Every epoch shuffles the natural order, so that it needs no other epoch before it.
        order.iter_mut().enumerate().for_each(|(i, index)| *index = i);
        select::shuffle(&mut order, seed, epoch);
        let context = StepContext {
            data,
            loss: training.loss,
            teacher: training.teacher,
            augment: &|examples, rows| {
                if let Some(jitter) = &jitter {
                    jitter.apply(seed, epoch, examples, rows);
                }
            },
            clip_grad_norm: config.clip_grad_norm,
        };
        for indices in order.chunks(batch) {
            lr = config.optimizer.lr * schedule.factor(report.steps);
            let noise = Noise { seed, step: report.steps };
            let loss = buffers
                .run(student, &mut optimizer, indices, noise, lr, &context)
                .map_err(|error| at(error, epoch, report.steps))?;
            mean.add(&loss, indices.len());
            report.steps += 1;
            report.examples += indices.len() as u64;
            flow = observer.step(&StepReport { step: report.steps, total_steps, epoch: epoch + 1, loss, lr });
            if flow.is_break() {
                break;
            }
        }
        let seconds = start.elapsed().as_secs_f64();
        report.seconds += seconds;
        report.loss = mean.value();
        if flow.is_break() {
            break;
        }

        let validation = training.validation.map(|data| evaluate(student, data)).transpose()?;
        let epoch_report = EpochReport {
            epoch: epoch + 1,
            epochs: config.epochs,
            step: report.steps,
            loss: report.loss,
            lr,
            validation: validation.as_ref(),
            examples: mean.examples,
            seconds,
        };
        tracing::info!(loss = report.loss.total, lr, seconds, "epoch done");
        if observer.epoch(&epoch_report).is_break() {
            break;
        }
    }
    Ok(report)
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

/// The mean over examples, not over batches: the last batch may be smaller.
#[derive(Default)]
struct MeanLoss {
    sum: LossValue,
    examples: usize,
}

impl MeanLoss {
    fn add(&mut self, loss: &LossValue, n: usize) {
        let weight = n as f64;
        let add = |sum: &mut Option<f64>, term: Option<f64>| {
            if let Some(term) = term {
                *sum = Some(sum.unwrap_or(0.0) + weight * term);
            }
        };
        self.sum.total += weight * loss.total;
        add(&mut self.sum.hard, loss.hard);
        add(&mut self.sum.soft, loss.soft);
        add(&mut self.sum.kl, loss.kl);
        self.examples += n;
    }

    fn value(&self) -> LossValue {
        let n = self.examples.max(1) as f64;
        let mean = |sum: Option<f64>| sum.map(|sum| sum / n);
        LossValue {
            total: self.sum.total / n,
            hard: mean(self.sum.hard),
            soft: mean(self.sum.soft),
            kl: mean(self.sum.kl),
        }
    }
}
