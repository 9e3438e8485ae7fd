use std::ops::ControlFlow;

use distill_train::{Observer, Recipe, Snapshot, StepReport, TrainError, TrainReport};
use indicatif::ProgressBar;

use crate::diagnostic::Diagnostic;
use crate::locate::locate;
use crate::output::Output;
use crate::progress::steps_bar;
use crate::recipe_file::RecipeFile;
use crate::run::{Signal, Signals};

/// Why a trial has no result.
#[derive(Debug)]
pub(crate) enum Stop {
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
    signals: &'a Signals,
    bar: Option<ProgressBar>,
    label: String,
}

impl<'a> Watch<'a> {
    /// # Errors
    /// [`Stop::Signal`] if there is nothing left to begin.
    pub(super) fn new(output: &Output, signals: &'a Signals, label: String) -> Result<Self, Stop> {
        match signals.received() {
            Some(signal) => Err(Stop::Signal(signal)),
            None => Ok(Self { signals, bar: steps_bar(output), label }),
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
        if let Some(bar) = &self.bar {
            bar.set_length(u64::from(report.total_steps));
            bar.set_position(u64::from(report.step));
            if report.step.is_multiple_of(16) {
                bar.set_message(format!("{}  epoch {}  loss {:.4}", self.label, report.epoch, report.loss.total));
            }
        }
        if self.signals.received().is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
