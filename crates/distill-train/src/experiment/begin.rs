//! What models begin with: random weights or given ones, and how inputs are standardised.

use distill_losses::ClassWeights;
use distill_models::{Model as _, Network, Standardization, Standardized, Trainable as _};

use super::Experiment;
use crate::compatible::check_compatible;
use crate::standardize::standardization;
use crate::{Role, TrainError};

impl Experiment<'_> {
    /// Makes a student begin with the weights of a model, which takes inputs as they are, in place of random ones.
    ///
    /// # Errors
    /// If the model does not fit the data or has another architecture than the recipe's student.
    pub fn begin_with(&mut self, role: Role, seed: u64, model: &Network) -> Result<(), TrainError> {
        check_compatible("student", model.spec(), self.train.spec())?;
        let mut student = self.model(role, seed)?;
        let (of_file, of_recipe) = (model.config(), student.config());
        if of_file.without_regularisation() != of_recipe.without_regularisation() {
            let words = |model: &Network| {
                format!("{} with {:?}", model.spec().architecture, model.config().activation()).to_lowercase()
            };
            let problem = format!("is {}, the recipe's student {}", words(model), words(&student));
            let help = match of_file.as_mlp() {
                Some(mlp) => {
                    format!(
                        "set `student.model.hidden = {:?}`, and the activation, or leave the weights out",
                        mlp.hidden
                    )
                }
                None => "set the keys of `student.model` to those of the file, or leave the weights out".to_owned(),
            };
            return Err(crate::ConfigProblem::new("student.weights", problem, help).into());
        }
        // A network that standardises its inputs itself goes on to do so.
        if model.standardize().is_some() {
            student = model.clone();
        } else {
            student.params_mut().as_mut_slice().copy_from_slice(model.params().as_slice());
        }
        self.beginnings.push(((role, seed), student));
        Ok(())
    }

    /// A model that is about to be trained: with random weights, or those of [`begin_with`](Self::begin_with).
    pub(super) fn untrained(&self, role: Role, seed: u64) -> Result<Standardized, TrainError> {
        let beginning = self.beginnings.iter().find(|(model, _)| *model == (role, seed));
        if beginning.is_none() && role.is_student() && self.recipe.student.weights.is_some() {
            let help = "leave it out here: `distill run` and `distill train` begin with weights";
            return Err(crate::ConfigProblem::new("student.weights", "is set, but no weights were read", help).into());
        }
        let (standardization, outputs) = (self.standardization()?, self.outputs(role)?);
        let model = match beginning {
            Some((_, model)) => Standardized::unfold(model.clone(), standardization)?,
            None => Standardized::new(self.model(role, seed)?, standardization)?,
        };
        Ok(match outputs {
            None => model,
            Some(outputs) if beginning.is_some() => model.unfold_outputs(outputs)?,
            Some(outputs) => model.with_outputs(outputs)?,
        })
    }

    /// How much the examples of each class count in the loss on labels of a model.
    pub(super) fn class_weights(&self, role: Role) -> Result<ClassWeights, TrainError> {
        let Some(config) = &self.train_config(role).class_weights else { return Ok(ClassWeights::default()) };
        let table = if role.is_student() { "train" } else { "teacher.train" };
        Ok(config.of(&**self.set_of(role)).map_err(|problem| problem.under(table))?)
    }

    /// How inputs are standardised, if the recipe wants it: by what the teacher is trained on.
    pub(super) fn standardization(&self) -> Result<Option<Standardization>, TrainError> {
        let how = self.recipe.standardize(&*self.all.train);
        if !how.is_on() {
            return Ok(None);
        }
        if let Some(known) = self.standardization.get() {
            return Ok(Some(known.clone()));
        }
        let found = standardization(&*self.train, how.size(self.train.spec())?)?;
        Ok(Some(self.standardization.get_or_init(|| found).clone()))
    }
}
