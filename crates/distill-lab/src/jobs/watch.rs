use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use distill_train::{CheckpointStore, Context, Observer, Snapshot, StepReport, TrainError};

use crate::event::{Event, Listener};
use crate::signals::{Signal, Signals};
use distill_recipe::Diagnostic;

/// Training that is saved before a model is tested.
const WORTH_SAVING: Duration = Duration::from_secs(1);

/// Why a study cannot go on.
pub enum Stop {
    /// Someone asked for an end; what is trained is saved after its step.
    Signal(Signal),
    /// Something failed.
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
    pub(super) progress: &'a Progress<'a>,
    /// What part of all work a step is.
    pub(super) step_work: f64,
    /// Work that is not told yet.
    pub(super) work: f64,
    pub(super) last_save: Instant,
    /// Why it ended before it was over.
    pub(super) end: Option<Stop>,
}

/// How much is done of trainings that go on at a time.
pub(super) struct Progress<'a> {
    listener: &'a dyn Listener,
    done: Mutex<f64>,
}

impl<'a> Progress<'a> {
    pub(super) fn new(listener: &'a dyn Listener) -> Self {
        Self { listener, done: Mutex::new(0.0) }
    }

    fn add(&self, work: f64) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        *done += work;
        self.listener.tell(&Event::Work { done: done.min(1.0) });
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.listener.tell(&Event::WorkEnd);
    }
}

impl Watch<'_> {
    fn after_step(&mut self, snapshot: Snapshot<'_>) -> Result<Option<Stop>, Diagnostic> {
        let signal = self.signals.received();
        if signal.is_some() || self.last_save.elapsed().as_secs_f64() >= self.every_seconds {
            self.save(snapshot)?;
        }
        Ok(signal.map(Stop::Signal))
    }

    fn save(&mut self, snapshot: Snapshot<'_>) -> Result<(), Diagnostic> {
        self.store.save(self.context, snapshot).map_err(|error| Diagnostic::from(TrainError::from(error)))?;
        self.last_save = Instant::now();
        Ok(())
    }
}

impl Observer for Watch<'_> {
    fn step(&mut self, report: &StepReport, snapshot: Snapshot<'_>) -> ControlFlow<()> {
        self.work += self.step_work;
        if report.step.is_multiple_of(16) {
            self.progress.add(std::mem::take(&mut self.work));
        }
        // The model is about to be kept. A signal that is heard while it is tested costs no more than that.
        if report.step >= report.total_steps {
            if self.last_save.elapsed() >= WORTH_SAVING
                && let Err(diagnostic) = self.save(snapshot)
            {
                self.end = Some(Stop::Error(diagnostic));
                return ControlFlow::Break(());
            }
            return ControlFlow::Continue(());
        }
        self.end = self.after_step(snapshot).unwrap_or_else(|diagnostic| Some(Stop::Error(diagnostic)));
        if self.end.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
