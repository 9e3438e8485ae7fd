//! What happens while a lab works, for whoever wants to hear it: a terminal, a program that reads JSON Lines, a Rust program.

mod json;
mod leg;
mod text;

use std::path::Path;
use std::time::Duration;

use distill_models::Task;
use distill_train::{EpochReport, Role, StepReport};

use crate::facts::Facts;
use crate::folder::{DataResult, ModelResult};
use crate::trials::{Definition, Plan, Record};
use distill_recipe::Diagnostic;

pub use leg::Leg;

/// Something that happened. Printed with `{}` it is what people read of it: nothing, a line, or several.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// There is a directory, and this is the place in it for a log.
    Opened {
        /// The file, which need not be written.
        log: &'a Path,
    },
    /// A run begins or goes on.
    RunStart(&'a RunStart<'a>),
    /// A model is about to be trained.
    ModelStart(&'a ModelStart<'a>),
    /// A step of a training.
    Step(&'a Step<'a>),
    /// A model has seen its training set once more.
    Epoch {
        /// Which model.
        model: ModelId<'a>,
        /// What the epoch came to.
        report: &'a EpochReport<'a>,
    },
    /// A checkpoint is saved.
    Checkpoint {
        /// Of which model.
        model: ModelId<'a>,
        /// After which step.
        step: u32,
        /// Its file.
        path: &'a Path,
    },
    /// A training is over, whether it was completed or not.
    TrainingEnd,
    /// A model is being asked for many answers.
    Asking(&'a Asking<'a>),
    /// It has been asked.
    AskingEnd,
    /// A model of a run is finished.
    ModelEnd(&'a ModelResult),
    /// A model of a study is finished.
    JobEnd {
        /// What is known of it.
        facts: &'a Facts,
        /// How many are, of those that are trained beside each other.
        done: usize,
        /// How many of these there are.
        total: usize,
    },
    /// How much of the trainings beside each other is done.
    Work {
        /// The part, from 0 to 1.
        done: f64,
    },
    /// The trainings beside each other are over.
    WorkEnd,
    /// A sweep begins or goes on.
    SweepStart(&'a SweepStart<'a>),
    /// A trial of a sweep is over.
    TrialEnd {
        /// What it found.
        record: &'a Record,
        /// The sweep.
        plan: &'a Plan,
    },
    /// What is odd but stops nothing.
    Warning {
        /// What is odd.
        message: &'a str,
        /// Why it matters.
        note: &'a str,
        /// What to do.
        help: &'a str,
    },
    /// What only people want to know.
    Note(&'a str),
}

/// Which model of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelId<'a> {
    /// `teacher`, `member`, `baseline` or `student`.
    pub role: &'a str,
    /// Its seed.
    pub seed: u64,
}

/// What a run is about to do.
#[derive(Debug)]
pub struct RunStart<'a> {
    /// Its directory.
    pub run: &'a Path,
    /// The file of the recipe.
    pub file: &'a Path,
    /// The name of the recipe.
    pub recipe: &'a str,
    /// Hash of the settings that its models depend on.
    pub recipe_sha256: &'a str,
    /// Hash of the data.
    pub data_sha256: &'a str,
    /// Where the data comes from.
    pub source: &'a str,
    /// The seeds.
    pub seeds: &'a [u64],
    /// Numbers of examples, class names and the shape of an input.
    pub data: &'a DataResult,
}

/// A model that is about to be trained.
#[derive(Debug)]
pub struct ModelStart<'a> {
    /// What it is in the run.
    pub role: Role,
    /// Its seed.
    pub seed: u64,
    /// Such as `784-30-10`.
    pub architecture: &'a str,
    /// Its parameters.
    pub parameters: usize,
    /// Epochs that it is trained for at most.
    pub epochs: u32,
    /// The precision of its products, where that is not f32.
    pub precision: Option<&'a str>,
    /// What it says of an example.
    pub task: Task,
    /// Where it stands among the models of the run.
    pub leg: Option<Leg>,
    /// The step that it goes on after, 0 if it begins.
    pub done: u32,
}

/// A step of a training.
#[derive(Debug)]
pub struct Step<'a> {
    /// Which model of a run it is.
    pub model: ModelId<'a>,
    /// A description of the model, if it does not belong to a run.
    pub label: Option<&'a str>,
    /// What the step came to.
    pub report: &'a StepReport,
    /// How long the model will still take, and how long all of it takes.
    pub times: Option<(Duration, Duration)>,
    /// Where it stands among the models of the run.
    pub leg: Option<Leg>,
    /// Whether it is one of the at most about 200 steps of a model that are written down.
    pub is_logged: bool,
}

/// How far a model is that is asked for many answers.
#[derive(Debug)]
pub struct Asking<'a> {
    /// Such as `the teacher`.
    pub model: &'a str,
    /// Examples that it has answered.
    pub done: u64,
    /// Examples that it is asked about.
    pub total: u64,
    /// Time so far.
    pub spent: Duration,
    /// Time that is left, about.
    pub left: Duration,
    /// Whether it is time for programs to hear of it, and for logs.
    pub is_due: [bool; 2],
}

/// What a sweep is about to do.
#[derive(Debug)]
pub struct SweepStart<'a> {
    /// Its directory.
    pub sweep: &'a Path,
    /// What is tried.
    pub definition: &'a Definition,
    /// The trials.
    pub plan: &'a Plan,
    /// How many trials are finished.
    pub n_finished: usize,
}

/// Hears what happens. Several threads may tell it at a time.
pub trait Listener: Sync {
    /// Hears of an event.
    ///
    /// # Errors
    /// If the work must not go on, such as where its results cannot be written.
    fn hear(&self, event: &Event<'_>) -> Result<(), Diagnostic>;
}

impl<F: Fn(&Event<'_>) + Sync> Listener for F {
    fn hear(&self, event: &Event<'_>) -> Result<(), Diagnostic> {
        self(event);
        Ok(())
    }
}

/// A listener that ignores every event.
#[derive(Debug, Clone, Copy, Default)]
pub struct NullListener;

impl Listener for NullListener {
    fn hear(&self, _: &Event<'_>) -> Result<(), Diagnostic> {
        Ok(())
    }
}

impl dyn Listener + '_ {
    /// Tells of what does not end the work if nobody can hear it: the end of the work will say so.
    pub fn tell(&self, event: &Event<'_>) {
        let _ = self.hear(event);
    }

    /// Tells people.
    pub fn note(&self, text: &str) {
        self.tell(&Event::Note(text));
    }

    /// Warns.
    ///
    /// # Errors
    /// Those of the listener.
    pub fn warn(&self, message: &str, note: &str, help: &str) -> Result<(), Diagnostic> {
        self.hear(&Event::Warning { message, note, help })
    }
}
