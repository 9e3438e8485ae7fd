use super::ensemble::{AVERAGE, compare_kept_gain};
use super::networks::{Networks, add_table};
use super::phones::Phones;
use crate::numbers::{differences, interval};
use crate::plan::{Study, for_each_seed};
use crate::section::Section;
use distill_lab::jobs::Stop;
use distill_lab::jobs::{Setup, Teachers};
use distill_recipe::words::thousands;

/// Chosen on the validation frames, as are twice as many epochs.
const MIXUP: f64 = 0.2;

pub(super) fn run(study: &mut Study<'_>) -> Result<Section, Stop> {
    let (base, setup) = (study.setup("distilled")?, study.setup("mixtures")?);
    let teachers = study.teachers(AVERAGE)?;
    let phones = Phones::open(&base.recipe.data.source)?;
    let phones = phones.as_ref();
    let single = Networks::train(study, "one of them", &base, &teachers.jobs, phones)?;
    let mut distilled = |name: &str, setup| {
        let jobs = for_each_seed(setup, |setup, seed| setup.distilled_from(seed, teachers.clone()));
        Networks::train(study, name, setup, &jobs, phones)
    };
    let plain = distilled("distilled on the frames", &base)?;
    let mixed = distilled("distilled on the frames and mixtures of them", &setup)?;
    let name = format!("all {} together", teachers.jobs.len());
    let together = Networks::together(study, name, &base, &teachers, phones)?;

    let mut section = Section::new("mixtures", "Distilled on mixtures of frames, too", &setup.recipe.seeds);
    section.compare(
        "one network distilled from them on mixtures of frames, too: frames right, phone errors (words in the paper)",
        "60.8 %, 10.7 %",
        mixed.frames_and_phones(),
        None,
    );
    section.compare(
        "the difference to one without mixtures, in points of frames",
        "",
        interval(&differences(&mixed.test, &plain.test), 2),
        None,
    );
    compare_kept_gain(study, &mut section, phones, [&single, &together, &mixed]);
    let n_examples = study.lab.sizes(&setup)?.transfer;
    section.add(&format!(
        "Networks and teachers are those of the row before, at T = {}. For each frame one of the two also learns what the ten say of {} \
         mixtures, `x + λ (y - x)` of its window and another with λ from 0 to 1/2: {} examples in all, for {} epochs in place of {}. No other \
         sound and no other label is used.",
        setup.recipe.kd.temperature,
        setup.recipe.data.mixtures,
        thousands(n_examples as u64),
        setup.recipe.train.epochs,
        base.recipe.train.epochs,
    ));
    add_table(&mut section, &[&single, &plain, &mixed, &together]);
    Ok(section)
}

/// The same where the ensemble, too, has seen mixtures: of two examples and their labels.
pub(super) fn with_labels(study: &mut Study<'_>) -> Result<Section, Stop> {
    let (teacher, setup) = (study.setup("teacher")?, study.setup("mixtures")?);
    let settings = [
        format!("teacher.train.augment.mixup={MIXUP:?}"),
        format!("teacher.train.epochs={}", 2 * teacher.recipe.teacher.train.epochs),
    ];
    let (own, setup) = (teacher.with(&settings)?, setup.with(&settings)?);
    let teachers = Teachers::several(for_each_seed(&own, Setup::teacher), AVERAGE);
    let phones = Phones::open(&own.recipe.data.source)?;
    let phones = phones.as_ref();
    let single = Networks::train(study, "one of them", &own, &teachers.jobs, phones)?;
    let jobs = for_each_seed(&setup, |setup, seed| setup.distilled_from(seed, teachers.clone()));
    let distilled = Networks::train(study, "distilled on the frames and mixtures of them", &setup, &jobs, phones)?;
    let name = format!("all {} together", teachers.jobs.len());
    let together = Networks::together(study, name, &own, &teachers, phones)?;

    let mut section =
        Section::new("mixup", "Distilled from networks that were trained on mixtures", &setup.recipe.seeds);
    section.compare(
        "one network with mixup of labels: frames right, phone errors",
        "",
        single.frames_and_phones(),
        None,
    );
    section.compare(
        &format!("{} of these as one: the same", teachers.jobs.len()),
        "",
        together.frames_and_phones(),
        None,
    );
    section.compare(
        "one network distilled from these on mixtures of frames, too: the same",
        "",
        distilled.frames_and_phones(),
        None,
    );
    section.compare(
        "the difference to one with mixup of labels, in points of frames",
        "",
        interval(&differences(&distilled.test, &single.test), 2),
        None,
    );
    compare_kept_gain(study, &mut section, phones, [&single, &together, &distilled]);
    section.add(&format!(
        "The ten see mixtures, too: of two windows and of their labels, with one weight for each batch from Beta({MIXUP}, {MIXUP}), for {} \
         epochs in place of {}. The distilled network is trained as in the row before.",
        own.recipe.teacher.train.epochs, teacher.recipe.teacher.train.epochs,
    ));
    add_table(&mut section, &[&single, &distilled, &together]);
    Ok(section)
}
