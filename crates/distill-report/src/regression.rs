//! What a report says of models that predict numbers, where that differs from what it says of classes.

use distill_train::{Comparison, Role, Verdict};

use super::group::{Group, groups};
use super::numbers::{mean, signed};
use distill_lab::folder::NumberScore;
use distill_lab::summary::{decimals, spread};
use distill_lab::verdict;
use distill_lab::view::data::Report;

pub(super) const NO_PREDICTIONS: &str = "No predictions were kept.";

/// Whether it is about numbers.
pub(super) fn predicts_numbers(report: &Report) -> bool {
    report.data.are_numbers
}

/// The part of the variance that each model of a group explains.
fn r2(group: &Group<'_>) -> Vec<f64> {
    group.values(|model| model.test_numbers.as_ref().map(|numbers| numbers.r2))
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

/// The rows with R² of each seed, and the difference that distillation made.
pub(super) fn by_seed(report: &Report) -> Vec<Vec<String>> {
    let of = |role: Role, seed: Option<u64>| -> Vec<f64> {
        let models = report.models.iter().filter(|model| model.role == role.name());
        let models = models.filter(|model| seed.is_none_or(|seed| model.seed == seed));
        models.filter_map(|model| Some(model.test_numbers.as_ref()?.r2)).collect()
    };
    let mut seeds: Vec<u64> =
        report.models.iter().filter(|model| model.role == Role::Student.name()).map(|model| model.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let row = |seed: u64| {
        let [mut teacher, alone, distilled] =
            [Role::Teacher, Role::Baseline, Role::Student].map(|role| of(role, Some(seed)));
        // A teacher from a file has one seed and teaches all students.
        if let ([], [only]) = (&teacher[..], &of(Role::Teacher, None)[..]) {
            teacher.push(*only);
        }
        let difference = match (mean(&alone), mean(&distilled)) {
            (Some(alone), Some(distilled)) => signed(distilled - alone, 4),
            _ => "-".to_owned(),
        };
        let cells = [teacher, alone, distilled].map(|values| spread(&values, 4));
        [seed.to_string()].into_iter().chain(cells).chain([difference]).collect()
    };
    seeds.into_iter().map(row).collect()
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

/// The paired difference, its interval and how that was made.
pub(super) fn difference(comparison: &Comparison) -> String {
    let fixed = if comparison.method.starts_with("Student t") {
        " The test set is taken as fixed: other test examples would move the difference too."
    } else {
        ""
    };
    format!(
        "R², distilled minus alone: {} in the mean of {}; 95 % interval {}, {} ({}). Verdict: {}.{fixed}",
        signed(-comparison.difference, 4),
        seeds(comparison.n_seeds),
        interval(comparison),
        verdict::p_value(comparison.p_value),
        comparison.method,
        verdict::name(comparison.verdict),
    )
}

/// What one leaves less unexplained it explains more.
fn interval(comparison: &Comparison) -> String {
    let places = verdict::decimals(comparison).max(4);
    let [high, low] = comparison.interval.map(|end| signed(-end, places));
    format!("{low} to {high}")
}

fn seeds(n: usize) -> String {
    if n == 1 { "1 seed".to_owned() } else { format!("{n} seeds") }
}
