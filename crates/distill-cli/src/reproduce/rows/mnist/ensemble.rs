use distill_models::Average;

use super::super::super::job::Teachers;
use super::super::super::numbers::{Better, errors, interval, kept_gain, mean, spread, table};
use super::super::super::section::Section;
use super::super::super::watch::Stop;
use super::{Study, for_each_seed};

/// How teachers become one where they teach. On the validation images the two averages did alike.
pub(super) const AVERAGE: Average = Average::Geometric;

pub(super) fn run(study: &mut Study<'_>) -> Result<Section, Stop> {
    let setup = study.setup("ensemble")?;
    let teachers = study.teachers(AVERAGE)?;
    let members = study.lab.train(&teachers.jobs)?;
    let jobs = for_each_seed(&setup, |setup, seed| setup.distilled_from(seed, teachers.clone()));
    let distilled = study.lab.train(&jobs)?;

    let nll = |found: &[super::super::super::store::Facts]| -> Vec<f64> {
        found.iter().map(|facts| facts.test_nll).collect()
    };
    let single = (errors(&members), nll(&members));
    let student = (errors(&distilled), nll(&distilled));
    let mut lines =
        vec![vec![format!("one of the {} teachers", members.len()), spread(&single.0, 1), spread(&single.1, 4)]];
    let mut together = None;
    for average in [Average::Arithmetic, Average::Geometric] {
        let model = study.lab.ensemble(&Teachers::several(teachers.jobs.clone(), average), 1.0)?;
        let test = study.lab.test(&*model)?;
        lines.push(vec![
            format!("all together, {} average", average.name()),
            test.errors.to_string(),
            format!("{:.4}", test.nll),
        ]);
        if average == AVERAGE {
            together = Some(test);
        }
    }
    lines.push(vec!["one network, distilled from them".to_owned(), spread(&student.0, 1), spread(&student.1, 4)]);

    let mut section = Section::new("ensemble", "Ten teachers", &setup.recipe.seeds);
    if let Some(together) = together {
        let by_errors = kept_gain(&single.0, together.errors as f64, &student.0, Better::Lower);
        let by_nll = kept_gain(&single.1, together.nll, &student.1, Better::Lower);
        section.compare(
            "one network distilled from the ensemble: part of its gain in errors that is kept",
            "more than 80 % (speech)",
            format!("{} %", interval(&by_errors, 0)),
            Some(("more than 80 %".to_owned(), mean(&by_errors) > 80.0)),
        );
        section.compare(
            "the same, in negative log-likelihood",
            "",
            format!("{} %", interval(&by_nll, 0)),
            Some(("more than 80 %".to_owned(), mean(&by_nll) > 80.0)),
        );
    }
    section.add(&format!(
        "The distilled network is {}, the size of one teacher, without dropout, on images shifted by up to {} pixels. \
         Intervals are over its seeds; the ensemble is one and the same.",
        distilled.first().map_or("", |facts| facts.architecture.as_str()),
        setup.recipe.train.augment.shift,
    ));
    section.add(&table(&["model", "test errors", "NLL"], &lines));
    Ok(section)
}
