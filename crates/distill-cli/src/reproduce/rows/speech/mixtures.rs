use std::sync::Arc;

use super::super::super::job::{Job, Setup};
use super::super::super::numbers::{accuracies, differences, interval, kept_gain, mean, spread, table};
use super::super::super::section::Section;
use super::super::super::watch::Stop;
use super::super::{Study, for_each_seed};
use super::ensemble::{AVERAGE, nll, validation_accuracy};
use super::phones::Phones;
use super::single::error_rates;
use crate::progress::thousands;

/// Networks that were trained in one way, seed by seed.
struct Way {
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
    let phones = phones.as_ref();
    let taught = |setup: &Arc<Setup>, seed| setup.distilled_from(seed, teachers.clone());
    let plain = Way::train(study, "distilled on the frames", &base, phones, taught)?;
    let mixed = Way::train(study, "distilled on the frames and mixtures of them", &setup, phones, taught)?;
    let alone = Way::train(study, "on labels, mixtures with them", &setup, phones, Setup::alone)?;
    let ensemble = study.lab.ensemble(&teachers, 1.0)?;
    let rate = phones.map_or(Ok(f64::NAN), |phones| phones.error_rate(&*ensemble))?;
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
    section.compare(
        "the difference to one that is trained on labels and the same mixtures, in points of frames",
        "",
        interval(&differences(&mixed.test, &alone.test), 2),
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
         sound and no other label is used. One more network has no teacher: the label of a mixture is that of one of the two, drawn by λ.",
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
            alone.line,
            plain.line,
            mixed.line,
            row(format!("all {} together", members.len()), &[together], &[ensemble.nll], &[rate]),
        ],
    ));
    Ok(section)
}

impl Way {
    fn train(
        study: &mut Study<'_>,
        name: &str,
        setup: &Arc<Setup>,
        phones: Option<&Phones>,
        job: impl Fn(&Arc<Setup>, u64) -> Job,
    ) -> Result<Self, Stop> {
        let found = study.lab.train(&for_each_seed(setup, job))?;
        let (test, phones) = (accuracies(&found), error_rates(study, phones, &found)?);
        let validation = spread(&[validation_accuracy(study, setup, &found)?], 2);
        let line = vec![name.to_owned(), validation, spread(&test, 2), spread(&nll(&found), 4), spread(&phones, 2)];
        Ok(Self { test, phones, line })
    }
}
