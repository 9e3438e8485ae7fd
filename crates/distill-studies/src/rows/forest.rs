//! A forest of a thousand trees to a perceptron: how much smaller and faster it is, beside how good.

use distill_lab::Latency;
use distill_lab::jobs::Stop;
use distill_recipe::words::{size, thousands};

use crate::goal::Goal;
use crate::numbers::{accuracies, differences, errors, interval, mean, spread, table};
use crate::plan::{Row, Study};
use crate::rows::trees::{Way, bytes_of, lists, near, student, train};
use crate::rows::{by_seed, given};
use crate::section::Section;

pub(crate) const ROWS: &[Row] = &[Row {
    name: "compression",
    about: "a perceptron alone, distilled and with MUNGE, with its size and its speed",
    run: compression,
}];

struct Forest {
    name: String,
    accuracy: f64,
    nll: f64,
    bytes: u64,
    latency: Latency,
}

fn compression(study: &mut Study<'_>) -> Result<Section, Stop> {
    let (alone, plain, munge) = (study.setup("alone")?, study.setup("distilled")?, study.setup("munge")?);
    let teacher = given(study, &plain, ["forest", "forest.onnx"])?;
    let ways = train(
        study,
        &[
            ("on labels alone", &alone, None),
            ("distilled", &plain, Some(&teacher)),
            ("distilled with MUNGE", &munge, Some(&teacher)),
        ],
    )?;
    let model = study.lab.ensemble(&teacher, 1.0)?;
    let test = study.lab.test(&*model)?;
    let rows = &*study.lab.data.sets.test;
    let of_forest = Forest {
        name: model.spec().architecture.clone(),
        accuracy: 100.0 * test.accuracy(),
        nll: test.nll,
        bytes: bytes_of(&plain),
        latency: Latency::measure(&*model, rows)?,
    };
    let mut latencies = vec![];
    for facts in ways.last().into_iter().flat_map(|way| &way.found) {
        latencies.push(Latency::measure(&study.lab.model(facts)?, rows)?.p50_us);
    }
    Ok(section(&plain.recipe.seeds, &of_forest, &ways, &latencies))
}

fn section(seeds: &[u64], forest: &Forest, ways: &[Way], latencies: &[f64]) -> Section {
    let mut section = Section::new("compression", "A forest to a perceptron", seeds);
    let [alone, taught @ ..] = ways else { return section };
    let (name, parameters) = student(alone);
    section.compare(
        &format!("the forest, {}: test accuracy", forest.name),
        "",
        format!("{:.2} %", forest.accuracy),
        None,
    );
    for way in ways {
        let found = accuracies(&way.found);
        let goal = if std::ptr::eq(way, alone) { None } else { Goal::at_least(near(forest.accuracy), " %", &found) };
        section.compare(&format!("{name} {}", way.name), "", format!("{} %", spread(&found, 2)), goal);
    }
    for way in taught {
        let removed = differences(&errors(&alone.found), &errors(&way.found));
        let what = format!("errors that the student {} makes fewer than on labels alone, seed by seed", way.name);
        section.compare(&what, "", interval(&removed, 1), Goal::above_zero(&removed));
    }
    let bytes = 4 * parameters;
    section.compare(
        "how many times smaller the student's weights are than the forest's file",
        "",
        format!("{:.0} ({} and {})", forest.bytes as f64 / bytes.max(1) as f64, size(bytes), size(forest.bytes)),
        None,
    );
    let of_student = mean(latencies);
    section.compare(
        "how many times faster it answers one row",
        "",
        format!("{:.0} ({of_student:.1} and {:.0} µs)", forest.latency.p50_us / of_student, forest.latency.p50_us),
        None,
    );
    section.add(&format!(
        "The forest has a NLL of {:.4} on the test rows, and the students have {} parameters. Times are medians of rows that are asked one \
         at a time. The students have the settings of the study `adult`.",
        forest.nll,
        thousands(parameters),
    ));
    let cells = |way: &Way| {
        let nll: Vec<f64> = way.found.iter().map(|facts| facts.test_nll).collect();
        vec![way.name.to_owned(), spread(&accuracies(&way.found), 2), format!("{:.4}", mean(&nll))]
    };
    section.add(&table(&["student", "accuracy, %", "NLL"], &ways.iter().map(cells).collect::<Vec<_>>()));
    section.add(&by_seed(&lists(ways)));
    section
}
