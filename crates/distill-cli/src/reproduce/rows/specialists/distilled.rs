use super::super::super::numbers::{Better, accuracies, differences, interval, kept_gain, mean, spread, table};
use super::super::super::section::Section;
use super::super::super::watch::Stop;
use super::super::Study;
use crate::progress::thousands;

/// Weight of the generalist in the training of the specialists that teach.
const ALPHA: f64 = 0.5;

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
    let mut systems = vec![];
    for &seed in &seeds {
        let system = study.lab.ensemble(&study.system(width, seed, ALPHA)?, 1.0)?;
        systems.push(100.0 * study.lab.test(&*system)?.accuracy());
    }
    let [alone, from_generalist, from_system] = [0, 1, 2].map(|way| accuracies(&ways[way]));
    let mut section = Section::new("distilled", "Distilled back into one network", &seeds);
    section.compare(
        "one network: the generalist, trained on labels; distilled from generalist and specialists; difference",
        "",
        format!(
            "{} %, {} %, {} points",
            spread(&alone, 2),
            spread(&from_system, 2),
            interval(&differences(&from_system, &alone), 2)
        ),
        Some(("interval above 0".to_owned(), super::is_above_zero(&differences(&from_system, &alone)))),
    );
    section.compare(
        "part of the specialists' gain that it keeps",
        "",
        format!("{} %", interval(&kept_gain(&alone, mean(&systems), &from_system, Better::Higher), 0)),
        None,
    );
    section.add(&format!(
        "Top-1 on test snippets in percent. All three networks are {}. Those that are distilled learn from the {} labelled snippets of \
         the generalist and from {} more of the same paragraphs, whose labels nobody sees, for {} epochs.",
        ways[0].first().map_or("", |facts| facts.architecture.as_str()),
        thousands(study.lab.sizes(&setup)?.labelled as u64),
        thousands(study.lab.data.sets.unlabelled.as_ref().map_or(0, |set| set.len() as u64)),
        setup.recipe.train.epochs,
    ));
    let line = |name: &str, values: &[f64]| vec![name.to_owned(), spread(values, 2)];
    section.add(&table(
        &["network", "top-1"],
        &[
            line("the generalist, on labels", &alone),
            line("distilled from the generalist", &from_generalist),
            line("distilled from generalist and specialists", &from_system),
            line("generalist and specialists", &systems),
        ],
    ));
    Ok(section)
}
