//! Several teachers as one.

use std::sync::Arc;

use distill_models::{Ensemble, Model, Trust};
use ndarray::Array2;

use super::Experiment;
use crate::{ConfigProblem, OutOfFold, TeacherConfig, TrainError, Weighting, evaluate};

impl Experiment<'_> {
    /// Ensembles the teachers. With folds, examples of the training set are answered by the one that has not seen them. It averages at this temperature: that of the recipe for training, 1 for evaluation.
    ///
    /// # Errors
    /// If they do not fit each other, or are not as many as the recipe has shares for.
    pub fn together(&self, members: Vec<Arc<dyn Model>>, temperature: f64) -> Result<Arc<dyn Model>, TrainError> {
        let TeacherConfig { average, shares, weighting, .. } = &self.recipe.teacher;
        let together = match shares.as_slice() {
            [] => Ensemble::new(members.clone(), *average, temperature)?,
            shares => Ensemble::weighted(members.clone(), shares, *average, temperature)?,
        };
        let trust = match weighting {
            Weighting::Shares => Trust::Weights,
            Weighting::Entropy => Trust::Entropy,
            Weighting::Accuracy => Trust::Accuracy(self.accuracies(&members)?),
        };
        let together = together.trusting(trust)?;
        Ok(match &self.folds {
            None => Arc::new(together),
            Some(folds) => Arc::new(OutOfFold::new(folds.clone(), members, Arc::new(together))?),
        })
    }

    /// How often each member is right on the validation set where it names a class, shape `(members, classes)`: as if it had been
    /// right once and wrong once before, so that a class that it never names is not certain either way.
    fn accuracies(&self, members: &[Arc<dyn Model>]) -> Result<Array2<f64>, TrainError> {
        let set = self.validation_set().ok_or_else(unvalidated)?;
        let mut found = Array2::zeros((members.len(), set.spec().classes.len()));
        for (mut row, member) in found.outer_iter_mut().zip(members) {
            let test = evaluate(&**member, set)?;
            let (mut right, mut named) = (vec![1.0; row.len()], vec![2.0; row.len()]);
            for (&label, &class) in test.labels.iter().zip(&test.predictions) {
                named[class as usize] += 1.0;
                right[class as usize] += f64::from(label == class);
            }
            row.iter_mut()
                .zip(right.iter().zip(named))
                .for_each(|(accuracy, (right, named))| *accuracy = right / named);
        }
        Ok(found)
    }
}

/// What is missing where teachers count by their accuracy.
pub(super) fn unvalidated() -> ConfigProblem {
    let help = "hold some examples out, such as `data.validation = 1000`, or set `weighting = \"entropy\"`";
    ConfigProblem::new("weighting", "is \"accuracy\", but there is no validation set", help).under("teacher")
}
