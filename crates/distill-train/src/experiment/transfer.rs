//! What students learn from.

use std::sync::Arc;

use distill_datasets::{Chain, Dataset, Mixtures, Munged, PartlyLabelled, Subset, select};

use super::SELECTION_SEED;
use crate::{ConfigProblem, Recipe, TrainError};

/// What students learn from.
pub(super) struct LearntFrom {
    /// The one on labels alone.
    pub(super) labelled: Arc<dyn Dataset>,
    /// Those with a teacher, also inputs without labels.
    pub(super) transfer: Arc<dyn Dataset>,
}

/// From the part of the training set that students see.
pub(super) fn sets(
    recipe: &Recipe,
    all: Arc<dyn Dataset>,
    unlabelled: Option<Arc<dyn Dataset>>,
) -> Result<LearntFrom, TrainError> {
    let mut transfer = all.clone();
    let mut labelled = all;
    if recipe.data.hides_labels() {
        // The order stays, so that a student with a teacher sees the same batches whatever their labels are.
        let places: Vec<usize> = (0..transfer.len()).collect();
        let places = select::fraction(&*transfer, &places, recipe.data.labelled, SELECTION_SEED)?;
        let hidden = PartlyLabelled::new(transfer.clone(), &places)?;
        labelled = Arc::new(Subset::new(transfer, places)?);
        transfer = Arc::new(hidden);
    }
    if let Some(unlabelled) = unlabelled {
        transfer = Arc::new(Chain::new(transfer, unlabelled)?);
    }
    if let Some(made) = made_of(recipe, &transfer)? {
        transfer = Arc::new(Chain::new(transfer, made)?);
    }
    Ok(LearntFrom { labelled, transfer })
}

/// Further inputs, made of those that are there.
fn made_of(recipe: &Recipe, base: &Arc<dyn Dataset>) -> Result<Option<Arc<dyn Dataset>>, TrainError> {
    let (copies, munge) = (recipe.data.mixtures, &recipe.data.munge);
    let is_mixed = copies > 0;
    if !is_mixed && munge.is_off() {
        return Ok(None);
    }
    let name = if is_mixed { "mixtures" } else { "munge" };
    let key = format!("data.{name}");
    if base.windows().is_some() {
        let problem = "is set, but the examples do not all fit in the memory limit";
        return Err(ConfigProblem::new(&key, problem, format!("leave one of `{name}` and `memory` out"))
            .note("they pair examples, which would need random access to the disk")
            .into());
    }
    if is_mixed {
        return Ok(Some(Arc::new(Mixtures::new(base.clone(), copies, SELECTION_SEED))));
    }
    if base.columns().is_none() {
        let help = "leave it out; `data.mixtures` makes further inputs of any numbers";
        return Err(ConfigProblem::new(&key, "is set, but the data is no table of columns", help)
            .note("rows are made column by column: numbers vary, words are those of the nearest row")
            .into());
    }
    Ok(Some(Arc::new(Munged::new(base.clone(), munge.options(SELECTION_SEED))?)))
}
