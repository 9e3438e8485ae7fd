use std::fmt::Write as _;

use distill_train::{Evaluation, Role, TrainReport};
use serde::Serialize;

use crate::progress::thousands;

/// `result.json`: what a run found, one entry for each model and seed.
#[derive(Debug, Serialize)]
pub(crate) struct RunResult {
    pub(crate) version: u32,
    pub(crate) recipe: String,
    pub(crate) data: DataResult,
    pub(crate) models: Vec<ModelResult>,
}

/// How many examples there were, and of what.
#[derive(Debug, Serialize)]
pub(crate) struct DataResult {
    pub(crate) train: usize,
    pub(crate) validation: usize,
    pub(crate) transfer: usize,
    pub(crate) test: usize,
    pub(crate) classes: Vec<String>,
}

/// One model: what it is, how it does, where it lies.
#[derive(Debug, Serialize)]
pub(crate) struct ModelResult {
    pub(crate) role: &'static str,
    pub(crate) architecture: String,
    pub(crate) parameters: usize,
    pub(crate) seed: u64,
    pub(crate) test_examples: usize,
    pub(crate) test_errors: usize,
    pub(crate) test_nll: f64,
    pub(crate) test_ece: f64,
    /// Part of the test set on which it gives the teacher's class; nothing for the teacher.
    pub(crate) agreement: Option<f64>,
    /// Nothing for a teacher that came from a file.
    pub(crate) train_seconds: Option<f64>,
    pub(crate) train_examples_per_second: Option<f64>,
    pub(crate) weights: String,
    pub(crate) weights_bytes: usize,
    pub(crate) weights_sha256: String,
}

impl ModelResult {
    /// Puts in what evaluation and training found.
    pub(crate) fn measured(
        mut self,
        test: &Evaluation,
        teacher: Option<&Evaluation>,
        report: Option<&TrainReport>,
    ) -> Self {
        self.test_examples = test.examples;
        self.test_errors = test.errors;
        self.test_nll = test.nll;
        self.test_ece = test.ece;
        self.agreement = teacher.map(|teacher| test.agreement(teacher));
        self.train_seconds = report.map(|report| report.seconds);
        self.train_examples_per_second = report.map(|report| report.examples as f64 / report.seconds);
        self
    }
}

/// The table and the sentence that a run ends with.
pub(crate) fn summary(result: &RunResult) -> String {
    let mut text = table(&rows(result));
    let _ = write!(text, "\n{}", conclusion(result));
    text
}

const HEADER: [&str; 9] =
    ["", "architecture", "parameters", "size", "test errors", "accuracy", "nll", "agreement", "examples/s"];

fn rows(result: &RunResult) -> Vec<[String; 9]> {
    [Role::Teacher, Role::Baseline, Role::Student].iter().filter_map(|&role| row(result, role)).collect()
}

fn row(result: &RunResult, role: Role) -> Option<[String; 9]> {
    let models: Vec<&ModelResult> = result.models.iter().filter(|model| model.role == role.name()).collect();
    let first = models.first()?;
    let of =
        |f: &dyn Fn(&ModelResult) -> Option<f64>| -> Vec<f64> { models.iter().filter_map(|model| f(model)).collect() };
    let spread = |values: &[f64], decimals: usize| match mean_and_sd(values) {
        None => "-".to_owned(),
        Some((mean, None)) => format!("{mean:.decimals$}"),
        Some((mean, Some(sd))) => format!("{mean:.decimals$} ± {sd:.decimals$}"),
    };
    let errors = of(&|model| Some(model.test_errors as f64));
    let accuracy = of(&|model| Some(100.0 * (1.0 - model.test_errors as f64 / model.test_examples as f64)));
    let rate = mean_and_sd(&of(&|model| model.train_examples_per_second)).map(|(mean, _)| mean);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive rate, shown whole")]
    let rate = rate.map_or("-".to_owned(), |rate| thousands(rate.round() as u64));
    let label = match role {
        Role::Teacher => "teacher",
        Role::Baseline => "student alone",
        Role::Student => "student distilled",
    };
    Some([
        label.to_owned(),
        first.architecture.clone(),
        thousands(first.parameters as u64),
        size(first.weights_bytes),
        spread(&errors, usize::from(errors.len() > 1)),
        format!("{} %", spread(&accuracy, 2)),
        spread(&of(&|model| Some(model.test_nll)), 4),
        match spread(&of(&|model| model.agreement.map(|part| 100.0 * part)), 2).as_str() {
            "-" => "-".to_owned(),
            agreement => format!("{agreement} %"),
        },
        rate,
    ])
}

fn table(rows: &[[String; 9]]) -> String {
    let header = HEADER.map(str::to_owned);
    let lines: Vec<&[String; 9]> = [&header].into_iter().chain(rows).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 9] = std::array::from_fn(width);
    let mut text = String::new();
    for line in lines {
        let cells = line.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            // Words to the left, numbers to the right.
            if column < 2 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    text
}

/// What distillation bought, in one sentence.
fn conclusion(result: &RunResult) -> String {
    let errors = |role: Role| -> Vec<f64> {
        result.models.iter().filter(|model| model.role == role.name()).map(|model| model.test_errors as f64).collect()
    };
    let (teacher, alone, distilled) = (errors(Role::Teacher), errors(Role::Baseline), errors(Role::Student));
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let number = |value: f64| if value.fract() == 0.0 { format!("{value}") } else { format!("{value:.1}") };
    if alone.is_empty() {
        return format!(
            "The distilled student makes {} test errors, its teacher {}.",
            number(mean(&distilled)),
            number(mean(&teacher))
        );
    }
    let better = alone.iter().zip(&distilled).filter(|(alone, distilled)| distilled < alone).count();
    let (from, to, of) = (mean(&alone), mean(&distilled), mean(&teacher));
    let part = 100.0 * (from - to) / from;
    let what = if to < from {
        format!("Distillation took the student from {} to {} test errors, {part:.0} % fewer", number(from), number(to))
    } else {
        format!("Distillation did not help: {} test errors on labels alone, {} distilled", number(from), number(to))
    };
    let seeds = match alone.len() {
        1 => String::new(),
        n => format!("; it was better on {better} of {n} seeds"),
    };
    format!("{what}; the teacher makes {}{seeds}.", number(of))
}

fn mean_and_sd(values: &[f64]) -> Option<(f64, Option<f64>)> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    match values.len() {
        0 => None,
        1 => Some((mean, None)),
        _ => {
            let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
            Some((mean, Some(variance.sqrt())))
        }
    }
}

/// A number of bytes for people, in powers of ten as disks are sold.
fn size(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
