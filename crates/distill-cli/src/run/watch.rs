use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use distill_train::{
    CheckpointConfig, CheckpointStore, Context, EpochReport, Observer, Snapshot, StepReport, TrainError,
};
use serde_json::json;

use super::metrics::{Metrics, ModelId, Row, RowKind, Validation};
use super::signals::{Signal, Signals};
use crate::diagnostic::Diagnostic;
use crate::output::Output;
use crate::progress::Progress;

/// Steps of a model that are written to the metrics, so that a long training has no more than a
/// short one.
const LOGGED_STEPS: u32 = 200;

/// Watches the training of one model: shows it, writes its numbers down, saves checkpoints, and
/// ends it when a signal asks for it.
pub(super) struct Watch<'a> {
    pub(super) progress: Progress,
    pub(super) metrics: &'a mut Metrics,
    pub(super) model: ModelId,
    pub(super) store: CheckpointStore<'a>,
    pub(super) context: &'a Context,
    pub(super) config: &'a CheckpointConfig,
    pub(super) signals: &'a Signals,
    pub(super) output: &'a Output,
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

impl Watch<'_> {
    fn save(&mut self, snapshot: Snapshot<'_>) -> Result<PathBuf, Diagnostic> {
        let step = snapshot.state.step;
        let path = self
            .store
            .save(self.context, snapshot)
            .map_err(|error| Diagnostic::from(TrainError::from(error)).note(format!("saving after step {step}")))?;
        self.last_save = Instant::now();
        let fields = json!({
            "role": self.model.role, "seed": self.model.seed, "step": step, "path": path.display().to_string(),
        });
        // If standard output is gone, the end of the run will say so.
        let _ = self.output.event("checkpoint", fields);
        Ok(path)
    }

    fn after_step(&mut self, report: &StepReport, snapshot: Snapshot<'_>) -> Result<Option<End>, Diagnostic> {
        if report.step.is_multiple_of((report.total_steps / LOGGED_STEPS).max(1)) {
            self.progress.logged_step(report);
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
            self.progress.note("stopping after this step; a second signal stops at once");
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
        self.progress.step(report);
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
        self.progress.epoch(report);
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
