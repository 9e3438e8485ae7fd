//! What a report says of models that predict numbers, where that differs from what it says of classes.

use distill_train::{Comparison, Role, Verdict};

use super::group::{Group, groups};
use super::numbers::{seeds, signed};
use distill_lab::folder::NumberScore;
use distill_lab::summary::{decimals, spread};
use distill_lab::verdict;
use distill_lab::view::data::{ModelFacts, Report};

pub(super) const NO_PREDICTIONS: &str = "No predictions were kept.";

/// Whether it is about numbers.
pub(super) fn predicts_numbers(report: &Report) -> bool {
    report.data.are_numbers
}

/// The part of the variance that a model explains.
pub(super) fn r2_of(model: &ModelFacts) -> Option<f64> {
    model.test_numbers.as_ref().map(|numbers| numbers.r2)
}

/// The same of each model of a group.
fn r2(group: &Group<'_>) -> Vec<f64> {
    group.values(r2_of)
}

/// The rows of the table of results: each number in its unit, and all together.
pub(super) fn rows(report: &Report) -> Vec<Vec<String>> {
    type Of = fn(&NumberScore) -> Option<f64>;
    let groups = groups(report);
    let row = |name: String, cell: &dyn Fn(&Group<'_>) -> String| {
        [name].into_iter().chain(groups.iter().map(cell)).collect::<Vec<String>>()
    };
    let mut rows = vec![row("R²".to_owned(), &|group| spread(&r2(group), 4))];
    for (at, name) in report.data.classes.iter().enumerate() {
        let measures: [(&str, Of); 3] = [
            ("RMSE", |number| Some(number.rmse)),
            ("mean absolute error", |number| Some(number.mae)),
            ("bias", |number| Some(number.bias)),
        ];
        let of = |group: &Group<'_>, f: Of| group.values(|model| f(model.test_numbers.as_ref()?.numbers.get(at)?));
        for (what, f) in measures {
            rows.push(row(format!("{what}, {name}"), &|group| {
                let largest = of(group, |number| Some(number.rmse)).into_iter().fold(0.0, f64::max);
                spread(&of(group, f), decimals(largest))
            }));
        }
        if report.data.classes.len() > 1 {
            rows.push(row(format!("R², {name}"), &|group| spread(&of(group, |number| number.r2), 4)));
        }
    }
    rows
}

/// What came of the run, in one sentence with its numbers.
pub(super) fn verdict(report: &Report) -> String {
    let groups = groups(report);
    let of = |role: Role| groups.iter().find(|group| group.role == role).map(|group| spread(&r2(group), 4));
    let Some(distilled) = of(Role::Student) else {
        return "No distilled student has been evaluated.".to_owned();
    };
    let teacher = of(Role::Teacher).map_or(String::new(), |r2| format!("; the teacher has {r2}"));
    let Some(alone) = of(Role::Baseline) else {
        return format!(
            "The distilled student has an R² of {distilled}{teacher}. No student was trained alone, so what distillation \
             gained is not known."
        );
    };
    let Some(comparison) = &report.comparison else {
        return format!(
            "The distilled student has an R² of {distilled}, the student alone {alone}; whether that is more than chance \
             was not tested{teacher}."
        );
    };
    let how_sure = format!("{}, 95 % interval of the difference {}", seeds(comparison.n_seeds), interval(comparison));
    match comparison.verdict {
        Verdict::Better => format!(
            "Distillation made the student better: an R² of {distilled} instead of {alone} ({how_sure}){teacher}."
        ),
        Verdict::Worse => format!(
            "Distillation made the student worse: an R² of {distilled} instead of {alone} ({how_sure}){teacher}."
        ),
        Verdict::NotDistinguishable => format!(
            "Distilled and alone cannot be told apart: an R² of {distilled} distilled, {alone} alone ({how_sure}{}){teacher}.",
            verdict::open(comparison)
        ),
    }
}

/// The paired difference, and its interval.
pub(super) fn difference(comparison: &Comparison) -> (String, String) {
    let (difference, _, _) = verdict::of_r2(comparison);
    (format!("R², distilled minus alone: {}", signed(difference, 4)), interval(comparison))
}

fn interval(comparison: &Comparison) -> String {
    let (_, interval, decimals) = verdict::of_r2(comparison);
    let [low, high] = interval.map(|end| signed(end, decimals));
    format!("{low} to {high}")
}
