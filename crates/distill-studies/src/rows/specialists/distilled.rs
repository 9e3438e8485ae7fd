use crate::goal::Goal;
use crate::numbers::{accuracies, differences, interval, spread, table};
use crate::plan::Study;
use crate::section::{Part, Section};
use distill_lab::jobs::Loss;
use distill_lab::jobs::Stop;
use distill_recipe::words::thousands;

/// Weight of the generalist in the training of the specialists that teach.
const ALPHA: f64 = 0.5;

const GROUPS: [&str; 3] = ["generalists", "generalists and specialists", "distilled from both"];

pub(super) fn run(study: &mut Study<'_>) -> Result<Section, Stop> {
    let base = study.setup("distilled")?;
    let seeds = base.recipe.seeds.clone();
    let width = super::WIDTHS[0];
    let hidden = [format!("student.model.hidden=[{width}]"), format!("teacher.model.hidden=[{width}]")];
    let setup = base.with(&hidden)?;
    let generalists = seeds.iter().map(|&seed| study.generalist(width, seed)).collect::<Result<Vec<_>, _>>()?;
    let mut ways = [study.lab.train(&generalists)?, vec![], vec![]];
    for &seed in &seeds {
        // One after the other: the answers to all snippets are a gigabyte for each.
        ways[1].extend(study.lab.train(&[setup.distilled(seed)])?);
        ways[2].extend(study.lab.train(&[setup.distilled_from(seed, study.system(width, seed, ALPHA)?)])?);
    }
    let mut section = Section::new("distilled", "Distilled back into one network", &seeds);
    section.outcomes.examples = study.lab.data.sets.test.len();
    let left_out = study.left_out()?;
    let (mut systems, mut of_all) = (vec![], [vec![], vec![], vec![], vec![]]);
    let mut outcomes = vec![];
    for &seed in &seeds {
        let system = study.lab.ensemble(&study.system(width, seed, ALPHA)?, 1.0)?;
        let found = study.lab.test(&*system)?;
        systems.push(100.0 * found.accuracy());
        of_all[3].push(left_out.top_1_of_all(&study.lab, &*system, [found.examples - found.errors, found.examples])?);
        outcomes.push(study.lab.outcome(&*system, false)?);
    }
    section.outcomes.add(GROUPS[1], &outcomes);
    for (group, found) in [(GROUPS[0], &ways[0]), (GROUPS[2], &ways[2])] {
        let of = |facts| study.lab.outcome(&study.lab.model(facts)?, false);
        section.outcomes.add(group, &found.iter().map(of).collect::<Result<Vec<_>, _>>()?);
    }
    for (facts, of_all) in ways.iter().zip(&mut of_all) {
        for facts in facts {
            let (right, model) = (facts.test_examples - facts.test_errors, study.lab.model(facts)?);
            of_all.push(left_out.top_1_of_all(&study.lab, &model, [right, facts.test_examples])?);
        }
    }
    let [alone, from_generalist, from_system] = [0, 1, 2].map(|way| accuracies(&ways[way]));
    section.compare(
        "one network: the generalist, trained on labels; distilled from generalist and specialists; difference",
        "",
        format!(
            "{} %, {} %, {} points",
            spread(&alone, 2),
            spread(&from_system, 2),
            interval(&differences(&from_system, &alone), 2)
        ),
        Goal::above_zero(&differences(&from_system, &alone)),
    );
    let [base, whole, students] = GROUPS.map(str::to_owned);
    let part = Part { base, whole, students, loss: Loss::Errors, goal: None };
    section.compare_part("part of the specialists' gain that it keeps", "", part);
    section.add(&format!(
        "Top-1 on test snippets in percent. All three networks are {}. Those that are distilled learn from the {} labelled snippets of \
         the generalist and from {} more of the same paragraphs, whose labels nobody sees, for {} epochs. {}; the last column is of all \
         that were drawn.",
        ways[0].first().map_or("", |facts| facts.architecture.as_str()),
        thousands(study.lab.sizes(&setup)?.labelled as u64),
        thousands(study.lab.data.sets.unlabelled.as_ref().map_or(0, |set| set.len() as u64)),
        setup.recipe.train.epochs,
        left_out.sentence(),
    ));
    let line = |name: &str, values: &[f64], of_all: &[f64]| vec![name.to_owned(), spread(values, 2), spread(of_all, 2)];
    section.add(&table(
        &["network", "top-1", "of all"],
        &[
            line("the generalist, on labels", &alone, &of_all[0]),
            line("distilled from the generalist", &from_generalist, &of_all[1]),
            line("distilled from generalist and specialists", &from_system, &of_all[2]),
            line("generalist and specialists", &systems, &of_all[3]),
        ],
    ));
    Ok(section)
}
