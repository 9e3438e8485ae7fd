//! Boosted trees to a perceptron, on a table of people.

use distill_lab::jobs::Stop;
use distill_recipe::words::thousands;

use crate::goal::Goal;
use crate::numbers::{accuracies, differences, errors, interval, mean, spread, table};
use crate::plan::{Row, Study};
use crate::rows::by_seed;
use crate::rows::trees::{CHOSEN, Taught, Way, compare_sizes, lists, near, student, taught};
use crate::section::Section;

pub(crate) const ROWS: &[Row] =
    &[Row { name: "distilled", about: "a perceptron alone, distilled, with MUNGE and with folds", run: distilled }];

fn distilled(study: &mut Study<'_>) -> Result<Section, Stop> {
    let Taught { model, bytes, seeds, ways } = taught(study)?;
    let test = study.lab.test(&*model)?;
    let name = model.spec().architecture.clone();
    let of_teacher = Teacher { name, accuracy: 100.0 * test.accuracy(), nll: test.nll, bytes };
    Ok(section(&seeds, &of_teacher, &ways))
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
    let (name, parameters) = student(alone);
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
        let goal = Goal::at_least(near(teacher.accuracy), " %", &found);
        section.compare(&format!("{name} {}", way.name), "", format!("{} %", spread(&found, 2)), goal);
    }
    for way in taught {
        let removed = differences(&errors(&alone.found), &errors(&way.found));
        let what = format!("errors that the student {} makes fewer than on labels alone, seed by seed", way.name);
        section.compare(&what, "", interval(&removed, 1), Goal::above_zero(&removed));
    }
    compare_sizes(&mut section, parameters, teacher.bytes);
    section.add(&format!(
        "The teacher has a NLL of {:.4} on the test rows, and the students have {} parameters. {CHOSEN}",
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
    section.add(&by_seed(&lists(ways)));
    section
}
