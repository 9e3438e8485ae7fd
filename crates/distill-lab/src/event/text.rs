use std::fmt;
use std::time::Duration;

use distill_models::Task;
use distill_recipe::words::{epochs, left, shell, thousands};
use distill_train::{EpochReport, Measured};

use super::{Event, ModelStart, RunStart, Step, SweepStart};
use crate::folder::NumberScores;
use crate::roles::heading;
use crate::summary::decimals;
use crate::trials;

/// Less time than this is not announced.
const WORTH_TELLING: Duration = Duration::from_secs(10);

impl Event<'_> {
    /// What people read of it, a line or several; `None` where it tells them nothing, as a single step does.
    pub fn text(&self) -> Option<String> {
        Some(self.to_string()).filter(|text| !text.is_empty())
    }
}

impl Step<'_> {
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
            Self::ModelEnd(model) if model.test_numbers.is_some() => {
                let r2 = 1.0 - model.loss();
                let rmse = model.test_numbers.as_ref().and_then(NumberScores::rmse);
                let rmse = rmse.map_or(String::new(), |rmse| format!(", RMSE {rmse:.0$}", decimals(rmse)));
                let examples = thousands(model.test_examples as u64);
                write!(f, "  R² {r2:.4}{rmse} on {examples} test examples")
            }
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
                    (Some(score), _) if score.r2.is_some() => {
                        format!("val R² {}  {:.1} s", trials::errors(score), record.seconds)
                    }
                    (Some(score), _) => format!("{} val errors  {:.1} s", trials::errors(score), record.seconds),
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
            "data      {}: {} train, {} validation, {} test\n          {} features, {} {}",
            self.source,
            count(data.train),
            count(data.validation),
            count(data.test),
            shape.join("x"),
            data.classes.len(),
            match data.task {
                Task::Classes => "classes",
                Task::Numbers if data.classes.len() == 1 => "number to predict",
                Task::Numbers => "numbers to predict",
            },
        )?;
        if data.transfer != data.train || data.labelled.is_some() {
            let labelled = data.labelled.map_or(String::new(), |n| format!(", {} of them with labels", count(n)));
            writeln!(f, "transfer  {} examples for the students{labelled}", count(data.transfer))?;
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
            "\n{:<9} {}, {} parameters, {}{precision}, seed {}{place}\n  epoch      loss        kl  {:>14}    examples/s    seconds",
            heading(self.role),
            self.architecture,
            thousands(self.parameters as u64),
            epochs(self.epochs),
            self.seed,
            if self.task == Task::Numbers { "val R²" } else { "val errors" },
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
    let of = |v: &Measured| match v {
        Measured::Classes(v) => format!("{} of {}", thousands(v.errors as u64), thousands(v.examples as u64)),
        Measured::Numbers(v) => format!("{:.4}", v.r2()),
    };
    let errors = report.validation.map_or("-".to_owned(), of);
    let kl = report.loss.kl().map_or("-".to_owned(), |kl| format!("{kl:.5}"));
    let epoch = format!("{}/{}", report.epoch, report.epochs);
    let loss = report.loss.total;
    write!(f, "  {epoch:>5}  {loss:>8.4}  {kl:>8}  {errors:>14}  {rate:>12}  {:>9.2}", report.seconds)?;
    report.loss.other_terms().try_for_each(|term| write!(f, "  {} {:.3e}", term.name(), term.value))
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
