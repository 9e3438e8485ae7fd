use distill_models::Model;
use distill_train::{FeatureConfig, Role, TrainError};

use super::{Found, Preflight};
use distill_recipe::Diagnostic;

impl Preflight<'_> {
    /// Whether student and teacher have the values that `kd.features` compares. `None` stands for a teacher that is trained here.
    pub(super) fn features(&self, found: &mut Found, teacher: Option<&dyn Model>) {
        let recipe = self.experiment.recipe();
        if recipe.kd.features.is_empty() || !self.trains_student() {
            return;
        }
        let checked = match teacher {
            Some(teacher) => self.experiment.check_features(teacher),
            None if recipe.teacher.weights.is_some() => return,
            None => {
                let seed = recipe.seeds.first().copied().unwrap_or_default();
                let untrained = self.experiment.model(Role::Teacher, seed);
                untrained.and_then(|teacher| self.experiment.check_features(&teacher))
            }
        };
        match checked {
            Ok(()) => {
                let features: Vec<String> = recipe.kd.features.iter().map(FeatureConfig::describe).collect();
                found.ok("inner values", features.join("; "));
            }
            Err(TrainError::Config(problem)) => found.fail("inner values", self.file.problem(&problem)),
            Err(error) => found.fail("inner values", Diagnostic::from(error)),
        }
    }
}
