//! What came of a sweep, in sentences.

use super::SweepReport;
use crate::facts::Facts;
use crate::numbers::seconds;
use distill_lab::sweep;
use distill_lab::sweep::Difference;
use distill_lab::sweep::Metric;
use distill_lab::sweep::Record;
use distill_recipe::words::shell;
use distill_recipe::words::thousands;

pub(super) const NO_TRIAL: &str = "No trial has a result yet.";

/// The best, and how many others may be as good.
pub(super) fn verdict(report: &SweepReport) -> String {
    let n_done = report.ranking.len();
    let done = match report.n_trials {
        n if n == n_done => format!("{} trials", thousands(n as u64)),
        n => format!("{} of {} trials so far", thousands(n_done as u64), thousands(n as u64)),
    };
    let Some((best, score)) = report.best().and_then(|best| Some((best, best.score()?))) else {
        return if n_done == 0 { NO_TRIAL.to_owned() } else { format!("Of {done}, all failed.") };
    };
    let examples = thousands(best.validation_examples as u64);
    let (best, found) = (settings(best), sweep::errors(score));
    let found = match report.predicts_numbers() {
        true => format!("Of {done} the best is {best}, with R² {found} on {examples} validation examples."),
        false => format!("Of {done} the best is {best}, with {found} validation errors of {examples}."),
    };
    match Difference::summary(&report.differences) {
        None => found,
        Some(summary) => {
            let mut letters = summary.chars();
            let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
            let noise = report.differences.iter().any(Difference::is_noise);
            let advice =
                if noise { " The differences between them may be chance: any of them may be the best." } else { "" };
            format!("{found} {first}{}.{advice}", letters.as_str())
        }
    }
}

/// Why no differences are shown.
pub(super) fn no_difference(report: &SweepReport) -> &'static str {
    match report.predicts_numbers() {
        true => "R² of trials is not compared example by example: more seeds (--seeds) tell noise apart.",
        false => "No two trials can be compared.",
    }
}

/// How the differences were tested.
pub(super) fn method(report: &SweepReport) -> Option<String> {
    let first = report.differences.first()?;
    let n = report.differences.len();
    let rungs = match report.budgets.len() {
        1 => "",
        _ => {
            " Halving left some trials behind: they are compared with what the best had on the last rung that they reached."
        }
    };
    let several = if n > 1 { format!(", adjusted for {n} comparisons by Holm's method") } else { String::new() };
    Some(format!(
        "Validation errors of each trial minus those of the best, paired, with 95 % intervals ({}). Noise: the interval \
         holds 0, or the p-value{several}, is 0.05 or more. The best was chosen by these same errors, so they are a \
         little too low; the run on the test set tells. More seeds (--seeds) and more validation examples tell more \
         trials apart.{rungs}",
        first.comparison.method
    ))
}

/// What was asked for.
pub(super) fn setting(report: &SweepReport) -> Facts {
    let definition = &report.definition;
    let tried = match (definition.random, definition.halving) {
        (None, None) => "every combination".to_owned(),
        (Some(n), None) => format!("{n} at random"),
        (None, Some(eta)) => format!("every combination, halving by {eta}"),
        (Some(n), Some(eta)) => format!("{n} at random, halving by {eta}"),
    };
    let metric = match definition.metric {
        _ if report.predicts_numbers() => "R² on the validation set",
        Metric::Errors => "validation errors, then nll",
        Metric::Nll => "nll on the validation set, then errors",
    };
    let seeds: Vec<String> = definition.seeds.iter().map(u64::to_string).collect();
    vec![
        ("recipe", definition.recipe.clone()),
        ("tried", definition.sets.join("; ")),
        ("trials", format!("{}, {tried}", thousands(report.n_trials as u64))),
        ("seeds", seeds.join(", ")),
        ("best by", metric.to_owned()),
    ]
}

/// When, where and with what it was made.
pub(super) fn made(report: &SweepReport) -> Facts {
    let status = &report.status;
    vec![
        ("sweep", report.path.clone()),
        ("status", status.status.name().to_owned()),
        ("started", status.started.clone()),
        ("took", seconds(status.seconds)),
        ("program", status.program.clone()),
        ("processor", status.processor.clone()),
        ("threads", status.threads.to_string()),
    ]
}

/// The settings of a trial as one would type them.
pub(super) fn settings(record: &Record) -> String {
    shell(record.settings.iter().map(String::as_str))
}
