//! Teachers that each see all but one part of the training set.

use std::sync::Arc;

use distill_datasets::{Dataset, Subset};
use distill_models::Model;

use super::{Experiment, SELECTION_SEED};
use crate::out_of_fold::set_without;
use crate::{ConfigProblem, Folds, Leak, Recipe, Role, TrainError};

/// The folds of a recipe, if it has any: those that a column names, or drawn ones. `selected` are the examples to train on.
pub(super) fn of(recipe: &Recipe, all: &dyn Dataset, selected: &Subset) -> Result<Option<Arc<Folds>>, TrainError> {
    let n = recipe.teacher.folds;
    let Some(named) = all.folds() else {
        let drawn = (n > 0).then(|| Folds::draw(selected, n, SELECTION_SEED));
        return Ok(drawn.transpose()?.map(Arc::new));
    };
    if n == 0 {
        // The column is no input, and nobody asks for what it says.
        return Ok(None);
    }
    let n_named = named.iter().max().map_or(0, |last| last + 1);
    if n_named != n {
        let problem = format!("is {n}, but `data.columns.fold` names a column with {n_named} different values");
        return Err(ConfigProblem::new("teacher.folds", problem, format!("set `folds = {n_named}`")).into());
    }
    let of = selected.indices().iter().map(|&index| named[index]).collect();
    Ok(Some(Arc::new(Folds::new(selected, of, n)?)))
}

impl Experiment<'_> {
    /// The folds of the training set, where each of several teachers has not seen one.
    pub fn folds(&self) -> Option<&Folds> {
        self.folds.as_deref()
    }

    /// What the model of a role and seed is trained on.
    pub(super) fn examples_for(&self, role: Role, seed: u64) -> Result<Arc<dyn Dataset>, TrainError> {
        match &self.folds {
            Some(folds) if role == Role::Member => {
                // Teachers of folds count from 1, as their seeds do.
                let fold = u32::try_from(seed.wrapping_sub(1)).unwrap_or(u32::MAX);
                set_without(&self.train, folds, fold)
            }
            _ => Ok(self.set_of(role).clone()),
        }
    }

    /// How much the teachers of the folds know of training examples by heart; `None` without folds. `members` are in the order
    /// of the folds.
    ///
    /// # Errors
    /// As [`check_teacher`](Self::check_teacher).
    pub fn leak(&self, members: Vec<Arc<dyn Model>>) -> Result<Option<Leak>, TrainError> {
        let Some(folds) = &self.folds else { return Ok(None) };
        Leak::of(folds, members, &self.train).map(Some)
    }
}
