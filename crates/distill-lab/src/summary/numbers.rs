//! What a run says at its end whose models predict numbers.

use distill_train::{Comparison, Role};

use super::{OTHER_SETTINGS_OF_NUMBERS, rate, spread};
use crate::folder::{ModelResult, NumberScore, NumberScores, RunResult};
use crate::roles::label;
use crate::verdict;
use distill_recipe::words::{parameters, size};

/// The columns of the table.
pub(super) const HEADER: [&str; 9] =
    ["", "architecture", "parameters", "size", "test RMSE", "R²", "MAE", "agreement", "examples/s"];

/// The line of a role.
pub(super) fn row(models: &[&ModelResult], role: Role) -> Option<[String; 9]> {
    let first = models.first()?;
    // Several numbers have several units, and no error in common but their part of the variance.
    let only = |f: fn(&NumberScore) -> f64| -> String {
        let one = |model: &&ModelResult| model.test_numbers.as_ref()?.only().map(f);
        in_unit(&models.iter().filter_map(one).collect::<Vec<_>>())
    };
    let r2: Vec<f64> = models.iter().filter_map(|model| Some(model.test_numbers.as_ref()?.r2)).collect();
    let agreement: Vec<f64> = models.iter().filter_map(|model| model.agreement).collect();
    Some([
        label(role).to_owned(),
        first.architecture.clone(),
        parameters(first.parameters),
        size(first.weights_bytes as u64),
        only(|number| number.rmse),
        spread(&r2, 4),
        only(|number| number.mae),
        if agreement.is_empty() { "-".to_owned() } else { spread(&agreement, 4) },
        rate(models),
    ])
}

/// Mean and standard deviation with as many decimals as four digits of the mean need.
fn in_unit(values: &[f64]) -> String {
    let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    spread(values, decimals(largest))
}

/// Decimals that four digits of a number need.
pub fn decimals(value: f64) -> usize {
    const DIGITS: i32 = 4;
    #[expect(clippy::cast_possible_truncation, reason = "the logarithm of a number is small")]
    let before = if value > 0.0 { value.log10().floor() as i32 + 1 } else { 1 };
    usize::try_from((DIGITS - before).clamp(0, 12)).unwrap_or_default()
}

/// What distillation bought, in one sentence.
pub(super) fn conclusion(result: &RunResult) -> String {
    let scores = |role: Role| -> Vec<&NumberScores> {
        result.of(role).filter_map(|model| model.test_numbers.as_ref()).collect()
    };
    let (teacher, alone, distilled) = (scores(Role::Teacher), scores(Role::Baseline), scores(Role::Student));
    match (alone.as_slice(), distilled.as_slice()) {
        ([], []) => return format!("The teacher has {}.", with_rmse(&teacher)),
        (alone, []) => return format!("The student alone has {}.", with_rmse(alone)),
        ([], distilled) => {
            return format!("The distilled student has {}, its teacher {}.", with_rmse(distilled), with_rmse(&teacher));
        }
        _ => {}
    }
    let left = |scores: &[&NumberScores]| 1.0 - mean(scores, |scores| scores.r2);
    let (from, to, of) = (left(&alone), left(&distilled), left(&teacher));
    let what = if to < from {
        let part = 100.0 * (from - to) / from;
        format!(
            "Distillation took the student from {} to {}, {part:.1} % less squared error",
            with_rmse(&alone),
            with_rmse(&distilled)
        )
    } else {
        format!("Distillation did not help: {} on labels alone, {} distilled", with_rmse(&alone), with_rmse(&distilled))
    };
    let verdict = result.comparison.as_ref().map_or(String::new(), |found| format!(" ({})", words(found)));
    let better = alone.iter().zip(&distilled).filter(|(alone, distilled)| distilled.r2 > alone.r2).count();
    let seeds = match alone.len() {
        1 => String::new(),
        n => format!("; the distilled one is better on {better} of {n} seeds"),
    };
    let is_trained =
        [Role::Teacher, Role::Member].iter().any(|&role| result.of(role).any(|model| model.train_seconds.is_some()));
    let of_teacher = match () {
        () if of <= from => "",
        () if is_trained => ", worse than the student alone: train it for longer",
        () => ", worse than the student alone: a better one may help",
    };
    let why = match () {
        () if to >= from && (of <= from || !is_trained) => format!("; try {OTHER_SETTINGS_OF_NUMBERS}"),
        () => String::new(),
    };
    format!("{what}{verdict}; the teacher has {}{of_teacher}{seeds}{why}.", with_rmse(&teacher))
}

/// The verdict with the interval of the difference of R².
pub fn words(comparison: &Comparison) -> String {
    let (_, interval, decimals) = verdict::of_r2(comparison);
    let [low, high] = interval.map(|end| format!("{:.decimals$}", end + 0.0));
    let (name, open) = (verdict::name(comparison.verdict), verdict::open(comparison));
    format!("{name}: 95 % interval of the difference of R² {low} to {high}{open}")
}

fn mean(scores: &[&NumberScores], of: impl Fn(&NumberScores) -> f64) -> f64 {
    scores.iter().map(|scores| of(scores)).sum::<f64>() / scores.len() as f64
}

/// `R² 0.8412 (RMSE 0.4567)`, the second where there is one number.
fn with_rmse(scores: &[&NumberScores]) -> String {
    let r2 = mean(scores, |scores| scores.r2);
    let rmse: Option<Vec<f64>> = scores.iter().map(|scores| scores.rmse()).collect();
    match rmse.as_deref() {
        None | Some([]) => format!("R² {r2:.4}"),
        Some(rmse) => {
            let rmse = rmse.iter().sum::<f64>() / rmse.len() as f64;
            format!("R² {r2:.4} (RMSE {rmse:.0$})", decimals(rmse))
        }
    }
}

#[cfg(test)]
mod tests {
    use distill_train::Verdict;

    use super::*;

    #[test]
    fn four_digits_of_any_unit() {
        let text = |value: f64| format!("{value:.0$}", decimals(value));
        assert_eq!(
            [0.456_789, 12.345_67, 98_765.4, 0.000_123_456, 0.0].map(text),
            ["0.4568", "12.35", "98765", "0.0001235", "0.000"]
        );
    }

    #[test]
    fn the_interval_is_that_of_what_is_explained() {
        let comparison = Comparison {
            n_seeds: 5,
            difference: -0.02,
            interval: [-0.031, -0.009],
            method: String::new(),
            p_value: 0.01,
            verdict: Verdict::Better,
        };
        assert_eq!(words(&comparison), "better: 95 % interval of the difference of R² 0.0090 to 0.0310");
        let open = Comparison { interval: [-0.01, 0.02], verdict: Verdict::NotDistinguishable, ..comparison };
        assert!(words(&open).ends_with("of R² -0.0200 to 0.0100, which holds 0"), "{}", words(&open));
    }
}
