use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use distill_recipe::Diagnostic;
use distill_train::{
    Checkpoint, CheckpointConfig, CheckpointContext, CheckpointStore, Snapshot, StepReport, TrainError, TrainReport,
};

use crate::signals::Signals;
use crate::stop::Stop;

/// Training that is saved before the model is tested and kept.
const WORTH_SAVING: Duration = Duration::from_secs(1);

/// What every training has in common that is not to be lost: it is saved as often as the recipe says, and when a signal asks
/// for its end.
pub(crate) struct Saving<'a> {
    store: CheckpointStore<'a>,
    /// What the checkpoints belong to.
    context: &'a CheckpointContext,
    config: &'a CheckpointConfig,
    signals: &'a Signals,
    last_save: Instant,
    /// Why the training was ended before it was over.
    end: Option<Stop>,
}

impl<'a> Saving<'a> {
    pub(crate) fn new(
        store: CheckpointStore<'a>,
        context: &'a CheckpointContext,
        config: &'a CheckpointConfig,
        signals: &'a Signals,
    ) -> Self {
        Self { store, context, config, signals, last_save: Instant::now(), end: None }
    }

    /// The newest checkpoint of this very training. One of another is of no use, and one that is damaged only costs time.
    pub(crate) fn newest(&self) -> Result<Option<Checkpoint>, TrainError> {
        let found = self.store.load()?.newest;
        Ok(found.map(|(checkpoint, _)| checkpoint).filter(|found| found.context == *self.context))
    }

    /// Whether someone asks for an end.
    pub(crate) fn is_asked_to_end(&self) -> bool {
        self.signals.received().is_some()
    }

    /// Looks at the signals and at the clock after a step. Returns the file if the training was saved.
    pub(crate) fn after_step(
        &mut self,
        report: &StepReport,
        snapshot: Snapshot<'_>,
    ) -> Result<Option<PathBuf>, Diagnostic> {
        let since = self.last_save.elapsed();
        let is_due = since.as_secs_f64() >= self.config.every_seconds
            || self.config.every_steps.is_some_and(|every| report.step.is_multiple_of(every));
        // The model is about to be kept. A signal that is heard while it is tested costs no more than that.
        if report.step >= report.total_steps {
            return if is_due || since >= WORTH_SAVING { self.save(snapshot).map(Some) } else { Ok(None) };
        }
        match self.signals.received() {
            Some(_) => self.on_signal(snapshot),
            None if is_due => self.save(snapshot).map(Some),
            None => Ok(None),
        }
    }

    /// Saves the training and ends it, if someone asked for that.
    pub(crate) fn on_signal(&mut self, snapshot: Snapshot<'_>) -> Result<Option<PathBuf>, Diagnostic> {
        let Some(signal) = self.signals.received() else { return Ok(None) };
        let path = self.save(snapshot)?;
        self.end = Some(Stop::Signal(signal));
        Ok(Some(path))
    }

    fn save(&mut self, snapshot: Snapshot<'_>) -> Result<PathBuf, Diagnostic> {
        let step = snapshot.state.step;
        let saved = self.store.save(self.context, snapshot).map_err(TrainError::from);
        let path = saved.map_err(|error| Diagnostic::from(error).note(format!("saving after step {step}")))?;
        self.last_save = Instant::now();
        Ok(path)
    }

    /// Whether to go on, after something was written. The first failure is the one to hear of.
    pub(crate) fn flow<T>(&mut self, written: Result<T, Diagnostic>) -> ControlFlow<()> {
        if let (None, Err(diagnostic)) = (&self.end, written) {
            self.end = Some(Stop::Error(diagnostic));
        }
        if self.end.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// What has ended the training before it was over.
    pub(crate) fn end(self, report: &TrainReport) -> Result<(), Stop> {
        match self.end {
            Some(Stop::Signal(_)) if report.completed => Ok(()),
            Some(stop) => Err(stop),
            None => Ok(()),
        }
    }
}
