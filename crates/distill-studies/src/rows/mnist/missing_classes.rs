use super::bias::{Answers, Errors};
use crate::goal::Goal;
use crate::numbers::{spread, table};
use crate::plan::{Study, for_each_seed};
use crate::section::Section;
use distill_lab::jobs::Setup;
use distill_lab::jobs::Stop;
use distill_recipe::Code;
use distill_recipe::Diagnostic;

/// What is known of one student before and after its bias is changed.
struct Outcome {
    before: Errors,
    /// Tuned on the test set, as in the paper.
    tuned: (f64, Errors),
    /// Matched to the frequency of the classes in the training data.
    matched: (f64, Errors),
}

pub(super) fn no_threes(study: &mut Study<'_>) -> Result<Section, Stop> {
    let (seeds, n_test, outcomes) = outcomes(study, "no-threes", &["3"])?;
    let mut section = Section::new("no-threes", "No 3 in the transfer set", &seeds);
    let of = |pick: &dyn Fn(&Outcome) -> usize| -> Vec<f64> { outcomes.iter().map(|o| pick(o) as f64).collect() };
    let line = |all: &dyn Fn(&Outcome) -> usize, on: &dyn Fn(&Outcome) -> usize| {
        format!("{}, {}", spread(&of(all), 1), spread(&of(on), 1))
    };
    section.compare(
        "no 3s: test errors, of them on threes",
        "206, 133",
        line(&|o| o.before.all, &|o| o.before.on_them),
        Goal::at_most(206.0, "", &of(&|o| o.before.all)),
    );
    section.compare(
        "the same, bias of class 3 tuned on the test set as in the paper",
        "109, 14",
        line(&|o| o.tuned.1.all, &|o| o.tuned.1.on_them),
        Goal::at_most(109.0, "", &of(&|o| o.tuned.1.all)),
    );
    section.compare(
        "the same, bias matched to the frequency of 3s in the training data",
        "",
        line(&|o| o.matched.1.all, &|o| o.matched.1.on_them),
        Goal::at_most(109.0, "", &of(&|o| o.matched.1.all)),
    );
    section
        .add(&format!("Errors of {n_test}, and of them on threes; the number that is added to the logit of class 3."));
    section.add(&by_seed(&seeds, &outcomes, |errors| format!("{}, {}", errors.all, errors.on_them)));
    Ok(section)
}

pub(super) fn sevens_and_eights(study: &mut Study<'_>) -> Result<Section, Stop> {
    let (seeds, n_test, outcomes) = outcomes(study, "sevens-and-eights", &["7", "8"])?;
    let mut section = Section::new("sevens-and-eights", "Only 7s and 8s in the transfer set", &seeds);
    let percent = |errors: Errors| 100.0 * errors.all as f64 / n_test as f64;
    let of = |pick: fn(&Outcome) -> Errors| -> Vec<f64> { outcomes.iter().map(|o| percent(pick(o))).collect() };
    let goal = |limit: f64, values: &[f64]| Goal::at_most(limit, " %", values);
    let (before, tuned, matched) = (of(|o| o.before), of(|o| o.tuned.1), of(|o| o.matched.1));
    let text = |values: &[f64]| format!("{} %", spread(values, 1));
    section.compare("only 7s and 8s: error", "47.3 %", text(&before), goal(47.3, &before));
    section.compare(
        "the same, biases of 7 and 8 tuned on the test set as in the paper",
        "13.2 %",
        text(&tuned),
        goal(13.2, &tuned),
    );
    section.compare(
        "the same, biases matched to the frequency of 7s and 8s in the training data",
        "",
        text(&matched),
        goal(13.2, &matched),
    );
    section.add("Error, and the number that is added to the logits of both classes.");
    section.add(&by_seed(&seeds, &outcomes, |errors| format!("{:.1} %", percent(errors))));
    Ok(section)
}

fn by_seed(seeds: &[u64], outcomes: &[Outcome], text: impl Fn(Errors) -> String) -> String {
    let lines: Vec<Vec<String>> = (seeds.iter().zip(outcomes))
        .map(|(seed, outcome)| {
            let Outcome { before, tuned, matched } = outcome;
            let bias = |bias: f64| format!("{bias:+.1}");
            vec![seed.to_string(), text(*before), bias(tuned.0), text(tuned.1), bias(matched.0), text(matched.1)]
        })
        .collect();
    table(&["seed", "as trained", "tuned bias", "with it", "matched bias", "with it"], &lines)
}

/// Trains the students of a recipe and changes the bias of these classes in each of them.
fn outcomes(study: &mut Study<'_>, recipe: &str, names: &[&str]) -> Result<(Vec<u64>, usize, Vec<Outcome>), Stop> {
    let setup = study.setup(recipe)?;
    let data = study.lab.data.clone();
    let spec = data.sets.test.spec();
    let mut classes = vec![];
    for name in names {
        classes.push(spec.classes.iter().position(|class| class == name).ok_or_else(|| {
            Diagnostic::new(Code::Value, format!("the data has no class `{name}`"))
                .at(&setup.recipe.data.source)
                .note(format!("its classes are {:?}", spec.classes))
                .help("use the data of the paper, or leave this row out")
        })?);
    }
    let found = study.lab.train(&for_each_seed(&setup, Setup::distilled))?;
    let labels = |data: &dyn distill_datasets::Dataset| -> Vec<u32> {
        (0..data.len()).map(|index| data.label(index).unwrap_or(u32::MAX)).collect()
    };
    let (train_labels, test_labels) = (labels(&*data.sets.train), labels(&*data.sets.test));
    let mut outcomes = vec![];
    for facts in &found {
        let model = study.lab.model(facts)?;
        let train = study.lab.answers(&model, &*data.sets.train)?;
        let test = study.lab.answers(&model, &*data.sets.test)?;
        let train = Answers { logits: train.logits(), labels: &train_labels };
        let test = Answers { logits: test.logits(), labels: &test_labels };
        let with = |bias: f64| (bias, test.errors(&classes, bias));
        outcomes.push(Outcome {
            before: test.errors(&classes, 0.0),
            tuned: with(test.tuned(&classes)),
            matched: with(train.matched(&classes)),
        });
    }
    Ok((setup.recipe.seeds.clone(), data.sets.test.len(), outcomes))
}
