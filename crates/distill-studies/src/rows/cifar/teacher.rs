use distill_lab::jobs::{Facts, Stop};
use distill_recipe::words::thousands;

use crate::goal::Goal;
use crate::numbers::{accuracies, spread, table};
use crate::plan::Study;
use crate::section::Section;

pub(super) fn run(study: &mut Study<'_>) -> Result<Section, Stop> {
    let teacher = super::teacher(study)?;
    let found = study.lab.train(&teacher.jobs)?;
    let all = accuracies(&found);
    let seeds: Vec<u64> = found.iter().map(|facts| facts.seed).collect();
    let mut section = Section::new("teacher", "The teacher", &seeds);
    let name = found.first().map_or("", |facts| facts.architecture.as_str());
    let what = format!("teacher {name}: test accuracy");
    section.compare(
        &what,
        "94 % (airbench94, 0.29 PFLOP)",
        format!("{} %", spread(&all, 2)),
        Goal::at_least(94.0, " %", &all),
    );
    let line = |(facts, accuracy): (&Facts, &f64)| {
        vec![
            facts.seed.to_string(),
            thousands(facts.parameters as u64),
            facts.test_errors.to_string(),
            format!("{accuracy:.2}"),
            format!("{:.1} on {} threads", facts.seconds / 60.0, facts.threads),
        ]
    };
    let lines: Vec<Vec<String>> = found.iter().zip(&all).map(line).collect();
    section.add(&table(&["seed", "parameters", "test errors", "accuracy, %", "minutes of training"], &lines));
    Ok(section)
}
