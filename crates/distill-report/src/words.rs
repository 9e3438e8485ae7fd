//! What the numbers say, in sentences.

use distill_train::{Comparison, Role, Verdict};

use super::group::{Group, groups};
use super::numbers::{errors, mean, seeds, signed};
use super::regression;
use distill_lab::verdict;
use distill_lab::view::data::{CurvePoint, GalleryExample, Report};
use distill_recipe::words::thousands;

pub(super) const NO_MODELS: &str = "No model has been evaluated.";
pub(super) const NO_CONFUSION: &str = "No confusion matrices were kept.";
pub(super) const NO_CALIBRATION: &str = "No calibration was measured.";
pub(super) const NO_EXAMPLES: &str = "No such examples were kept.";

/// What came of the run, in one sentence with its numbers.
pub(super) fn verdict(report: &Report) -> String {
    if regression::predicts_numbers(report) {
        return regression::verdict(report);
    }
    let groups = groups(report);
    let of = |role: Role| groups.iter().find(|group| group.role == role);
    let Some(student) = of(Role::Student) else {
        return "No distilled student has been evaluated.".to_owned();
    };
    let distilled = format!("{} test errors{}", errors(&student.errors()), out_of(student));
    let teacher =
        of(Role::Teacher).map_or(String::new(), |group| format!("; the teacher makes {}", errors(&group.errors())));
    let Some(baseline) = of(Role::Baseline) else {
        return format!(
            "The distilled student makes {distilled}{teacher}. No student was trained alone, so what distillation \
             gained is not known."
        );
    };
    let alone = errors(&baseline.errors());
    let Some(comparison) = &report.comparison else {
        return format!(
            "The distilled student makes {distilled}, the student alone {alone}; whether that is more than chance was \
             not tested{teacher}."
        );
    };
    let how_sure = format!("{}, 95 % interval of the difference {}", seeds(comparison.n_seeds), interval(comparison));
    match comparison.verdict {
        Verdict::Better => format!(
            "Distillation made the student better: {distilled} instead of {alone}{} ({how_sure}){teacher}.",
            fewer(baseline, student)
        ),
        Verdict::Worse => {
            format!("Distillation made the student worse: {distilled} instead of {alone} ({how_sure}){teacher}.")
        }
        Verdict::NotDistinguishable => format!(
            "Distilled and alone cannot be told apart: {distilled} distilled, {alone} alone \
             ({how_sure}{}){teacher}.",
            verdict::open(comparison)
        ),
    }
}

/// The paired difference, its interval and how that was made.
pub(super) fn difference(report: &Report, comparison: &Comparison) -> String {
    let (difference, interval) = match regression::predicts_numbers(report) {
        true => regression::difference(comparison),
        false => {
            let difference = signed(comparison.difference, usize::from(comparison.n_seeds > 1));
            (format!("Distilled minus alone: {difference} test errors"), interval(comparison))
        }
    };
    // Over seeds, the sample is the seeds; over examples, the seeds are fixed.
    let fixed = if comparison.method.starts_with("Student t") {
        " The test set is taken as fixed: other test examples would move the difference too."
    } else {
        ""
    };
    format!(
        "{difference} in the mean of {}; 95 % interval {interval}, {} ({}). Verdict: {}.{fixed}",
        seeds(comparison.n_seeds),
        verdict::p_value(comparison.p_value),
        comparison.method,
        verdict::name(comparison.verdict),
    )
}

/// What a comparison cannot say.
pub(super) fn comparison_gap(report: &Report) -> Option<&'static str> {
    let has = |role: Role| report.models.iter().any(|model| model.role == role.name());
    match &report.comparison {
        None if has(Role::Baseline) && has(Role::Student) => Some("The difference was not tested."),
        None => Some("Nothing to compare: that takes a student alone and a student distilled on the same seed."),
        Some(comparison) if comparison.n_seeds < 2 => Some(
            "One seed only, so there is no interval over seeds: this one compares these two networks, not the two ways \
             of training. Three seeds or more would.",
        ),
        Some(_) => None,
    }
}

/// Which learning curves are missing, and why.
pub(super) fn curve_gaps(report: &Report) -> Vec<String> {
    if report.curves.is_empty() {
        return vec!["No learning curves were kept.".to_owned()];
    }
    let mut gaps = Vec::new();
    for group in groups(report) {
        if !report.curves.iter().any(|curve| curve.role == group.role.name()) {
            let why = match group.role {
                Role::Teacher if group.models.iter().all(|model| model.train_seconds.is_none()) => {
                    ": it came from a file"
                }
                _ => "",
            };
            gaps.push(format!("There is no curve of the {}{why}.", group.label()));
        }
    }
    let validated = |point: &CurvePoint| point.validation_examples.is_some_and(|n| n > 0);
    if !report.curves.iter().flat_map(|curve| &curve.points).any(validated) {
        gaps.push("No validation set was held out, so there is no validation curve.".to_owned());
    }
    gaps
}

/// Why there are no pictures.
pub(super) fn picture_gap(report: &Report) -> Option<&'static str> {
    let any = !(report.gallery.disagreements.is_empty() && report.gallery.dark_knowledge.is_empty());
    (any && report.gallery.image.is_none()).then_some("The data are not images, so there are no pictures.")
}

/// The name of a class; its number if it has none.
pub(super) fn class_name(report: &Report, class: usize) -> String {
    report.data.classes.get(class).cloned().unwrap_or_else(|| class.to_string())
}

/// The name of the class of an example.
pub(super) fn label_name(report: &Report, example: &GalleryExample) -> String {
    class_name(report, usize::try_from(example.label).unwrap_or(usize::MAX))
}

/// The class of the highest probability, the first of equals; nothing of nothing.
pub(super) fn answer(probs: &[f64]) -> Option<(usize, f64)> {
    let highest = |best: (usize, f64), new: (usize, f64)| if new.1 > best.1 { new } else { best };
    probs.iter().copied().enumerate().reduce(highest)
}

fn interval(comparison: &Comparison) -> String {
    let [low, high] = comparison.interval.map(|end| signed(end, verdict::decimals(comparison)));
    format!("{low} to {high}")
}

/// ` of 10,000`, if all models saw as many examples.
fn out_of(group: &Group<'_>) -> String {
    let n = group.models[0].test_examples;
    let same = group.models.iter().all(|model| model.test_examples == n);
    if same { format!(" of {}", thousands(n as u64)) } else { String::new() }
}

fn fewer(from: &Group<'_>, to: &Group<'_>) -> String {
    match (mean(&from.errors()), mean(&to.errors())) {
        (Some(from), Some(to)) if to < from => format!(", {:.0} % fewer", 100.0 * (from - to) / from),
        _ => String::new(),
    }
}
