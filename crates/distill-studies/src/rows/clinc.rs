//! A sentence transformer to a perceptron on n-grams, for questions to an assistant.

use std::path::Path;

use distill_datasets::Dataset;
use distill_lab::jobs::{Facts, Setup, Stop};
use distill_models::Model;
use distill_recipe::data_source::read_texts;
use distill_recipe::words::{size, thousands};
use distill_tensor::LogPartition;
use distill_train::{Evaluation, auroc};
use ndarray::ArrayView1;

use crate::goal::Goal;
use crate::numbers::{accuracies, differences, errors, interval, mean, spread, table};
use crate::plan::{Row, Study, for_each_seed};
use crate::rows::{by_seed, given};
use crate::section::Section;

pub(crate) const ALL: &[Row] = &[Row {
    name: "distilled",
    about: "a perceptron on n-grams, alone and taught by a sentence transformer",
    run: all,
}];
pub(crate) const TENTH: &[Row] =
    &[Row { name: "distilled", about: "the same with ten questions of each intent", run: tenth }];

/// The weights may take so many bytes.
const MOST_BYTES: f64 = 1e6;

/// What others report, as `what` and the number.
const MLP: &str = "93.5 % (perceptron on sentence vectors, Larson and others, 2019)";

fn all(study: &mut Study<'_>) -> Result<Section, Stop> {
    distilled(study, MLP, Some(93.5))
}

fn tenth(study: &mut Study<'_>) -> Result<Section, Stop> {
    distilled(study, "", None)
}

/// Students that learn one way.
struct Way {
    name: &'static str,
    found: Vec<Facts>,
    /// How well their largest probabilities tell questions of no intent, seed by seed.
    aurocs: Vec<f64>,
}

fn distilled(study: &mut Study<'_>, others: &str, goal: Option<f64>) -> Result<Section, Stop> {
    let (alone, taught) = (study.setup("alone")?, study.setup("distilled")?);
    let given = given(study, &taught, ["answers", "answers.jsonl"])?;
    let teacher = study.lab.ensemble(&given, 1.0)?;
    let outside = Path::new(&taught.recipe.data.source).join("outside.csv");
    let classes = &study.lab.data.sets.train.spec().classes;
    let outside = read_texts(&taught.recipe.data, &outside, classes)?;
    let test = study.lab.test(&*teacher)?;
    let of_teacher = Teacher { accuracy: 100.0 * test.accuracy(), auroc: scope(study, &*teacher, &test, &*outside)? };
    let mut ways = vec![];
    for (name, jobs) in [
        ("labels alone", for_each_seed(&alone, Setup::alone)),
        ("distilled", for_each_seed(&taught, |setup, seed| setup.distilled_from(seed, given.clone()))),
    ] {
        let found = study.lab.train(&jobs)?;
        let mut aurocs = vec![];
        for facts in &found {
            let model = study.lab.model(facts)?;
            let test = study.lab.test(&model)?;
            aurocs.push(scope(study, &model, &test, &*outside)?);
        }
        ways.push(Way { name, found, aurocs });
    }
    let n_made = study.lab.data.sets.unlabelled.as_ref().map_or(0, |set| set.len());
    let counts = Counts { labelled: study.lab.data.sets.train.len(), unlabelled: n_made, outside: outside.len() };
    Ok(section(&taught.recipe.seeds, &counts, &of_teacher, &ways, others, goal))
}

fn scope(study: &Study<'_>, model: &dyn Model, test: &Evaluation, outside: &dyn Dataset) -> Result<f64, Stop> {
    // What belongs to no intent has no label, so nothing but the answers is there.
    let answers = study.lab.answers(model, outside)?;
    let confidence = |row: ArrayView1<'_, f32>| {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        LogPartition::new(row.iter().copied(), 1.0).prob(largest)
    };
    let found: Vec<f64> = answers.logits().outer_iter().map(confidence).collect();
    Ok(auroc(&test.confidences, &found))
}

struct Teacher {
    accuracy: f64,
    auroc: f64,
}

struct Counts {
    labelled: usize,
    unlabelled: usize,
    outside: usize,
}

fn section(
    seeds: &[u64],
    counts: &Counts,
    teacher: &Teacher,
    ways: &[Way],
    others: &str,
    goal: Option<f64>,
) -> Section {
    let mut section = Section::new("distilled", "A sentence transformer to a perceptron on n-grams", seeds);
    let [alone, taught] = ways else { return section };
    let (name, parameters) = taught.found.first().map_or(("", 0), |facts| (&facts.architecture, facts.parameters));
    let accuracy = |way: &Way| accuracies(&way.found);
    section.compare("the teacher: test accuracy", "", format!("{:.2} %", teacher.accuracy), None);
    section.compare(&format!("{name} on labels alone"), "", format!("{} %", spread(&accuracy(alone), 2)), None);
    let reached = goal.and_then(|goal| Goal::at_least(goal, " %", &accuracy(taught)));
    section.compare("the same, distilled", others, format!("{} %", spread(&accuracy(taught), 2)), reached);
    let removed = differences(&errors(&alone.found), &errors(&taught.found));
    section.compare(
        "errors that distillation removes, seed by seed",
        "",
        interval(&removed, 1),
        Goal::above_zero(&removed),
    );
    section.compare("AUROC for questions of no intent: the teacher", "", format!("{:.4}", teacher.auroc), None);
    for way in ways {
        section.compare(&format!("the same: {}", way.name), "", spread(&way.aurocs, 4), None);
        section.numbers.insert(format!("{}: AUROC", way.name), way.aurocs.clone());
    }
    let bytes = 4 * parameters as u64;
    let of_megabyte = Goal::at_most(1.0, " MB", &[bytes as f64 / MOST_BYTES; 2]);
    section.compare("the student's weights", "", size(bytes), of_megabyte);
    section.add(&format!(
        "{} questions have intents, {} have none; the teacher was asked about all of them. AUROC is how well the largest \
         probability tells the test questions from {} of no intent: 1 at best, 0.5 by chance.",
        thousands(counts.labelled as u64),
        thousands(counts.unlabelled as u64),
        thousands(counts.outside as u64),
    ));
    let cells = |way: &Way| {
        let nll: Vec<f64> = way.found.iter().map(|facts| facts.test_nll).collect();
        let nll = format!("{:.4}", mean(&nll));
        vec![way.name.to_owned(), spread(&accuracy(way), 2), nll, spread(&way.aurocs, 4)]
    };
    section.add(&table(&["student", "accuracy, %", "NLL", "AUROC"], &ways.iter().map(cells).collect::<Vec<_>>()));
    section.add(&by_seed(&[(alone.name, &alone.found), (taught.name, &taught.found)]));
    section
}
