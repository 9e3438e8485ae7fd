use super::super::super::numbers::{accuracies, differences, interval, kept_gain, mean, spread, table};
use super::super::super::section::Section;
use super::super::super::watch::Stop;
use super::super::Study;

/// Weight of the generalist in the training of the specialists that teach.
const ALPHA: f64 = 0.5;

pub(super) fn run(study: &mut Study<'_>) -> Result<Section, Stop> {
    let base = study.setup("distilled")?;
    let seeds = base.recipe.seeds.clone();
    let width = super::WIDTHS[0];
    let hidden = [format!("student.model.hidden=[{width}]"), format!("teacher.model.hidden=[{width}]")];
    let setup = base.with(&hidden)?;
    let mut jobs = vec![];
    for &seed in &seeds {
        jobs.push(setup.alone(seed));
    }
    for &seed in &seeds {
        jobs.push(setup.distilled(seed));
    }
    for &seed in &seeds {
        jobs.push(setup.distilled_from(seed, study.system(width, seed, ALPHA)?));
    }
    let found = study.lab.train(&jobs)?;
    let ways: Vec<_> = found.chunks(seeds.len()).collect();
    let mut systems = vec![];
    for &seed in &seeds {
        let system = study.lab.ensemble(&study.system(width, seed, ALPHA)?, 1.0)?;
        systems.push(100.0 * study.lab.test(&*system)?.accuracy());
    }
    let [alone, from_generalist, from_system] = [0, 1, 2].map(|way| accuracies(ways[way]));
    let mut section = Section::new("distilled", "Distilled back into one network", &seeds);
    section.compare(
        "one network of the generalist's size: on labels, distilled from generalist and specialists; difference",
        "",
        format!(
            "{} %, {} %, {} points",
            spread(&alone, 2),
            spread(&from_system, 2),
            interval(&differences(&from_system, &alone), 2)
        ),
        Some(("better than on labels".to_owned(), mean(&from_system) > mean(&alone))),
    );
    section.compare(
        "part of the specialists' gain that it keeps",
        "",
        format!("{} %", interval(&kept_gain(&alone, mean(&systems), &from_system), 0)),
        None,
    );
    section.add(&format!(
        "Top-1 on test snippets in percent. All three networks are {} and are trained alike; that on labels is not the generalist, \
         which has its own budget.",
        ways[0].first().map_or("", |facts| facts.architecture.as_str()),
    ));
    let line = |name: &str, values: &[f64]| vec![name.to_owned(), spread(values, 2)];
    section.add(&table(
        &["network", "top-1"],
        &[
            line("on labels", &alone),
            line("distilled from the generalist", &from_generalist),
            line("distilled from generalist and specialists", &from_system),
            line("generalist and specialists", &systems),
        ],
    ));
    Ok(section)
}
