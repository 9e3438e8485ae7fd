use crate::goal::Goal;
use crate::numbers::{errors, spread, table};
use crate::plan::{Study, for_each_seed};
use crate::section::Section;
use distill_lab::jobs::Stop;

pub(super) fn run(study: &mut Study<'_>) -> Result<Section, Stop> {
    let setup = study.setup("teacher")?;
    let found = study.lab.train(&for_each_seed(&setup, |setup, seed| setup.teacher(seed)))?;
    let all = errors(&found);
    let mut section = Section::new("teacher", "The teacher", &setup.recipe.seeds);
    let name = found.first().map_or("", |facts| facts.architecture.as_str()).to_owned();
    let what = format!("teacher {name}, dropout, max norm, jitter: test errors");
    section.compare(&what, "67", spread(&all, 1), Goal::at_most(67.0, "", &all));
    let nll: Vec<f64> = found.iter().map(|facts| facts.test_nll).collect();
    let lines: Vec<Vec<String>> = (found.iter())
        .map(|facts| vec![facts.seed.to_string(), facts.test_errors.to_string(), format!("{:.4}", facts.test_nll)])
        .chain([vec!["mean ± sd".to_owned(), spread(&all, 1), spread(&nll, 4)]])
        .collect();
    section.add(&table(&["seed", "test errors", "NLL"], &lines));
    Ok(section)
}
