use distill_datasets::Dataset;
use distill_models::Model;
use distill_train::{Evaluation, SoftTargets, evaluate, evaluate_numbers};

use super::job::Setup;
use super::trainer::Trainer;
use crate::asked::Asked;
use crate::folder::NumberScores;
use crate::stop::Stop;
use distill_recipe::Diagnostic;

impl Trainer<'_> {
    /// A model that is about to be asked for so many answers: it shows how far it is, and ends when a signal asks for it. What
    /// it then says is an error for [`Trainer::stop`].
    pub fn asked<'m>(&'m self, model: &'m dyn Model, n: usize) -> Asked<'m> {
        Asked::new(model, "the model", n, self.listener).until(self.signals)
    }

    /// Why a study ends whose model gave no answers: the signal that it heard, or the error.
    pub fn stop(&self, error: impl Into<Diagnostic>) -> Stop {
        self.signals.received().map_or_else(|| Stop::Error(error.into()), Stop::Signal)
    }

    /// What a model says of a set.
    ///
    /// # Errors
    /// If the model does not fit the set, or answers no finite number; [`Stop::Signal`] if it was ended.
    pub fn answers(&self, model: &dyn Model, data: &dyn Dataset) -> Result<SoftTargets, Stop> {
        SoftTargets::compute(&self.asked(model, data.len()), data).map_err(|error| self.stop(error))
    }

    /// How a model does on a set.
    ///
    /// # Errors
    /// As [`Trainer::answers`].
    pub fn evaluate(&self, model: &dyn Model, data: &dyn Dataset) -> Result<Evaluation, Stop> {
        evaluate(&self.asked(model, data.len()), data).map_err(|error| self.stop(error))
    }

    /// How a model does on the test set.
    ///
    /// # Errors
    /// As [`Trainer::answers`].
    pub fn test(&self, model: &dyn Model) -> Result<Evaluation, Stop> {
        self.evaluate(model, &*self.data.sets.test)
    }

    /// How a model that predicts numbers does on the test set.
    ///
    /// # Errors
    /// As [`Trainer::answers`].
    pub fn test_numbers(&self, model: &dyn Model) -> Result<NumberScores, Stop> {
        let data = &*self.data.sets.test;
        let found = evaluate_numbers(&self.asked(model, data.len()), data).map_err(|error| self.stop(error))?;
        Ok(NumberScores::of(&found, &data.spec().classes))
    }

    /// How a student does on what it was trained on, as far as that has labels.
    ///
    /// # Errors
    /// As [`Trainer::answers`].
    pub fn on_labelled_set(&self, setup: &Setup, model: &dyn Model) -> Result<Evaluation, Stop> {
        self.evaluate(model, self.experiment(setup)?.labelled_set())
    }

    /// How a model does on what training is watched on, if anything is.
    ///
    /// # Errors
    /// As [`Trainer::answers`].
    pub fn on_validation_set(&self, setup: &Setup, model: &dyn Model) -> Result<Option<Evaluation>, Stop> {
        let experiment = self.experiment(setup)?;
        experiment.validation_set().map(|data| self.evaluate(model, data)).transpose()
    }
}
