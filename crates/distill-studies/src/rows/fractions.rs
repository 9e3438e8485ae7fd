use crate::numbers::{accuracies, errors, spread, table};
use crate::plan::{Study, for_each_seed};
use crate::section::{Least, Part, Section};
use distill_lab::jobs::Facts;
use distill_lab::jobs::Stop;
use distill_lab::jobs::{Loss, Outcome};
use distill_lab::jobs::{Setup, Teachers};

/// Part of the training data, and epochs as a multiple of those on all of it.
const FRACTIONS: [(f64, u32); 3] = [(0.03, 6), (0.1, 3), (1.0, 1)];

/// Parts of the data where a study also distils on mixtures: how many of each example, and epochs as a multiple of the recipe's.
const MIXTURES: [(f64, usize, u32); 2] = [(0.03, 32, 2), (0.1, 8, 2)];

const WAYS: [&str; 3] = ["hard targets", "hard targets, early stopping", "soft targets"];

/// What soft targets recover in the paper.
const PAPER: Least = Least::AtLeast(87.0);

/// A way to train, on one part of the data.
struct Line {
    name: String,
    /// Accuracies in percent, seed by seed.
    train: Vec<f64>,
    test: Vec<f64>,
    errors: Vec<f64>,
    outcomes: Vec<Outcome>,
}

pub(super) fn run(study: &mut Study<'_>) -> Result<Section, Stop> {
    // The teacher of the other rows, which has learned from all images.
    let (base, teacher) = (study.setup("fractions")?, study.setup("teacher")?);
    let seeds = base.recipe.seeds.clone();
    let mut lines: Vec<Line> = vec![];
    let mut n_examples = 0;
    for (fraction, times) in FRACTIONS {
        let setup = base.with(&[
            format!("data.transfer.fraction={fraction:?}"),
            format!("train.epochs={}", base.recipe.train.epochs * times),
        ])?;
        let stopped = setup.with(&["train.keep=best".to_owned()])?;
        n_examples = study.lab.sizes(&setup)?.labelled;
        let mut jobs = for_each_seed(&setup, Setup::alone);
        jobs.extend(for_each_seed(&stopped, Setup::alone));
        jobs.extend(for_each_seed(&setup, |setup, seed| {
            setup.distilled_from(seed, Teachers::one(teacher.teacher(seed)))
        }));
        let found = study.lab.train(&jobs)?;
        for (name, group) in WAYS.iter().zip(found.chunks(seeds.len())) {
            lines.push(Line::of(study, &setup, format!("{} %, {name}", 100.0 * fraction), group)?);
        }
    }
    let mut mixed: Vec<Line> = vec![];
    if study.has("mixtures") {
        let recipe = study.setup("mixtures")?;
        for (fraction, copies, times) in MIXTURES {
            let setup = recipe.with(&[
                format!("data.transfer.fraction={fraction:?}"),
                format!("data.mixtures={copies}"),
                format!("train.epochs={}", recipe.recipe.train.epochs * times),
            ])?;
            let jobs =
                for_each_seed(&setup, |setup, seed| setup.distilled_from(seed, Teachers::one(teacher.teacher(seed))));
            let found = study.lab.train(&jobs)?;
            let name = format!("{} %, soft targets, with {copies} mixtures of each", 100.0 * fraction);
            mixed.push(Line::of(study, &setup, name, &found)?);
        }
    }

    let mut section = Section::new("fractions", "Soft targets as regularisers", &seeds);
    let text = |line: &Line| format!("{} %, {} %", spread(&line.train, 1), spread(&line.test, 2));
    // Of 3 % with hard targets the paper has what early stopping reached (table 5), after which accuracy drops sharply.
    let paper = ["", "67.3 %, 44.5 %", "65.4 %, 57.0 %", "", "", "", "63.4 %, 58.9 %", "", ""];
    for (line, paper) in lines.iter().chain(&mixed).zip(paper.into_iter().chain([""; MIXTURES.len()])) {
        section.compare(&format!("{}: accuracy on training and test data", line.name), paper, text(line), None);
    }
    if let [_, hard, soft, _, _, _, all, ..] = &lines[..] {
        section.outcomes.examples = study.lab.data.sets.test.len();
        section.outcomes.units = super::speech::test_utterances(&base.recipe.data.source)?;
        for line in [hard, all] {
            section.outcomes.add(&line.name, &line.outcomes);
        }
        for (line, how) in [(Some(soft), ""), (mixed.first(), " and mixtures")] {
            let Some(line) = line else { continue };
            section.outcomes.add(&line.name, &line.outcomes);
            let [base, whole, students] = [hard, all, line].map(|line| line.name.clone());
            section.compare_part(
                &format!(
                    "what 3 % with soft targets{how} recovers of the gap between 3 % with early stopping and all data"
                ),
                "87 %",
                Part { base, whole, students, loss: Loss::Errors, goal: Some(PAPER) },
            );
        }
    }
    section.add(&format!(
        "The student on a part of {} training examples; {} others tell when to stop, which only the lines that say so do. \
         Soft targets are those of the teacher that was trained on all examples, at T = {}. The numbers of the paper are \
         of its speech data.",
        distill_recipe::words::thousands(n_examples as u64),
        distill_recipe::words::thousands(study.lab.sizes(&base)?.validation as u64),
        base.recipe.kd.temperature,
    ));
    let cells =
        |line: &Line| vec![line.name.clone(), spread(&line.train, 2), spread(&line.test, 2), spread(&line.errors, 1)];
    section.add(&table(
        &["data and targets", "accuracy on training data, %", "on test data, %", "test errors"],
        &lines.iter().chain(&mixed).map(cells).collect::<Vec<_>>(),
    ));
    Ok(section)
}

impl Line {
    /// What models get right of the labelled part of the data that they were trained on, and of the test set.
    fn of(study: &Study<'_>, setup: &Setup, name: String, found: &[Facts]) -> Result<Self, Stop> {
        let (mut train, mut outcomes) = (vec![], vec![]);
        for facts in found {
            let model = study.lab.model(facts)?;
            train.push(100.0 * study.lab.on_labelled_set(setup, &model)?.accuracy());
            outcomes.push(study.lab.outcome(&model, false)?);
        }
        Ok(Self { name, train, test: accuracies(found), errors: errors(found), outcomes })
    }
}
