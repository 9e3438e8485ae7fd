use std::sync::Arc;

use super::super::super::job::{Setup, Teachers};
use super::super::super::numbers::{accuracies, differences, interval, kept_gain, mean, spread, table};
use super::super::super::section::Section;
use super::super::super::watch::Stop;
use super::super::{Study, for_each_seed};
use super::ensemble::{AVERAGE, nll, validation_accuracy};
use super::phones::Phones;
use super::single::error_rates;
use crate::progress::thousands;

/// Networks that were distilled in one way, seed by seed.
struct Distilled {
    test: Vec<f64>,
    phones: Vec<f64>,
    line: Vec<String>,
}

pub(super) fn run(study: &mut Study<'_>) -> Result<Section, Stop> {
    let (base, setup) = (study.setup("distilled")?, study.setup("mixtures")?);
    let teachers = study.teachers(AVERAGE)?;
    let phones = Phones::open(&base.recipe.data.source)?;
    let members = study.lab.train(&teachers.jobs)?;
    let single = accuracies(&members);
    let single_phones = error_rates(study, phones.as_ref(), &members)?;
    let plain = distilled(study, "distilled on the frames", &base, &teachers, phones.as_ref())?;
    let mixed = distilled(study, "distilled on the frames and mixtures of them", &setup, &teachers, phones.as_ref())?;
    let ensemble = study.lab.ensemble(&teachers, 1.0)?;
    let rate = phones.as_ref().map_or(Ok(f64::NAN), |phones| phones.error_rate(&*ensemble))?;
    let ensemble = study.lab.test(&*ensemble)?;
    let together = 100.0 * ensemble.accuracy();

    let mut section = Section::new("mixtures", "Distilled on mixtures of frames, too", &setup.recipe.seeds);
    section.compare(
        "one network distilled from them on mixtures of frames, too: frames right, phone errors (words in the paper)",
        "60.8 %, 10.7 %",
        format!("{} %, {} %", spread(&mixed.test, 2), spread(&mixed.phones, 2)),
        None,
    );
    section.compare(
        "the difference to one without mixtures, in points of frames",
        "",
        interval(&differences(&mixed.test, &plain.test), 2),
        None,
    );
    let kept = kept_gain(&single, together, &mixed.test);
    section.compare(
        "part of the ensemble's gain in frames that it keeps",
        "more than 80 %",
        format!("{} %", interval(&kept, 0)),
        Some(("more than 80 %".to_owned(), mean(&kept) > 80.0)),
    );
    let (n_examples, _) = study.lab.sets(&setup)?;
    section.add(&format!(
        "Networks and teachers are those of the row before, at T = {}. For each frame one of the two also learns what the ten say of {} \
         mixtures, `x + λ (y - x)` of its window and another with λ from 0 to 1/2: {} examples in all, for {} epochs in place of {}. No other \
         sound and no other label is used.",
        setup.recipe.kd.temperature,
        setup.recipe.data.mixup,
        thousands(n_examples as u64),
        setup.recipe.train.epochs,
        base.recipe.train.epochs,
    ));
    let row = |name: String, test: &[f64], nll: &[f64], phones: &[f64]| {
        vec![name, String::new(), spread(test, 2), spread(nll, 4), spread(phones, 2)]
    };
    section.add(&table(
        &["network", "validation frames right, %", "test frames right, %", "NLL", "phone errors, %"],
        &[
            row("one of them".to_owned(), &single, &nll(&members), &single_phones),
            plain.line,
            mixed.line,
            row(format!("all {} together", members.len()), &[together], &[ensemble.nll], &[rate]),
        ],
    ));
    Ok(section)
}

fn distilled(
    study: &mut Study<'_>,
    name: &str,
    setup: &Arc<Setup>,
    teachers: &Teachers,
    phones: Option<&Phones>,
) -> Result<Distilled, Stop> {
    let found = study.lab.train(&for_each_seed(setup, |setup, seed| setup.distilled_from(seed, teachers.clone())))?;
    let (test, phones) = (accuracies(&found), error_rates(study, phones, &found)?);
    let validation = validation_accuracy(study, setup, &found)?;
    let line =
        vec![name.to_owned(), spread(&[validation], 2), spread(&test, 2), spread(&nll(&found), 4), spread(&phones, 2)];
    Ok(Distilled { test, phones, line })
}
