use std::ops::ControlFlow;
use std::time::Instant;

use distill_train::{CheckpointStore, Context, Observer, Snapshot, StepReport, TrainError};
use indicatif::ProgressBar;

use crate::diagnostic::Diagnostic;
use crate::run::{Signal, Signals};

/// Why a study cannot go on.
pub(crate) enum Stop {
    Signal(Signal),
    Error(Diagnostic),
}

impl From<Diagnostic> for Stop {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Error(diagnostic)
    }
}

impl From<TrainError> for Stop {
    fn from(error: TrainError) -> Self {
        Self::Error(error.into())
    }
}

/// Watches one of the trainings that go on at a time: checkpoints, signals, its part of the bar.
pub(super) struct Watch<'a> {
    pub(super) store: CheckpointStore<'a>,
    pub(super) context: &'a Context,
    pub(super) every_seconds: f64,
    pub(super) signals: &'a Signals,
    pub(super) bar: Option<&'a ProgressBar>,
    /// Work of a step, in the units of the bar.
    pub(super) step_work: f64,
    /// Work that the bar does not show yet.
    pub(super) work: f64,
    pub(super) last_save: Instant,
    /// Why it ended before it was over.
    pub(super) end: Option<Stop>,
}

impl Watch<'_> {
    fn after_step(&mut self, snapshot: Snapshot<'_>) -> Result<Option<Stop>, Diagnostic> {
        let signal = self.signals.received();
        if signal.is_some() || self.last_save.elapsed().as_secs_f64() >= self.every_seconds {
            self.store.save(self.context, snapshot).map_err(|error| Diagnostic::from(TrainError::from(error)))?;
            self.last_save = Instant::now();
        }
        Ok(signal.map(Stop::Signal))
    }
}

impl Observer for Watch<'_> {
    fn step(&mut self, report: &StepReport, snapshot: Snapshot<'_>) -> ControlFlow<()> {
        self.work += self.step_work;
        if let Some(bar) = self.bar.filter(|_| report.step.is_multiple_of(16)) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a whole number")]
            bar.inc(self.work as u64);
            self.work = self.work.fract();
        }
        // The last step needs no checkpoint: the model is about to be kept.
        if report.step >= report.total_steps {
            return ControlFlow::Continue(());
        }
        self.end = self.after_step(snapshot).unwrap_or_else(|diagnostic| Some(Stop::Error(diagnostic)));
        if self.end.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
