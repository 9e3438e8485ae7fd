use crate::goal::Goal;
use crate::numbers::{differences, errors, interval, spread, table};
use crate::plan::{Study, for_each_seed};
use crate::section::Section;
use distill_lab::jobs::Facts;
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

/// Errors and NLL of each seed, side by side.
fn by_seed(models: &[(&str, &[Facts])]) -> String {
    let mut header = vec!["seed".to_owned()];
    for (name, _) in models {
        header.extend([format!("{name}: errors"), "NLL".to_owned()]);
    }
    let n_seeds = models.iter().map(|(_, found)| found.len()).min().unwrap_or(0);
    let line = |i: usize| {
        let cells = models
            .iter()
            .flat_map(|(_, found)| [found[i].test_errors.to_string(), format!("{:.4}", found[i].test_nll)]);
        [models[0].1[i].seed.to_string()].into_iter().chain(cells).collect()
    };
    let mut lines: Vec<Vec<String>> = (0..n_seeds).map(line).collect();
    let mut last = vec!["mean ± sd".to_owned()];
    for (_, found) in models {
        let nll: Vec<f64> = found.iter().map(|facts| facts.test_nll).collect();
        last.extend([spread(&errors(found), 1), spread(&nll, 4)]);
    }
    lines.push(last);
    table(&header.iter().map(String::as_str).collect::<Vec<_>>(), &lines)
}
