use crate::goal::Goal;
use crate::numbers::{differences, errors, interval, spread};
use crate::plan::{Study, for_each_seed};
use crate::rows::by_seed;
use crate::section::Section;
use distill_lab::jobs::Setup;
use distill_lab::jobs::Stop;

/// The student on labels alone and distilled from one teacher, seed by seed.
pub(super) fn distilled(study: &mut Study<'_>) -> Result<Section, Stop> {
    let (setup, alone) = (study.setup("distilled")?, study.setup("alone")?);
    let mut jobs = for_each_seed(&setup, |_, seed| alone.alone(seed));
    jobs.extend(for_each_seed(&setup, Setup::distilled));
    let mut found = study.lab.train(&jobs)?;
    let distilled = found.split_off(setup.recipe.seeds.len());
    let (before, after) = (errors(&found), errors(&distilled));
    let mut section = Section::new("distilled", "The student, alone and distilled", &setup.recipe.seeds);
    let temperature = setup.recipe.kd.temperature;
    section.compare("student 784-800-800-10 on labels alone: test errors", "146", spread(&before, 1), None);
    section.compare(
        &format!("the same, distilled at T = {temperature}: test errors"),
        "74",
        spread(&after, 1),
        Goal::at_most(74.0, "", &after),
    );
    section.compare(
        "what distillation changes, seed by seed, with 95 % interval",
        "-72",
        interval(&differences(&after, &before), 1),
        None,
    );
    section.add(&by_seed(&[("labels alone", &found), ("distilled", &distilled)]));
    Ok(section)
}

/// The same student from all teachers at once, on shifted images.
pub(super) fn best(study: &mut Study<'_>) -> Result<Section, Stop> {
    let setup = study.setup("best")?;
    let teachers = study.teachers(super::ensemble::AVERAGE)?;
    let jobs = for_each_seed(&setup, |setup, seed| setup.distilled_from(seed, teachers.clone()));
    let found = study.lab.train(&jobs)?;
    let alone = study.lab.train(&teachers.jobs)?;
    let (ours, theirs) = (errors(&found), errors(&alone));
    let mut section = Section::new("best", "The same student at its best", &setup.recipe.seeds);
    section.compare(
        "student 784-800-800-10 on shifted images, our best recipe: test errors",
        "",
        spread(&ours, 1),
        Goal::at_most(65.0, "", &ours),
    );
    section.add(&format!(
        "Taught by the {} teachers together ({} average), at T = {} and alpha = {}, on images shifted by up to {} pixels. \
         For every shift of every image the teachers were asked once. One teacher alone makes {} errors.",
        teachers.jobs.len(),
        teachers.average.name(),
        setup.recipe.kd.temperature,
        setup.recipe.kd.alpha,
        setup.recipe.train.augment.shift,
        spread(&theirs, 1),
    ));
    section.add(&by_seed(&[("student", &found)]));
    Ok(section)
}
