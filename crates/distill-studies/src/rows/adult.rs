//! Boosted trees to a perceptron, on a table of people.

use std::sync::Arc;

use distill_lab::jobs::{Facts, Setup, Stop, Teachers};
use distill_recipe::words::{size, thousands};
use distill_recipe::{Code, Diagnostic};

use crate::goal::Goal;
use crate::numbers::{accuracies, differences, errors, interval, mean, spread, table};
use crate::plan::{Row, Study, for_each_seed};
use crate::rows::by_seed;
use crate::section::Section;

pub(crate) const ROWS: &[Row] =
    &[Row { name: "distilled", about: "a perceptron alone, distilled, with MUNGE and with folds", run: distilled }];

/// Folds of the trees that have each not seen one.
const FOLDS: u32 = 5;

/// How far the student may be below its teacher, in points, and which part of its size it may have.
const NEAR: f64 = 0.3;
const SMALL: f64 = 0.1;

/// One way to teach, with what it gave seed by seed.
struct Way {
    name: &'static str,
    found: Vec<Facts>,
}

fn distilled(study: &mut Study<'_>) -> Result<Section, Stop> {
    let setups = ["alone", "distilled", "munge"].map(|name| study.setup(name));
    let [alone, plain, munge] = setups;
    let (alone, plain, munge) = (alone?, plain?, munge?);
    let files = (1..=FOLDS).map(|fold| format!("'{}'", fold_file(&plain, fold))).collect::<Vec<_>>().join(", ");
    let folds = [format!("teacher.weights=[{files}]"), format!("teacher.folds={FOLDS}")];
    let (plain_folds, munge_folds) = (plain.with(&folds)?, munge.with(&folds)?);
    let teacher = given(study, &plain)?;
    let together = given(study, &plain_folds)?;
    let model = study.lab.ensemble(&teacher, 1.0)?;
    let test = study.lab.test(&*model)?;
    let mut ways = vec![];
    for (name, setup, teachers) in [
        ("labels alone", &alone, None),
        ("distilled", &plain, Some(&teacher)),
        ("distilled out of fold", &plain_folds, Some(&together)),
        ("distilled with MUNGE", &munge, Some(&teacher)),
        ("distilled with MUNGE, out of fold", &munge_folds, Some(&together)),
    ] {
        let jobs = match teachers {
            None => for_each_seed(setup, Setup::alone),
            Some(teachers) => for_each_seed(setup, |setup, seed| setup.distilled_from(seed, teachers.clone())),
        };
        ways.push(Way { name, found: study.lab.train(&jobs)? });
    }
    let of_teacher = Teacher {
        name: model.spec().architecture.clone(),
        accuracy: 100.0 * test.accuracy(),
        nll: test.nll,
        bytes: bytes_of(&plain),
    };
    Ok(section(&plain.recipe.seeds, &of_teacher, &ways))
}

/// The file of the trees that have not seen a fold, beside that of those that have seen all rows.
fn fold_file(setup: &Setup, fold: u32) -> String {
    let first = setup.recipe.teacher.files().first().map(|&file| file.to_owned()).unwrap_or_default();
    std::path::Path::new(&first).with_file_name(format!("fold-{fold}.onnx")).display().to_string()
}

fn bytes_of(setup: &Setup) -> u64 {
    let bytes = |file: &&str| std::fs::metadata(file).map_or(0, |found| found.len());
    setup.recipe.teacher.files().iter().map(bytes).sum()
}

/// The teacher of a recipe, which is a file.
fn given(study: &mut Study<'_>, setup: &Arc<Setup>) -> Result<Teachers, Stop> {
    study.lab.given(setup)?.ok_or_else(|| {
        let what = "the study distils from trees in a file, and the recipe names none";
        let help = "name the file of the trees: `teacher.weights=adult/teacher.onnx`";
        Diagnostic::new(Code::Value, what).at("teacher.weights").help(help).into()
    })
}

struct Teacher {
    name: String,
    accuracy: f64,
    nll: f64,
    bytes: u64,
}

fn section(seeds: &[u64], teacher: &Teacher, ways: &[Way]) -> Section {
    let mut section = Section::new("distilled", "Boosted trees to a perceptron", seeds);
    let [alone, taught @ ..] = ways else { return section };
    let parameters = alone.found.first().map_or(0, |facts| facts.parameters) as u64;
    let name = alone.found.first().map_or(String::new(), |facts| facts.architecture.clone());
    section.compare(
        &format!("the teacher, {}: test accuracy", teacher.name),
        "",
        format!("{:.2} %", teacher.accuracy),
        None,
    );
    section.compare(
        &format!("{name} on labels alone"),
        "",
        format!("{} %", spread(&accuracies(&alone.found), 2)),
        None,
    );
    for way in taught {
        let found = accuracies(&way.found);
        let bound = ((teacher.accuracy - NEAR) * 100.0).round() / 100.0;
        let goal = Goal::at_least(bound, " %", &found);
        section.compare(&format!("{name} {}", way.name), "", format!("{} %", spread(&found, 2)), goal);
    }
    for way in taught {
        let removed = differences(&errors(&alone.found), &errors(&way.found));
        let what = format!("errors that the student {} makes fewer than on labels alone, seed by seed", way.name);
        section.compare(&what, "", interval(&removed, 1), Goal::above_zero(&removed));
    }
    let share = (4 * parameters) as f64 / teacher.bytes.max(1) as f64;
    section.compare(
        "the student's weights, as a part of the teacher's file",
        "",
        format!("{:.3} ({} of {})", share, size(4 * parameters), size(teacher.bytes)),
        Goal::at_most(SMALL, "", &[share; 2]),
    );
    section.add(&format!(
        "The teacher has a NLL of {:.4} on the test rows, and the students have {} parameters. Settings were chosen on validation \
         rows, for the student on labels alone, for distilled ones and for those with MUNGE by themselves.",
        teacher.nll,
        thousands(parameters),
    ));
    let cells = |way: &Way| {
        let nll: Vec<f64> = way.found.iter().map(|facts| facts.test_nll).collect();
        let change = differences(&errors(&way.found), &errors(&alone.found));
        let change = if std::ptr::eq(way, alone) { "-".to_owned() } else { interval(&change, 1) };
        vec![way.name.to_owned(), spread(&accuracies(&way.found), 2), format!("{:.4}", mean(&nll)), change]
    };
    section.add(&table(
        &["student", "accuracy, %", "NLL", "change of errors"],
        &ways.iter().map(cells).collect::<Vec<_>>(),
    ));
    let lists: Vec<(&str, &[Facts])> = ways.iter().map(|way| (way.name, way.found.as_slice())).collect();
    section.add(&by_seed(&lists));
    section
}
