use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use distill_train::{Observer, Snapshot, StepReport};

use crate::event::{Event, Listener};
use crate::saving::Saving;

/// Watches one of the trainings that go on at a time: saves it, and moves its part of the bar.
pub(super) struct Watch<'a> {
    pub(super) saving: Saving<'a>,
    pub(super) progress: &'a Progress<'a>,
    /// What part of all work a step is.
    pub(super) step_work: f64,
    /// Work that is not told yet.
    pub(super) work: f64,
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

impl Observer for Watch<'_> {
    fn step(&mut self, report: &StepReport, snapshot: Snapshot<'_>) -> ControlFlow<()> {
        self.work += self.step_work;
        if report.step.is_multiple_of(16) {
            self.progress.add(std::mem::take(&mut self.work));
        }
        let saved = self.saving.after_step(report, snapshot);
        self.saving.flow(saved)
    }

    fn stopped(&mut self, snapshot: Snapshot<'_>) {
        let saved = self.saving.on_signal(snapshot);
        let _ = self.saving.flow(saved);
    }
}
