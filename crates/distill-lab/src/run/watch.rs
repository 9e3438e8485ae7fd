use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use distill_train::{
    CheckpointConfig, CheckpointStore, Context, EpochReport, Observer, Snapshot, StepReport, TrainError,
};

use crate::event::Leg;
use crate::event::{self, Event, Listener};
use crate::folder::metrics::{Metrics, ModelId, Row, RowKind, Validation};
use crate::signals::{Signal, Signals};
use distill_recipe::Diagnostic;

/// Steps of a model that are written to the metrics, so that a long training has no more than a
/// short one.
const LOGGED_STEPS: u32 = 200;

/// Watches the training of one model: shows it, writes its numbers down, saves checkpoints, and
/// ends it when a signal asks for it.
pub(super) struct Watch<'a> {
    pub(super) pace: Pace,
    pub(super) metrics: &'a mut Metrics,
    pub(super) model: ModelId,
    pub(super) store: CheckpointStore<'a>,
    pub(super) context: &'a Context,
    pub(super) config: &'a CheckpointConfig,
    pub(super) signals: &'a Signals,
    pub(super) listener: &'a dyn Listener,
    pub(super) last_save: Instant,
    /// The loss of the first epoch, if this process saw it.
    pub(super) first_loss: Option<f64>,
    /// Why it was ended.
    pub(super) end: Option<End>,
}

/// Why a training was ended before it was over.
pub(super) enum End {
    /// A signal; the state after this step is saved.
    Signal(Signal, u32),
    /// What was to be written cannot be.
    Failure(Diagnostic),
}

/// How fast a training is.
pub(super) struct Pace {
    /// What the rest of the run takes.
    leg: Option<Leg>,
    /// The step before the first one that this process made, and when it was.
    from: Option<(u32, Instant)>,
}

impl Pace {
    pub(super) fn new(leg: Option<Leg>) -> Self {
        Self { leg, from: None }
    }

    /// How long the model will still take, and how long all of it takes, by the steps so far.
    fn times(&mut self, report: &StepReport) -> Option<(Duration, Duration)> {
        // The first step is over by now; those after it tell the speed.
        let (first, since) = *self.from.get_or_insert_with(|| (report.step, Instant::now()));
        let of_step = since.elapsed().checked_div(report.step.checked_sub(first).filter(|&n| n > 0)?)?;
        Some((of_step.checked_mul(report.total_steps - report.step)?, of_step.checked_mul(report.total_steps)?))
    }
}

impl Watch<'_> {
    fn id(&self) -> event::ModelId<'_> {
        event::ModelId { role: &self.model.role, seed: self.model.seed }
    }

    fn save(&mut self, snapshot: Snapshot<'_>) -> Result<PathBuf, Diagnostic> {
        let step = snapshot.state.step;
        let path = self
            .store
            .save(self.context, snapshot)
            .map_err(|error| Diagnostic::from(TrainError::from(error)).note(format!("saving after step {step}")))?;
        self.last_save = Instant::now();
        self.listener.tell(&Event::Checkpoint { model: self.id(), step, path: &path });
        Ok(path)
    }

    fn after_step(&mut self, report: &StepReport, snapshot: Snapshot<'_>) -> Result<Option<End>, Diagnostic> {
        let is_logged = report.step.is_multiple_of((report.total_steps / LOGGED_STEPS).max(1));
        let times = self.pace.times(report);
        let step = event::Step { model: self.id(), label: None, report, times, leg: self.pace.leg, is_logged };
        self.listener.tell(&Event::Step(&step));
        if is_logged {
            self.metrics.add(&Row::new(
                RowKind::Step,
                &self.model,
                report.epoch,
                report.step,
                &report.loss,
                report.lr,
            ))?;
        }
        if let Some(signal) = self.signals.received() {
            self.listener.note("  stopping after this step; a second signal stops at once");
            self.save(snapshot)?;
            return Ok(Some(End::Signal(signal, report.step)));
        }
        let due = self.last_save.elapsed().as_secs_f64() >= self.config.every_seconds
            || self.config.every_steps.is_some_and(|every| report.step.is_multiple_of(every));
        if due {
            self.save(snapshot)?;
        }
        Ok(None)
    }

    fn stop(&mut self, end: Result<Option<End>, Diagnostic>) -> ControlFlow<()> {
        if self.end.is_none() {
            self.end = end.unwrap_or_else(|diagnostic| Some(End::Failure(diagnostic)));
        }
        if self.end.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Observer for Watch<'_> {
    fn step(&mut self, report: &StepReport, snapshot: Snapshot<'_>) -> ControlFlow<()> {
        let end = self.after_step(report, snapshot);
        self.stop(end)
    }

    fn stopped(&mut self, snapshot: Snapshot<'_>) {
        let end = match self.signals.received() {
            Some(signal) => {
                let step = snapshot.state.step;
                self.save(snapshot).map(|_| Some(End::Signal(signal, step)))
            }
            None => Ok(None),
        };
        let _ = self.stop(end);
    }

    fn epoch(&mut self, report: &EpochReport<'_>) -> ControlFlow<()> {
        self.listener.tell(&Event::Epoch { model: self.id(), report });
        if report.epoch == 1 {
            self.first_loss = Some(report.loss.total);
        }
        let mut row = Row::new(RowKind::Epoch, &self.model, report.epoch, report.step, &report.loss, report.lr);
        row.examples = Some(report.examples);
        row.seconds = Some(report.seconds);
        row.validation = report.validation.map(|v| Validation { examples: v.examples, errors: v.errors, nll: v.nll });
        let added = self.metrics.add(&row).map(|()| None);
        self.stop(added)
    }
}
