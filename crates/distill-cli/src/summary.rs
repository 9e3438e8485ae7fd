use std::fmt::Write as _;

use distill_train::{Role, Verdict, mean_and_sd};

use crate::progress::{size, thousands};
use crate::run::{ModelResult, RunResult};

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
    let models: Vec<&ModelResult> = result.of(role).collect();
    let first = models.first()?;
    let of =
        |f: &dyn Fn(&ModelResult) -> Option<f64>| -> Vec<f64> { models.iter().filter_map(|model| f(model)).collect() };
    let errors = of(&|model| Some(model.test_errors as f64));
    let accuracy = of(&|model| Some(100.0 * (1.0 - model.test_errors as f64 / model.test_examples as f64)));
    let rate = mean_and_sd(&of(&|model| model.train_examples_per_second)).map(|(mean, _)| mean);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive rate, shown whole")]
    let rate = rate.map_or("-".to_owned(), |rate| thousands(rate.round() as u64));
    Some([
        label(role).to_owned(),
        first.architecture.clone(),
        thousands(first.parameters as u64),
        size(first.weights_bytes as u64),
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
    let lines: Vec<[String; 9]> = [HEADER.map(str::to_owned)].into_iter().chain(rows.iter().cloned()).collect();
    columns(&lines, 2)
}

/// Lines of a table, all of equally many cells, with aligned columns: the first `n_words` columns to the
/// left, and the others, which hold numbers, to the right.
pub(crate) fn columns(lines: &[impl AsRef<[String]>], n_words: usize) -> String {
    let width = |column: usize| lines.iter().map(|line| line.as_ref()[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..lines.first().map_or(0, |line| line.as_ref().len())).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let cells = line.as_ref().iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column < n_words { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    text
}

/// What distillation bought, in one sentence.
fn conclusion(result: &RunResult) -> String {
    let errors = |role: Role| -> Vec<f64> { result.of(role).map(|model| model.test_errors as f64).collect() };
    let (teacher, alone, distilled) = (errors(Role::Teacher), errors(Role::Baseline), errors(Role::Student));
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let number = |value: f64| if value.fract() == 0.0 { format!("{value}") } else { format!("{value:.1}") };
    let makes = |who: &str, errors: &[f64]| format!("{who} makes {} test errors", number(mean(errors)));
    match (alone.as_slice(), distilled.as_slice()) {
        ([], []) => return format!("{}.", makes("The teacher", &teacher)),
        (alone, []) => return format!("{}.", makes("The student alone", alone)),
        ([], distilled) => {
            return format!("{}, its teacher {}.", makes("The distilled student", distilled), number(mean(&teacher)));
        }
        _ => {}
    }
    let better = alone.iter().zip(&distilled).filter(|(alone, distilled)| distilled < alone).count();
    let (from, to, of) = (mean(&alone), mean(&distilled), mean(&teacher));
    let part = 100.0 * (from - to) / from;
    let what = if to < from {
        format!("Distillation took the student from {} to {} test errors, {part:.0} % fewer", number(from), number(to))
    } else {
        format!("Distillation did not help: {} test errors on labels alone, {} distilled", number(from), number(to))
    };
    let verdict = result.comparison.as_ref().map_or(String::new(), |comparison| {
        let verdict = match comparison.verdict {
            Verdict::Better => "better",
            Verdict::Worse => "worse",
            Verdict::NotDistinguishable => "not distinguishable",
        };
        let [low, high] = comparison.interval;
        format!(" ({verdict}: 95 % interval of the difference {low:.0} to {high:.0})")
    });
    let seeds = match alone.len() {
        1 => String::new(),
        n => format!("; it was better on {better} of {n} seeds"),
    };
    format!("{what}{verdict}; the teacher makes {}{seeds}.", number(of))
}

/// What people read for a role.
pub(crate) fn label(role: Role) -> &'static str {
    match role {
        Role::Teacher => "teacher",
        Role::Baseline => "student alone",
        Role::Student => "student distilled",
    }
}

/// Mean and standard deviation for people; the mean alone of one value, `-` of none.
pub(crate) fn spread(values: &[f64], decimals: usize) -> String {
    match mean_and_sd(values) {
        None => "-".to_owned(),
        Some((mean, None)) => format!("{mean:.decimals$}"),
        Some((mean, Some(sd))) => format!("{mean:.decimals$} ± {sd:.decimals$}"),
    }
}
