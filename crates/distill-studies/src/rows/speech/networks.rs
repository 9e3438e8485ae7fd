use distill_models::Model;

use super::phones::Phones;
use crate::numbers::{accuracies, spread, table};
use crate::plan::Study;
use crate::section::Section;
use distill_lab::jobs::Outcome;
use distill_lab::jobs::{Job, Setup, Teachers};
use distill_lab::jobs::{Stop, Trainer};

/// Networks that were trained in one way, seed by seed, or an ensemble: a line of a table.
pub(super) struct Networks {
    pub(super) name: String,
    /// Of the frames, in percent, as is `test`.
    pub(super) validation: Vec<f64>,
    pub(super) test: Vec<f64>,
    nll: Vec<f64>,
    /// Phone errors in percent.
    phones: Vec<f64>,
    pub(super) outcomes: Vec<Outcome>,
}

impl Networks {
    /// Trains what is not there yet. The setup tells what the validation frames are.
    pub(super) fn train(
        study: &mut Study<'_>,
        name: impl Into<String>,
        setup: &Setup,
        jobs: &[Job],
        phones: Option<&Phones>,
    ) -> Result<Self, Stop> {
        let found = study.lab.train(jobs)?;
        let (mut validation, mut rates, mut outcomes) = (vec![], vec![], vec![]);
        for facts in &found {
            let model = study.lab.model(facts)?;
            validation.extend(on_validation_frames(study, setup, &model)?);
            rates.extend(error_rate(phones, &study.lab, &model)?);
            outcomes.push(study.lab.outcome(&model, false)?);
        }
        let nll = found.iter().map(|facts| facts.test_nll).collect();
        Ok(Self { name: name.into(), validation, test: accuracies(&found), nll, phones: rates, outcomes })
    }

    /// Networks that are there as one.
    pub(super) fn together(
        study: &mut Study<'_>,
        name: impl Into<String>,
        setup: &Setup,
        members: &Teachers,
        phones: Option<&Phones>,
    ) -> Result<Self, Stop> {
        let model = study.lab.ensemble(members, 1.0)?;
        let test = study.lab.test(&*model)?;
        Ok(Self {
            name: name.into(),
            validation: on_validation_frames(study, setup, &*model)?.into_iter().collect(),
            test: vec![100.0 * test.accuracy()],
            nll: vec![test.nll],
            phones: error_rate(phones, &study.lab, &*model)?.into_iter().collect(),
            outcomes: vec![study.lab.outcome(&*model, false)?],
        })
    }

    /// Frames right and phone errors.
    pub(super) fn frames_and_phones(&self) -> String {
        format!("{} %, {} %", spread(&self.test, 2), spread(&self.phones, 2))
    }
}

/// All that is known of networks, a line for each.
pub(super) fn add_table(section: &mut Section, networks: &[&Networks]) {
    let line = |one: &&Networks| {
        let Networks { name, validation, test, nll, phones, .. } = one;
        vec![name.clone(), spread(validation, 2), spread(test, 2), spread(nll, 4), spread(phones, 2)]
    };
    let lines: Vec<Vec<String>> = networks.iter().map(line).collect();
    let header = ["network", "validation frames right, %", "test frames right, %", "NLL", "phone errors, %"];
    section.add(&table(&header, &lines));
}

/// Accuracy in percent, where there is a validation set.
fn on_validation_frames(study: &Study<'_>, setup: &Setup, model: &dyn Model) -> Result<Option<f64>, Stop> {
    Ok(study.lab.on_validation_set(setup, model)?.map(|found| 100.0 * found.accuracy()))
}

/// Phone errors of a model in percent, none where the data is not speech.
pub(super) fn error_rate(phones: Option<&Phones>, lab: &Trainer<'_>, model: &dyn Model) -> Result<Option<f64>, Stop> {
    phones.map(|phones| phones.error_rate(lab, model)).transpose()
}
