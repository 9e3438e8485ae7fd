use distill_models::Average;

use super::super::super::job::{Setup, Teachers};
use super::super::super::numbers::{accuracies, interval, kept_gain, mean, spread, table};
use super::super::super::section::Section;
use super::super::super::store::Facts;
use super::super::super::watch::Stop;
use super::super::{Study, for_each_seed};
use super::phones::Phones;
use super::single::error_rates;

/// Those of the paper.
const TEMPERATURES: [f64; 4] = [1.0, 2.0, 5.0, 10.0];
/// The paper averages probabilities.
pub(super) const AVERAGE: Average = Average::Arithmetic;

/// Networks that were distilled at one temperature, seed by seed.
struct Distilled {
    temperature: f64,
    /// Of the validation frames in percent, on average over the seeds.
    validation: f64,
    test: Vec<f64>,
    nll: Vec<f64>,
    phones: Vec<f64>,
}

pub(super) fn run(study: &mut Study<'_>) -> Result<Section, Stop> {
    let base = study.setup("distilled")?;
    let teachers = study.teachers(AVERAGE)?;
    let phones = Phones::open(&base.recipe.data.source)?;
    let members = study.lab.train(&teachers.jobs)?;
    let mut distilled = vec![];
    for temperature in TEMPERATURES {
        let setup = base.with(&[format!("kd.temperature={temperature:?}")])?;
        let jobs = for_each_seed(&setup, |setup, seed| setup.distilled_from(seed, teachers.clone()));
        let found = study.lab.train(&jobs)?;
        distilled.push(Distilled {
            temperature,
            validation: validation_accuracy(study, &setup, &found)?,
            test: accuracies(&found),
            nll: nll(&found),
            phones: error_rates(study, phones.as_ref(), &found)?,
        });
    }
    let single = accuracies(&members);
    let single_phones = error_rates(study, phones.as_ref(), &members)?;
    let mut lines = vec![vec![
        "one of them".to_owned(),
        String::new(),
        spread(&single, 2),
        spread(&nll(&members), 4),
        spread(&single_phones, 2),
    ]];
    let mut together = (f64::NAN, f64::NAN);
    for average in [Average::Arithmetic, Average::Geometric] {
        let model = study.lab.ensemble(&Teachers::several(teachers.jobs.clone(), average), 1.0)?;
        let test = study.lab.test(&*model)?;
        let rate = phones.as_ref().map_or(Ok(f64::NAN), |phones| phones.error_rate(&*model))?;
        lines.push(vec![
            format!("all {} together, {} average", members.len(), average.name()),
            String::new(),
            spread(&[100.0 * test.accuracy()], 2),
            format!("{:.4}", test.nll),
            spread(&[rate], 2),
        ]);
        if average == AVERAGE {
            together = (100.0 * test.accuracy(), rate);
        }
    }
    for one in &distilled {
        lines.push(vec![
            format!("one network distilled from them, T = {}", one.temperature),
            spread(&[one.validation], 2),
            spread(&one.test, 2),
            spread(&one.nll, 4),
            spread(&one.phones, 2),
        ]);
    }

    let mut section = Section::new("ensemble", "Ten networks, and one distilled from them", &base.recipe.seeds);
    let both = |frames: &[f64], phones: &[f64]| format!("{} %, {} %", spread(frames, 2), spread(phones, 2));
    section.compare(
        &format!("{} networks as one: frames right, phone errors (words in the paper)", members.len()),
        "61.1 %, 10.7 %",
        both(&[together.0], &[together.1]),
        None,
    );
    // What is best on the test frames is not asked.
    if let Some(best) = distilled.iter().max_by(|a, b| a.validation.total_cmp(&b.validation)) {
        section.compare(
            &format!(
                "one network distilled from them, T = {} chosen on the validation frames: the same",
                best.temperature
            ),
            "60.8 %, 10.7 %",
            both(&best.test, &best.phones),
            None,
        );
        let kept = kept_gain(&single, together.0, &best.test);
        section.compare(
            "part of the ensemble's gain in frames that it keeps",
            "more than 80 %",
            format!("{} %", interval(&kept, 0)),
            Some(("more than 80 %".to_owned(), mean(&kept) > 80.0)),
        );
    }
    section.add(&format!(
        "The distilled networks are of the architecture and size of one of them, {}, and are trained on the same frames with weight {} \
         on the soft targets. Intervals are over their seeds; the ensemble is one and the same.",
        members.first().map_or("", |facts| facts.architecture.as_str()),
        base.recipe.kd.alpha,
    ));
    section.add(&table(
        &["model", "validation frames right, %", "test frames right, %", "NLL", "phone errors, %"],
        &lines,
    ));
    Ok(section)
}

pub(super) fn nll(found: &[Facts]) -> Vec<f64> {
    found.iter().map(|facts| facts.test_nll).collect()
}

/// Mean accuracy on the validation set in percent, not a number where there is none.
pub(super) fn validation_accuracy(study: &Study<'_>, setup: &Setup, found: &[Facts]) -> Result<f64, Stop> {
    let mut accuracies = vec![];
    for facts in found {
        let found = study.lab.on_validation_set(setup, &study.lab.model(facts)?)?;
        accuracies.extend(found.map(|found| 100.0 * found.accuracy()));
    }
    Ok(mean(&accuracies))
}
