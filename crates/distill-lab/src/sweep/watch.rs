use std::ops::ControlFlow;

use distill_train::{Observer, Recipe, Role, Snapshot, StepReport, TrainError, TrainReport};

use crate::event::{Event, Listener, ModelId, Step};
use crate::signals::{Signal, Signals};
use distill_recipe::Diagnostic;
use distill_recipe::RecipeFile;
use distill_recipe::locate;

/// Why a trial has no result.
#[derive(Debug)]
pub(super) enum Stop {
    /// A signal came; the trial can be done again.
    Signal(Signal),
    /// Its settings are to blame, and others may do better.
    Failed(String),
    /// No trial can go on.
    Error(Diagnostic),
}

impl From<Diagnostic> for Stop {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Error(diagnostic)
    }
}

impl Stop {
    /// What an error of training means for a sweep.
    pub(super) fn of(error: TrainError, file: &RecipeFile, recipe: &Recipe) -> Self {
        match error {
            error @ (TrainError::NonFinite { .. } | TrainError::Answer { .. }) => {
                Self::Failed(Diagnostic::from(error).title())
            }
            error => Self::Error(locate(file, recipe, error)),
        }
    }
}

/// Watches a training: a bar on a terminal, and an end when a signal asks for it.
pub(super) struct Watch<'a> {
    listener: &'a dyn Listener,
    signals: &'a Signals,
    role: &'a str,
    seed: u64,
    label: String,
}

impl<'a> Watch<'a> {
    /// # Errors
    /// [`Stop::Signal`] if there is nothing left to begin.
    pub(super) fn new(
        listener: &'a dyn Listener,
        signals: &'a Signals,
        (role, seed): (Role, u64),
        label: String,
    ) -> Result<Self, Stop> {
        match signals.received() {
            Some(signal) => Err(Stop::Signal(signal)),
            None => Ok(Self { listener, signals, role: role.name(), seed, label }),
        }
    }

    /// [`Stop::Signal`] for a training that was ended before it was over.
    pub(super) fn check(&self, report: &TrainReport) -> Result<(), Stop> {
        match self.signals.received() {
            Some(signal) if !report.completed => Err(Stop::Signal(signal)),
            _ => Ok(()),
        }
    }
}

impl Observer for Watch<'_> {
    fn step(&mut self, report: &StepReport, _: Snapshot<'_>) -> ControlFlow<()> {
        let model = ModelId { role: self.role, seed: self.seed };
        let step = Step { model, label: Some(&self.label), report, times: None, leg: None, is_logged: false };
        self.listener.tell(&Event::Step(&step));
        if self.signals.received().is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.listener.tell(&Event::TrainingEnd);
    }
}
