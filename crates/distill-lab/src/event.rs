//! What happens while a lab works, for whoever wants to hear it: a terminal, a program that reads JSON Lines, a Rust program.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use distill_losses::LossValue;
use distill_train::{EpochReport, Evaluation, Role, StepReport};
use serde_json::{Value, json};

use crate::jobs::Facts;
use crate::run::{DataResult, Leg, ModelResult};
use crate::summary::heading;
use crate::sweep::{self, Definition, Plan, Record};
use distill_recipe::Diagnostic;
use distill_recipe::words::{epochs, left, shell, thousands};

/// Less time than this is not announced.
const WORTH_TELLING: Duration = Duration::from_secs(10);

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
    /// What trains, in words, where that is no model of a run.
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

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Listener for Silent {
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

impl Event<'_> {
    /// What people read of it, a line or several; `None` where it tells them nothing, as a single step does.
    pub fn text(&self) -> Option<String> {
        Some(self.to_string()).filter(|text| !text.is_empty())
    }

    /// The name and the fields of the event for programs, as `events.schema.json` has them; `None` where they need not know.
    pub fn to_json(&self) -> Option<(&'static str, Value)> {
        let path = |path: &Path| path.display().to_string();
        Some(match self {
            Self::RunStart(start) => (
                "run_start",
                json!({
                    "run": path(start.run),
                    "recipe": start.recipe,
                    "recipe_sha256": start.recipe_sha256,
                    "data_sha256": start.data_sha256,
                    "seeds": start.seeds,
                    "threads": rayon::current_num_threads(),
                    "data": start.data,
                }),
            ),
            Self::ModelStart(start) => (
                "model_start",
                json!({
                    "role": start.role.name(),
                    "seed": start.seed,
                    "architecture": start.architecture,
                    "parameters": start.parameters,
                    "epochs": start.epochs,
                    "model": start.leg.map(|leg| leg.place.0),
                    "models": start.leg.map(|leg| leg.place.1),
                    "seconds_left": start.leg.and_then(|leg| leg.left_before()).map(|left| left.as_secs_f64()),
                }),
            ),
            Self::Step(step) if step.is_logged => ("step", step.to_json()),
            Self::Epoch { model, report } => ("epoch_end", epoch_to_json(*model, report)),
            Self::Checkpoint { model, step, path: file } => {
                ("checkpoint", json!({ "role": model.role, "seed": model.seed, "step": step, "path": path(file) }))
            }
            Self::Asking(asking) if asking.is_due[0] => (
                "asking",
                json!({
                    "model": asking.model, "done": asking.done, "total": asking.total,
                    "seconds": asking.spent.as_secs_f64(), "seconds_left": asking.left.as_secs_f64(),
                }),
            ),
            Self::ModelEnd(model) => ("model_end", serde_json::to_value(model).unwrap_or_default()),
            Self::JobEnd { facts, .. } => {
                // Test errors are shown when the row is done: who sees them earlier chooses by them.
                let mut fields = serde_json::to_value(facts).unwrap_or_default();
                if let Some(fields) = fields.as_object_mut() {
                    fields.retain(|field, _| !field.starts_with("test_"));
                }
                ("model_end", fields)
            }
            Self::SweepStart(start) => (
                "sweep_start",
                json!({
                    "sweep": path(start.sweep),
                    "recipe": start.definition.recipe,
                    "keys": start.plan.keys(),
                    "trials": start.plan.trials.len(),
                    "budgets": start.plan.budgets,
                    "seeds": start.definition.seeds,
                    "metric": start.definition.metric,
                    "finished": start.n_finished,
                }),
            ),
            Self::TrialEnd { record, plan } => {
                let mut fields = sweep::event(record);
                fields["trials"] = json!(plan.trials.len());
                fields["rungs"] = json!(plan.budgets.len());
                ("trial_end", fields)
            }
            Self::Warning { message, note, help } => {
                ("warning", json!({ "message": message, "note": note, "help": help }))
            }
            _ => return None,
        })
    }
}

impl Step<'_> {
    fn to_json(&self) -> Value {
        let report = self.report;
        let left = self.times.map(|(own, total)| match self.leg {
            Some(leg) => leg.left(own, total).as_secs_f64(),
            None => own.as_secs_f64(),
        });
        let mut fields = json!({
            "role": self.model.role,
            "seed": self.model.seed,
            "epoch": report.epoch,
            "step": report.step,
            "steps": report.total_steps,
            "lr": report.lr,
            "seconds_left": left,
        });
        add_loss(&mut fields, &report.loss);
        fields
    }

    /// How far the training is, in a few words for a line that is drawn again and again.
    pub fn in_words(&self) -> String {
        let place = match (self.label, self.leg.filter(|leg| leg.place.1 > 1)) {
            (Some(label), _) => format!("{label}  "),
            (None, Some(leg)) => format!("model {} of {}  ", leg.place.0, leg.place.1),
            (None, None) => String::new(),
        };
        let report = self.report;
        let time = match (self.times, self.leg.filter(|leg| leg.place.0 < leg.place.1)) {
            (None, _) => String::new(),
            (Some((own, total)), Some(leg)) => format!("  {} left, {} in all", left(own), left(leg.left(own, total))),
            (Some((own, _)), None) => format!("  {} left", left(own)),
        };
        format!("{place}epoch {}  loss {:.4}{time}", report.epoch, report.loss.total)
    }
}

fn add_loss(fields: &mut Value, loss: &LossValue) {
    fields["train_loss"] = json!(loss.total);
    fields["ce"] = json!(loss.hard());
    fields["soft"] = json!(loss.soft());
    fields["kl"] = json!(loss.kl());
}

fn epoch_to_json(model: ModelId<'_>, report: &EpochReport<'_>) -> Value {
    let mut fields = json!({
        "role": model.role,
        "seed": model.seed,
        "epoch": report.epoch,
        "epochs": report.epochs,
        "step": report.step,
        "lr": report.lr,
        "validation_examples": report.validation.map(|v| v.examples),
        "validation_errors": report.validation.map(|v| v.errors),
        "examples": report.examples,
        "seconds": report.seconds,
    });
    add_loss(&mut fields, &report.loss);
    fields
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RunStart(start) => start.fmt(f),
            Self::ModelStart(start) => start.fmt(f),
            Self::Epoch { report, .. } => write_epoch(report, f),
            Self::Asking(asking) if asking.is_due[1] => write!(
                f,
                "  asking {}: {} of {}, {} left",
                asking.model,
                thousands(asking.done),
                thousands(asking.total),
                left(asking.left)
            ),
            Self::ModelEnd(model) => write!(
                f,
                "  {} test errors of {}",
                thousands(model.test_errors as u64),
                thousands(model.test_examples as u64)
            ),
            // Test errors are shown when the row is done: who sees them earlier chooses by them.
            Self::JobEnd { facts, done, total } => {
                write!(f, "  [{done}/{total}] {}: {:.1} s", facts.label, facts.seconds)
            }
            Self::SweepStart(start) => start.fmt(f),
            Self::TrialEnd { record, plan } => {
                let outcome = match (record.score(), &record.error) {
                    (Some(score), _) => format!("{} val errors  {:.1} s", sweep::errors(score), record.seconds),
                    (None, why) => format!("failed  {}", why.as_deref().unwrap_or_default()),
                };
                let settings = shell(record.settings.iter().map(String::as_str));
                write!(f, "{}  {settings}   {outcome}", plan.label(record))
            }
            Self::Warning { message, note, help } => {
                write!(f, "warning: {message}\n   = note: {note}\n   = help: {help}")
            }
            Self::Note(text) => f.write_str(text),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for RunStart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let data = self.data;
        let count = |n: usize| thousands(n as u64);
        let shape = data.input_shape.iter().map(ToString::to_string).collect::<Vec<_>>();
        writeln!(f, "recipe    {}", self.file.display())?;
        writeln!(
            f,
            "data      {}: {} train, {} validation, {} test\n          {} features, {} classes",
            self.source,
            count(data.train),
            count(data.validation),
            count(data.test),
            shape.join("x"),
            data.classes.len(),
        )?;
        if data.transfer != data.train {
            writeln!(f, "transfer  {} examples for the students", count(data.transfer))?;
        }
        write!(f, "run       {}", self.run.display())
    }
}

impl fmt::Display for ModelStart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let precision = self.precision.map_or(String::new(), |name| format!(", {name}"));
        let place = self.leg.filter(|leg| leg.place.1 > 1).map_or(String::new(), |leg| {
            let left = leg
                .left_before()
                .filter(|time| *time >= WORTH_TELLING)
                .map_or(String::new(), |time| format!(", about {} left", left(time)));
            format!(", model {} of {}{left}", leg.place.0, leg.place.1)
        });
        write!(
            f,
            "\n{:<9} {}, {} parameters, {}{precision}, seed {}{place}\n  epoch      loss        kl      val errors    examples/s    seconds",
            heading(self.role),
            self.architecture,
            thousands(self.parameters as u64),
            epochs(self.epochs),
            self.seed,
        )?;
        match self.done {
            0 => Ok(()),
            step => write!(f, "\n  going on after step {}", thousands(u64::from(step))),
        }
    }
}

fn write_epoch(report: &EpochReport<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive rate, shown whole")]
    let rate = thousands((report.examples as f64 / report.seconds).round() as u64);
    let of = |v: &Evaluation| format!("{} of {}", thousands(v.errors as u64), thousands(v.examples as u64));
    let errors = report.validation.map_or("-".to_owned(), of);
    let kl = report.loss.kl().map_or("-".to_owned(), |kl| format!("{kl:.5}"));
    let epoch = format!("{}/{}", report.epoch, report.epochs);
    let loss = report.loss.total;
    write!(f, "  {epoch:>5}  {loss:>8.4}  {kl:>8}  {errors:>14}  {rate:>12}  {:>9.2}", report.seconds)
}

impl fmt::Display for SweepStart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sweep, definition, plan, n_finished } = self;
        writeln!(f, "recipe  {}", definition.recipe)?;
        writeln!(f, "sweep   {}", sweep.display())?;
        let seeds = match definition.seeds.len() {
            1 => "one seed".to_owned(),
            n => format!("{n} seeds"),
        };
        let n_trials = thousands(plan.trials.len() as u64);
        writeln!(f, "trials  {n_trials}, {seeds} each, compared on the validation set")?;
        if let [_, .., _] = plan.budgets[..] {
            let budgets = plan.budgets.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
            writeln!(f, "rungs   {budgets} epochs")?;
        }
        match n_finished {
            0 => Ok(()),
            n => writeln!(f, "going on after {n} finished trials"),
        }
    }
}
