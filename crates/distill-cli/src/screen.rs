use std::path::Path;
use std::sync::{Mutex, PoisonError};

use distill_lab::Lab;
use distill_lab::event::{Event, Listener};
use distill_recipe::Diagnostic;
use distill_recipe::visible;
use distill_recipe::words::left;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Output;

/// Units of a bar for several trainings.
const WORK_UNITS: u64 = 1_000_000;

/// Shows what a lab does: lines on standard error, a bar on a terminal, and events with `--json`.
pub(crate) struct Screen<'a> {
    output: &'a Output,
    bar: Mutex<Option<ProgressBar>>,
}

impl<'a> Screen<'a> {
    pub(crate) fn new(output: &'a Output) -> Self {
        Self { output, bar: Mutex::new(None) }
    }

    /// A lab that tells this screen, and ends in good order at signals.
    pub(crate) fn lab(&self, runs_dir: &Path) -> Lab<'_> {
        Lab::at(runs_dir).telling(self).catching_signals()
    }

    /// Changes the bar, which is drawn from here on if it was not yet.
    fn draw(&self, new: impl FnOnce() -> ProgressBar, change: impl FnOnce(&ProgressBar)) {
        if self.output.animate() {
            change(self.bar.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(new));
        }
    }

    fn clear(&self) {
        if let Some(bar) = self.bar.lock().unwrap_or_else(PoisonError::into_inner).take() {
            bar.finish_and_clear();
        }
    }

    /// Prints lines above the bar, if there is one.
    fn print(&self, text: &str) {
        match &*self.bar.lock().unwrap_or_else(PoisonError::into_inner) {
            // A bar must know of lines that are printed above it.
            Some(bar) => {
                self.output.log(text);
                bar.println(visible::lines(text));
            }
            None => self.output.progress(text),
        }
    }
}

impl Listener for Screen<'_> {
    fn hear(&self, event: &Event<'_>) -> Result<(), Diagnostic> {
        match event {
            // What is done is the same without a log.
            Event::Opened { log } => {
                let _ = self.output.log_to(log);
            }
            Event::Warning { message, note, help } => return self.output.warning(message, note, help),
            Event::Step(step) => {
                let (position, total) = (step.report.step, step.report.total_steps);
                self.draw(steps_bar, |bar| {
                    bar.set_length(u64::from(total));
                    bar.set_position(u64::from(position));
                    if position.is_multiple_of(16) {
                        bar.set_message(step.in_words());
                    }
                });
            }
            Event::Asking(asking) => {
                self.draw(
                    || answers_bar(asking.total),
                    |bar| {
                        bar.set_position(asking.done);
                        bar.set_message(format!("{}  {} left", asking.model, left(asking.left)));
                    },
                );
                if asking.is_due[1] {
                    // A bar says it already.
                    let line = event.to_string();
                    if self.output.animate() { self.output.log(&line) } else { self.output.progress(&line) }
                }
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a whole number")]
            Event::Work { done } => {
                self.draw(work_bar, |bar| bar.set_position((done * WORK_UNITS as f64) as u64));
            }
            Event::TrainingEnd | Event::AskingEnd | Event::WorkEnd => self.clear(),
            Event::Note(text) => self.print(text),
            Event::Checkpoint { .. } => {}
            other => self.print(&other.to_string()),
        }
        match event.to_json().filter(|_| self.output.is_json()) {
            Some((name, fields)) => self.output.event(name, fields),
            None => Ok(()),
        }
    }
}

impl Drop for Screen<'_> {
    fn drop(&mut self) {
        self.clear();
    }
}

fn bar(length: Option<u64>, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr_with_hz(10)).with_style(style)
}

/// A bar for the steps of a training.
fn steps_bar() -> ProgressBar {
    bar(None, "  {wide_bar} {pos}/{len}  {msg}")
}

/// A bar for trainings beside each other.
fn work_bar() -> ProgressBar {
    bar(Some(WORK_UNITS), "  {bar:30} {percent}%  {elapsed} of about {duration}")
}

/// A bar for so many answers of a model.
pub(crate) fn answers_bar(total: u64) -> ProgressBar {
    bar(Some(total), "  {wide_bar} {human_pos}/{human_len}  {msg}")
}
