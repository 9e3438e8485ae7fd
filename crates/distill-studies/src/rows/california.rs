//! Boosted trees to a perceptron, on a table with a number to predict.

use distill_lab::jobs::{Facts, Stop};
use distill_recipe::words::thousands;

use crate::goal::Goal;
use crate::numbers::{differences, interval, spread, table};
use crate::plan::{Row, Study};
use crate::rows::trees::{CHOSEN, Taught, Way, compare_sizes, lists, student, taught};
use crate::rows::{Measure, measures_by_seed};
use crate::section::Section;

pub(crate) const ROWS: &[Row] =
    &[Row { name: "distilled", about: "a perceptron alone, distilled, with MUNGE and with folds", run: distilled }];

/// How far the student's RMSE may be above its teacher's, as a part of it.
const NEAR: f64 = 0.02;

struct Teacher {
    name: String,
    rmse: f64,
    r2: f64,
    bytes: u64,
}

fn distilled(study: &mut Study<'_>) -> Result<Section, Stop> {
    let Taught { model, bytes, seeds, ways } = taught(study)?;
    let test = study.lab.test_numbers(&*model)?;
    let name = model.spec().architecture.clone();
    let of_teacher = Teacher { name, rmse: test.rmse().unwrap_or(f64::NAN), r2: test.r2, bytes };
    Ok(section(&seeds, &of_teacher, &ways))
}

fn section(seeds: &[u64], teacher: &Teacher, ways: &[Way]) -> Section {
    let mut section = Section::new("distilled", "Boosted trees to a perceptron", seeds);
    let [alone, taught @ ..] = ways else { return section };
    let (name, parameters) = student(alone);
    section.compare(
        &format!("the teacher, {}: test RMSE, dollars", teacher.name),
        "",
        format!("{:.0}", teacher.rmse),
        None,
    );
    section.compare(&format!("{name} on labels alone"), "", spread(&rmse(&alone.found), 0), None);
    for way in taught {
        let found = rmse(&way.found);
        let goal = Goal::at_most((teacher.rmse * (1.0 + NEAR)).round(), "", &found);
        section.compare(&format!("{name} {}", way.name), "", spread(&found, 0), goal);
    }
    for way in taught {
        let gained = differences(&rmse(&alone.found), &rmse(&way.found));
        let what = format!(
            "dollars by which the RMSE of the student {} is below that on labels alone, seed by seed",
            way.name
        );
        section.compare(&what, "", interval(&gained, 0), Goal::above_zero(&gained));
    }
    compare_sizes(&mut section, parameters, teacher.bytes);
    section.add(&format!(
        "The teacher explains {:.4} of the variance of the test rows (R²), and the students have {} parameters. {CHOSEN}",
        teacher.r2,
        thousands(parameters),
    ));
    let cells = |way: &Way| {
        let change = differences(&rmse(&way.found), &rmse(&alone.found));
        let change = if std::ptr::eq(way, alone) { "-".to_owned() } else { interval(&change, 0) };
        let [r2, mae] = [r2(&way.found), mae(&way.found)];
        vec![way.name.to_owned(), spread(&rmse(&way.found), 0), spread(&mae, 0), spread(&r2, 4), change]
    };
    section.add(&table(
        &["student", "RMSE", "mean absolute error", "R²", "change of RMSE"],
        &ways.iter().map(cells).collect::<Vec<_>>(),
    ));
    section.add(&measures_by_seed(&lists(ways), &[Measure { name: "RMSE", of: rmse, decimals: [0, 0] }]));
    section
}

/// Root of the mean squared error, one number for each model.
fn rmse(found: &[Facts]) -> Vec<f64> {
    found.iter().filter_map(|facts| facts.test_numbers.as_ref()?.rmse()).collect()
}

fn r2(found: &[Facts]) -> Vec<f64> {
    found.iter().filter_map(|facts| Some(facts.test_numbers.as_ref()?.r2)).collect()
}

fn mae(found: &[Facts]) -> Vec<f64> {
    found.iter().filter_map(|facts| Some(facts.test_numbers.as_ref()?.only()?.mae)).collect()
}
