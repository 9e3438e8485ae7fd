use distill_models::Average;

use super::networks::{Networks, add_table};
use super::phones::Phones;
use crate::numbers::mean;
use crate::plan::{Study, for_each_seed};
use crate::section::{Least, Part, Section};
use distill_lab::jobs::Loss;
use distill_lab::jobs::Stop;
use distill_lab::jobs::Teachers;

/// Those of the paper.
const TEMPERATURES: [f64; 4] = [1.0, 2.0, 5.0, 10.0];
/// The paper averages probabilities.
pub(super) const AVERAGE: Average = Average::Arithmetic;

pub(super) fn run(study: &mut Study<'_>) -> Result<Section, Stop> {
    let base = study.setup("distilled")?;
    let teachers = study.teachers(AVERAGE)?;
    let phones = Phones::open(&base.recipe.data.source)?;
    let phones = phones.as_ref();
    let single = Networks::train(study, "one of them", &base, &teachers.jobs, phones)?;
    let architecture = study.lab.train(&teachers.jobs)?.first().map_or(String::new(), |one| one.architecture.clone());
    let mut distilled = vec![];
    for temperature in TEMPERATURES {
        let setup = base.with(&[format!("kd.temperature={temperature:?}")])?;
        let jobs = for_each_seed(&setup, |setup, seed| setup.distilled_from(seed, teachers.clone()));
        let name = format!("one network distilled from them, T = {temperature}");
        distilled.push((temperature, Networks::train(study, name, &setup, &jobs, phones)?));
    }
    let mut as_one = |average: Average| {
        let name = format!("all {} together, {} average", teachers.jobs.len(), average.name());
        Networks::together(study, name, &base, &Teachers::several(teachers.jobs.clone(), average), phones)
    };
    let (together, geometric) = (as_one(AVERAGE)?, as_one(Average::Geometric)?);

    let mut section = Section::new("ensemble", "Ten networks, and one distilled from them", &base.recipe.seeds);
    section.compare(
        &format!("{} networks as one: frames right, phone errors (words in the paper)", teachers.jobs.len()),
        "61.1 %, 10.7 %",
        together.frames_and_phones(),
        None,
    );
    // What is best on the test frames is not asked.
    let best = distilled.iter().max_by(|(_, a), (_, b)| mean(&a.validation).total_cmp(&mean(&b.validation)));
    if let Some((temperature, best)) = best {
        section.compare(
            &format!("one network distilled from them, T = {temperature} chosen on the validation frames: the same"),
            "60.8 %, 10.7 %",
            best.frames_and_phones(),
            None,
        );
        compare_kept_gain(study, &mut section, phones, [&single, &together, best]);
    }
    section.add(&format!(
        "The distilled networks are of the architecture and size of one of them, {architecture}, and are trained on the same frames with \
         weight {} on the soft targets. What the ten gain is that of the {} average, which teaches, as in the paper, over the mean of \
         its members.",
        base.recipe.kd.alpha,
        AVERAGE.name(),
    ));
    let lines = [&single, &together, &geometric].into_iter().chain(distilled.iter().map(|(_, one)| one));
    add_table(&mut section, &lines.collect::<Vec<_>>());
    Ok(section)
}

/// What the paper is about: how much of what many networks gain on one a single network keeps. Frames of an utterance are
/// drawn together, as they have much in common.
pub(super) fn compare_kept_gain(
    study: &Study<'_>,
    section: &mut Section,
    phones: Option<&Phones>,
    [single, together, distilled]: [&Networks; 3],
) {
    section.outcomes.examples = study.lab.data.sets.test.len();
    section.outcomes.units = phones.map_or(vec![], Phones::test_utterances);
    for one in [single, together, distilled] {
        section.outcomes.add(&one.name, &one.outcomes);
    }
    let [base, whole, students] = [single, together, distilled].map(|one| one.name.clone());
    section.compare_part(
        "part of the ensemble's gain in frames that it keeps",
        "more than 80 %",
        Part { base, whole, students, loss: Loss::Errors, goal: Some(Least::MoreThan(80.0)) },
    );
}
