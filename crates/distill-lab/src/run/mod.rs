//! A run: its directory, and the models of a recipe one by one, from the start or from where an
//! earlier process left them.

mod advice;
mod course;
mod dir;
mod execute;
mod further;
mod identity;
mod keep;
/// Numbers of a training as they come: `metrics.jsonl`, `metrics.csv` and TensorBoard's files.
pub mod metrics;
mod remove;
mod result;
mod signals;
mod status;
mod teachers;
mod train;
mod watch;

use std::path::Path;

use distill_train::Recipe;

use distill_recipe::Diagnostic;
use distill_recipe::recipe_file::{self, RecipeFile};

pub use course::Leg;
pub use dir::{Kind, RunDir, find};
pub use execute::{FinishedRun, all_roles};
pub use remove::{claim, remove, remove_rest};
pub use result::{DataResult, ModelResult, RunResult};
pub use signals::{Signal, Signals};
pub use status::{FILE as STATUS_FILE, RunStatus, Status, processor};

pub(crate) use dir::{durable_folder, weights_name};
pub(crate) use execute::{Place, execute, warn};
pub(crate) use further::Former;
pub(crate) use identity::Identity;
pub(crate) use keep::provenance;
pub(crate) use status::read_status;
pub(crate) use train::{Failure, Run};

/// The recipe with every default filled in, in a run directory.
pub const RESOLVED: &str = "recipe.resolved.toml";

/// Reads the recipe that a run goes on with.
///
/// # Errors
/// Those of [`recipe_file::load`].
pub fn resolved(run: &Path, overrides: &[String]) -> Result<(RecipeFile, Recipe), Diagnostic> {
    let (file, mut recipe) = recipe_file::load(&run.join(RESOLVED), overrides)?;
    // Runs say whether they standardise since tables are standardised by default; earlier ones that say nothing did not.
    recipe.data.standardize.get_or_insert(false);
    Ok((file, recipe))
}
