use distill_models::Average;

use crate::numbers::{errors, spread, table};
use crate::plan::{Study, for_each_seed};
use crate::section::{Least, Part, Section};
use distill_lab::jobs::Loss;
use distill_lab::jobs::Stop;
use distill_lab::jobs::Teachers;

/// How teachers become one where they teach. On the validation images the two averages did alike.
pub(super) const AVERAGE: Average = Average::Geometric;

const MEMBERS: &str = "one of the teachers";
const TOGETHER: &str = "all together";
const STUDENTS: &str = "distilled from them";

pub(super) fn run(study: &mut Study<'_>) -> Result<Section, Stop> {
    let setup = study.setup("ensemble")?;
    let teachers = study.teachers(AVERAGE)?;
    let members = study.lab.train(&teachers.jobs)?;
    let jobs = for_each_seed(&setup, |setup, seed| setup.distilled_from(seed, teachers.clone()));
    let distilled = study.lab.train(&jobs)?;

    let nll = |found: &[distill_lab::jobs::Facts]| -> Vec<f64> { found.iter().map(|facts| facts.test_nll).collect() };
    let single = (errors(&members), nll(&members));
    let student = (errors(&distilled), nll(&distilled));
    let mut lines =
        vec![vec![format!("one of the {} teachers", members.len()), spread(&single.0, 1), spread(&single.1, 4)]];
    let mut section = Section::new("ensemble", "Ten teachers", &setup.recipe.seeds);
    section.outcomes.examples = study.lab.data.sets.test.len();
    for (group, found) in [(MEMBERS, &members), (STUDENTS, &distilled)] {
        let of = |facts| study.lab.outcome(&study.lab.model(facts)?, true);
        section.outcomes.add(group, &found.iter().map(of).collect::<Result<Vec<_>, _>>()?);
    }
    for average in [Average::Arithmetic, Average::Geometric] {
        let model = study.lab.ensemble(&Teachers::several(teachers.jobs.clone(), average), 1.0)?;
        let test = study.lab.test(&*model)?;
        lines.push(vec![
            format!("all together, {} average", average.name()),
            test.errors.to_string(),
            format!("{:.4}", test.nll),
        ]);
        if average == AVERAGE {
            section.outcomes.add(TOGETHER, &[study.lab.outcome(&*model, true)?]);
        }
    }
    lines.push(vec!["one network, distilled from them".to_owned(), spread(&student.0, 1), spread(&student.1, 4)]);

    let part = |loss| Part {
        base: MEMBERS.to_owned(),
        whole: TOGETHER.to_owned(),
        students: STUDENTS.to_owned(),
        loss,
        goal: Some(Least::MoreThan(80.0)),
    };
    let what = "one network distilled from the ensemble: part of its gain in errors that is kept";
    section.compare_part(what, "more than 80 % (speech)", part(Loss::Errors));
    section.compare_part("the same, in negative log-likelihood", "", part(Loss::Nll));
    section.add(&format!(
        "The distilled network is {}, the size of one teacher, without dropout, on images shifted by up to {} pixels. \
         What the ensemble gains is that of the {} average, which taught, over the mean of its members.",
        distilled.first().map_or("", |facts| facts.architecture.as_str()),
        setup.recipe.train.augment.shift,
        AVERAGE.name(),
    ));
    section.add(&table(&["model", "test errors", "NLL"], &lines));
    Ok(section)
}
