use std::sync::Arc;

use distill_lab::jobs::{Setup, Stop};

use crate::goal::Goal;
use crate::numbers::{accuracies, differences, errors, interval, spread};
use crate::plan::{Study, for_each_seed};
use crate::rows::by_seed;
use crate::section::Section;

/// What MLPerf Tiny's reference model of the same shape gets right of the test images, in percent, and what we want.
struct Anchor {
    accuracy: f64,
    errors: f64,
    goal: f64,
}

/// The network of the benchmark, from one teacher.
pub(super) fn distilled(study: &mut Study<'_>) -> Result<Section, Stop> {
    let setup = study.setup("distilled")?;
    let anchor = Anchor { accuracy: 87.19, errors: 1281.0, goal: 89.5 };
    compare(study, &setup, &anchor, Section::new("distilled", "ResNet-8, alone and distilled", &setup.recipe.seeds))
}

/// The wider network of the same kind.
pub(super) fn wide(study: &mut Study<'_>) -> Result<Section, Stop> {
    let setup = study.setup("distilled")?.with(&["student.model.width=40".to_owned()])?;
    let anchor = Anchor { accuracy: 91.28, errors: 872.0, goal: 92.5 };
    let title = "ResNet-8 with 40 filters, alone and distilled";
    compare(study, &setup, &anchor, Section::new("wide", title, &setup.recipe.seeds))
}

fn compare(study: &mut Study<'_>, setup: &Arc<Setup>, anchor: &Anchor, mut section: Section) -> Result<Section, Stop> {
    let teacher = super::teacher(study)?;
    let mut jobs = for_each_seed(setup, Setup::alone);
    jobs.extend(for_each_seed(setup, |setup, seed| setup.distilled_from(seed, teacher.clone())));
    let mut found = study.lab.train(&jobs)?;
    let distilled = found.split_off(setup.recipe.seeds.len());
    let name = found.first().map_or(String::new(), |facts| facts.architecture.clone());
    let (before, after) = (errors(&found), errors(&distilled));
    let reference = format!("{} % (MLPerf Tiny, 500 epochs)", anchor.accuracy);
    section.compare(
        &format!("{name} on labels alone: test accuracy"),
        &reference,
        format!("{} %", spread(&accuracies(&found), 2)),
        None,
    );
    let accuracy = accuracies(&distilled);
    section.compare(
        &format!("the same, distilled at T = {}: test accuracy", setup.recipe.kd.temperature),
        &reference,
        format!("{} %", spread(&accuracy, 2)),
        Goal::at_least(anchor.goal, " %", &accuracy),
    );
    let removed = differences(&before, &after);
    section.compare(
        "errors that distillation removes of 10,000, seed by seed",
        "",
        interval(&removed, 1),
        Goal::above_zero(&removed),
    );
    let fewer: Vec<f64> = after.iter().map(|errors| anchor.errors - errors).collect();
    section.compare(
        &format!("errors that the distilled student makes fewer than the reference, {}", anchor.errors),
        "",
        interval(&fewer, 1),
        Goal::above_zero(&fewer),
    );
    section.add(&by_seed(&[("labels alone", &found), ("distilled", &distilled)]));
    Ok(section)
}
