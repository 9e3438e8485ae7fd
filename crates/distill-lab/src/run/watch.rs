use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use distill_recipe::Diagnostic;
use distill_train::{EpochReport, Observer, Snapshot, StepReport};

use crate::event::Leg;
use crate::event::{self, Event, Listener};
use crate::folder::metrics::{Metrics, ModelId, Row, RowKind, Validation};
use crate::saving::Saving;

/// Steps of a model that are written to the metrics, so that a long training has no more than a
/// short one.
const LOGGED_STEPS: u32 = 200;

/// Watches the training of one model of a run: shows it, writes its numbers down, and saves it.
pub(super) struct Watch<'a> {
    pub(super) pace: Pace,
    pub(super) metrics: &'a mut Metrics,
    pub(super) model: ModelId,
    pub(super) saving: Saving<'a>,
    pub(super) listener: &'a dyn Listener,
    /// The loss of the first epoch, if this process saw it.
    pub(super) first_loss: Option<f64>,
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

    fn after_step(&mut self, report: &StepReport, snapshot: Snapshot<'_>) -> Result<(), Diagnostic> {
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
        if self.saving.is_asked_to_end() {
            self.listener.note("  stopping after this step; a second signal stops at once");
        }
        let saved = self.saving.after_step(report, snapshot)?;
        self.tell_of(report.step, saved);
        Ok(())
    }

    fn tell_of(&self, step: u32, saved: Option<PathBuf>) {
        if let Some(path) = saved {
            self.listener.tell(&Event::Checkpoint { model: self.id(), step, path: &path });
        }
    }
}

impl Observer for Watch<'_> {
    fn step(&mut self, report: &StepReport, snapshot: Snapshot<'_>) -> ControlFlow<()> {
        let written = self.after_step(report, snapshot);
        self.saving.flow(written)
    }

    fn stopped(&mut self, snapshot: Snapshot<'_>) {
        let step = snapshot.state.step;
        let saved = self.saving.on_signal(snapshot);
        let _ = self.saving.flow(saved.map(|path| self.tell_of(step, path)));
    }

    fn epoch(&mut self, report: &EpochReport<'_>) -> ControlFlow<()> {
        self.listener.tell(&Event::Epoch { model: self.id(), report });
        if report.epoch == 1 {
            self.first_loss = Some(report.loss.total);
        }
        let mut row = Row::new(RowKind::Epoch, &self.model, report.epoch, report.step, &report.loss, report.lr);
        row.examples = Some(report.examples);
        row.seconds = Some(report.seconds);
        row.validation = report.validation.map(Validation::of);
        let written = self.metrics.add(&row);
        self.saving.flow(written)
    }
}
