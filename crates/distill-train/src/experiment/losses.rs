//! What the models of a recipe minimise.

use distill_datasets::Numbers;
use distill_losses::{Loss, SmoothedCrossEntropy, SquaredError};
use distill_models::Standardization;

use super::Experiment;
use crate::{ConfigProblem, Role, TrainError};

impl Experiment<'_> {
    /// What a model minimises: students with a teacher compare themselves with it too.
    pub(super) fn loss_of(&self, role: Role) -> Result<Box<dyn Loss>, TrainError> {
        let learns_from_teacher = role == Role::Student;
        if let Some(numbers) = &self.train.spec().numbers {
            let (_, deviation) = self.moments(role, numbers)?;
            let numbers = numbers.shared().clone();
            return Ok(Box::new(match learns_from_teacher {
                true => self.recipe.kd.number_loss(numbers, &deviation)?,
                false => SquaredError::new(numbers, &deviation)?,
            }));
        }
        let (smoothing, class_weights) = (self.train_config(role).smoothing()?, self.class_weights(role)?);
        if learns_from_teacher {
            let loss = self.recipe.kd.loss().map_err(|problem| problem.under("kd"))?;
            return Ok(Box::new(loss.with_smoothing(smoothing).with_class_weights(class_weights)));
        }
        Ok(Box::new(SmoothedCrossEntropy::new(smoothing, class_weights)))
    }

    /// What the numbers are standardised by, if there are numbers to predict: networks learn them in units of their deviations.
    pub(super) fn outputs(&self, role: Role) -> Result<Option<Standardization>, TrainError> {
        let Some(numbers) = &self.train.spec().numbers else { return Ok(None) };
        let (mean, deviation) = self.moments(role, numbers)?;
        Ok(Some(Standardization::new(&mean, &deviation)?))
    }

    /// Mean and standard deviation of the numbers to predict over the rows that a model may know them of.
    fn moments(&self, role: Role, numbers: &Numbers) -> Result<(Vec<f64>, Vec<f64>), TrainError> {
        let set = if role.is_student() { &self.labelled } else { &self.train };
        let labels: Vec<u32> = (0..set.len()).filter_map(|index| set.label(index)).collect();
        let (mean, sd) = numbers.mean_and_sd(labels.iter().copied());
        if let Some(at) = sd.iter().position(|&sd| sd == 0.0) {
            let name = &self.train.spec().classes[at];
            let problem = format!("names `{name}`, which is {} for all training rows with a label", mean[at]);
            let help = "leave it out: there is nothing to learn";
            return Err(ConfigProblem::new("data.columns.targets", problem, help).into());
        }
        Ok((mean.to_vec(), sd.to_vec()))
    }
}
