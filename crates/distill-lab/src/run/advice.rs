//! What is said of a model that has hardly learned, and what cures it.

use distill_train::{Measured, Role};

use super::train::Run;
use crate::stop::Stop;

impl Run<'_> {
    /// A loss that is larger at the end than in the first epoch.
    pub(super) fn warn_of_loss(&self, role: Role, first: f64, last: f64) -> Result<(), Stop> {
        if last <= first {
            return Ok(());
        }
        let what = format!("the loss of the {} went up, from {first:.4} in the first epoch to {last:.4}", role.name());
        Ok(self.listener.warn(&what, "each step undoes what the steps before have learned", &self.cure(role))?)
    }

    /// A model that might as well always say the same.
    pub(super) fn warn_of_chance(&self, role: Role, test: &Measured) -> Result<(), Stop> {
        // Both are quotients of whole numbers.
        if test.score() > test.chance() + 1e-9 {
            return Ok(());
        }
        let (score, chance) = (test.score(), test.chance());
        let what = match test {
            Measured::Classes(_) => format!(
                "the {} gets {:.1} % right, which is no better than always naming the most frequent class, {:.1} %",
                role.name(),
                100.0 * score,
                100.0 * chance
            ),
            Measured::Numbers(_) => {
                format!("the {} has an R² of {score:.4}, which is no better than always naming the mean", role.name())
            }
        };
        Ok(self.listener.warn(&what, "it has learned nothing useful", &self.cure(role))?)
    }

    /// The settings to change first.
    fn cure(&self, role: Role) -> String {
        let table = if role.is_student() { "train" } else { "teacher.train" };
        let standardize = match self.experiment.recipe().standardizes(&*self.experiment.all().train) {
            true => "",
            false => "set `data.standardize = true`, or ",
        };
        format!("{standardize}lower `{table}.optimizer.lr`, set `{table}.clip_grad_norm = 1.0`, or check the labels")
    }
}
