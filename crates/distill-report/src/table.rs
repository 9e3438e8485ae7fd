use distill_train::{Leak, Role};

use super::group::{Group, groups};
use super::numbers::{errors, mean, micros, percent, seconds, signed};
use super::regression;
use super::words::class_name;
use distill_lab::summary::{label, spread};
use distill_lab::view::data::{ModelFacts, Report};
use distill_recipe::words::{parameters, size, thousands};

/// Text in rows of equal length, not yet escaped; the first cell of a row says what it is about.
pub(crate) struct Table {
    pub header: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// One column for each role, one row for each measure, over the seeds.
pub(super) fn results(report: &Report) -> Table {
    let groups = groups(report);
    let header = [String::new()].into_iter().chain(groups.iter().map(|group| group.label().to_owned())).collect();
    let accuracy = |m: &ModelFacts| (m.test_examples > 0).then(|| 1.0 - m.test_errors as f64 / m.test_examples as f64);
    let average = |values: Vec<f64>, text: fn(f64) -> String| mean(&values).map_or("-".to_owned(), text);
    let row = |name: &str, cell: &dyn Fn(&Group<'_>) -> String| {
        [name.to_owned()].into_iter().chain(groups.iter().map(cell)).collect::<Vec<String>>()
    };
    let is_regression = regression::predicts_numbers(report);
    let mut rows = vec![
        row("architecture", &|group| group.distinct(|m| m.architecture.clone())),
        row("seeds", &|group| group.distinct(|m| m.seed.to_string())),
        row("test errors", &|group| errors(&group.errors())),
        row("accuracy", &|group| percent(&group.values(accuracy))),
        row("nll, nats", &|group| spread(&group.values(|m| Some(m.test_nll)), 4)),
        row("calibration error (ece)", &|group| percent(&group.values(|m| Some(m.test_ece)))),
        row("agreement with the teacher", &|group| percent(&group.values(|m| m.agreement))),
        row("parameters", &|group| group.distinct(|m| parameters(m.parameters))),
        row("size", &|group| group.distinct(|m| size(m.weights_bytes as u64))),
        row("latency, median", &|group| average(group.values(|m| m.latency.as_ref().map(|l| l.p50_us)), micros)),
        row("latency, 95th percentile", &|group| {
            average(group.values(|m| m.latency.as_ref().map(|l| l.p95_us)), micros)
        }),
        row("training time", &|group| average(group.values(|m| m.train_seconds), seconds)),
    ];
    if is_regression {
        let of_classes = ["test errors", "accuracy", "nll, nats", "calibration error (ece)"];
        rows.retain(|row| !of_classes.contains(&row[0].as_str()));
        rows.splice(2..2, regression::rows(report));
    }
    if report.models.iter().any(|model| model.folds.is_some()) {
        let of = |part: fn(&Leak) -> f64| move |m: &ModelFacts| m.folds.as_ref().map(part);
        rows.extend([
            row(
                if is_regression {
                    "R² on training examples, out of fold, %"
                } else {
                    "training examples right, out of fold"
                },
                &|group| percent(&group.values(of(|leak| leak.out_of_fold.accuracy))),
            ),
            row(
                if is_regression { "R² on training examples, in fold, %" } else { "training examples right, in fold" },
                &|group| percent(&group.values(of(|leak| leak.in_fold.accuracy))),
            ),
        ]);
    }
    Table { header, rows }
}

/// The test errors of each seed, or its R², with the difference that distillation made.
pub(super) fn by_seed(report: &Report) -> Table {
    let header = ["seed", "teacher", "student alone", "student distilled", "difference"].map(str::to_owned);
    let numbers = regression::predicts_numbers(report);
    let value = |model: &ModelFacts| match numbers {
        true => regression::r2_of(model),
        false => Some(model.test_errors as f64),
    };
    let shown = |values: &[f64]| if numbers { spread(values, 4) } else { errors(values) };
    let decimals = |difference: f64| if numbers { 4 } else { usize::from(difference.fract() != 0.0) };
    let mut seeds: Vec<u64> = report.models.iter().filter(|m| m.role == Role::Student.name()).map(|m| m.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let of = |role: Role, seed: u64| -> Vec<f64> {
        let models = report.models.iter().filter(|model| model.role == role.name() && model.seed == seed);
        models.filter_map(value).collect()
    };
    // A teacher from a file has one seed and teaches all students.
    let teachers: Vec<f64> = groups(report)
        .iter()
        .filter(|group| group.role == Role::Teacher)
        .flat_map(|group| group.values(value))
        .collect();
    let row = |seed: u64| {
        let [mut teacher, alone, distilled] = [Role::Teacher, Role::Baseline, Role::Student].map(|role| of(role, seed));
        if let ([], [only]) = (&teacher[..], &teachers[..]) {
            teacher.push(*only);
        }
        let difference = match (mean(&alone), mean(&distilled)) {
            (Some(alone), Some(distilled)) => {
                let difference = distilled - alone;
                signed(difference, decimals(difference))
            }
            _ => "-".to_owned(),
        };
        vec![seed.to_string(), shown(&teacher), shown(&alone), shown(&distilled), difference]
    };
    Table { header: header.into(), rows: seeds.into_iter().map(row).collect() }
}

/// The weights file of each model by its hash.
pub(super) fn hashes(report: &Report) -> Table {
    let header = ["model", "seed", "sha256 of the weights"].map(str::to_owned);
    let row = |group: &Group<'_>, model: &ModelFacts| {
        vec![group.label().to_owned(), model.seed.to_string(), model.weights_sha256.clone()]
    };
    let groups = groups(report);
    let rows = groups.iter().flat_map(|group| group.models.iter().map(|model| row(group, model))).collect();
    Table { header: header.into(), rows }
}

/// Where training ended, for each model that has a curve.
pub(super) fn last_epochs(report: &Report) -> Table {
    let is_regression = regression::predicts_numbers(report);
    let header = [
        "model",
        "seed",
        "epochs",
        "steps",
        "loss",
        "hard",
        "soft",
        "kl",
        "learning rate",
        if is_regression { "validation R²" } else { "validation errors" },
        "took",
    ];
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.4}"));
    let mut rows = Vec::new();
    for role in Role::ALL {
        for curve in report.curves.iter().filter(|curve| curve.role == role.name()) {
            let Some(last) = curve.points.last() else { continue };
            let errors = match (last.validation_errors, last.validation_examples) {
                (Some(errors), Some(examples)) => {
                    format!("{} of {}", thousands(errors as u64), thousands(examples as u64))
                }
                _ => number(last.validation_r2),
            };
            rows.push(vec![
                label(role).to_owned(),
                curve.seed.to_string(),
                last.epoch.to_string(),
                thousands(last.step.into()),
                number(Some(last.loss)),
                number(last.hard),
                number(last.soft),
                number(last.kl),
                format!("{:.2e}", last.lr),
                errors,
                seconds(curve.points.iter().map(|point| point.seconds).sum()),
            ]);
        }
    }
    Table { header: header.map(str::to_owned).into(), rows }
}

/// The errors that the last of the groups makes most often, with how often the others make them.
pub(super) fn frequent_errors(report: &Report) -> Table {
    const N_SHOWN: usize = 8;
    let groups = groups(report);
    let header = ["label", "answer"].into_iter().chain(groups.iter().map(Group::label)).map(str::to_owned).collect();
    let sums: Vec<(Vec<Vec<u64>>, usize)> =
        groups.iter().map(|group| (group.confusion(), group.models.len())).collect();
    let mut errors: Vec<(u64, usize, usize)> = Vec::new();
    if let Some((confusion, _)) = sums.last() {
        for (row, counts) in confusion.iter().enumerate() {
            let wrong = counts.iter().enumerate().filter(|&(column, &count)| column != row && count > 0);
            errors.extend(wrong.map(|(column, &count)| (count, row, column)));
        }
    }
    errors.sort_by_key(|&(count, row, column)| (std::cmp::Reverse(count), row, column));
    let row = |&(_, row, column): &(u64, usize, usize)| {
        let mut cells = vec![class_name(report, row), class_name(report, column)];
        cells.extend(sums.iter().map(|(confusion, n_models)| {
            let count = confusion.get(row).and_then(|counts| counts.get(column)).copied();
            count.map_or("-".to_owned(), |count| spread(&[count as f64 / *n_models as f64], usize::from(*n_models > 1)))
        }));
        cells
    };
    Table { header, rows: errors.iter().take(N_SHOWN).map(row).collect() }
}
