//! A run: its directory, and the models of a recipe one by one, from the start or from where an
//! earlier process left them.

mod advice;
mod course;
mod dir;
mod further;
mod identity;
mod keep;
pub(crate) mod metrics;
mod remove;
mod result;
mod signals;
mod status;
mod teachers;
mod train;
mod watch;

use std::path::Path;

use distill_train::Recipe;

use crate::diagnostic::Diagnostic;
use crate::recipe_file::{self, RecipeFile};

pub(crate) use course::Leg;
pub(crate) use dir::{Kind, RunDir, durable_folder, find, weights_name};
pub(crate) use further::Former;
pub(crate) use identity::{Identity, recipe_text};
pub(crate) use keep::provenance;
pub(crate) use remove::{claim, remove, remove_rest};
pub(crate) use result::{DataResult, ModelResult, RunResult};
pub(crate) use signals::{Signal, Signals};
pub(crate) use status::{FILE as STATUS_FILE, RunStatus, Status, processor, read_status};
pub(crate) use train::{Failure, Run};

/// The recipe with every default filled in, in a run directory.
pub(crate) const RESOLVED: &str = "recipe.resolved.toml";

/// Reads the recipe that a run goes on with.
pub(crate) fn resolved(run: &Path, overrides: &[String]) -> Result<(RecipeFile, Recipe), Diagnostic> {
    let (file, mut recipe) = recipe_file::load(&run.join(RESOLVED), overrides)?;
    // Runs say whether they standardise since tables are standardised by default; earlier ones that say nothing did not.
    recipe.data.standardize.get_or_insert(false);
    Ok((file, recipe))
}
