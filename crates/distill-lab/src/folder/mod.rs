//! The directory of a run, a sweep or a study, and what is in it.

mod dir;
mod fingerprints;
mod identity;
pub(crate) mod metrics;
mod remove;
mod result;
mod status;

use std::path::Path;

use distill_recipe::Diagnostic;
use distill_recipe::recipe_file::{self, RecipeFile};
use distill_train::{Recipe, Standardize};

pub use dir::{Kind, RunDir, find};
pub use remove::{claim, remove, remove_rest};
pub(crate) use result::number_or_null;
pub use result::{DataResult, ModelResult, NumberScore, NumberScores, RunResult};
pub use status::{FILE as STATUS_FILE, RunStatus, Status, processor};

pub use fingerprints::Fingerprints;

pub(crate) use dir::{durable_folder, weights_name};
pub(crate) use identity::{Identity, check_context};
pub(crate) use result::WeightsFile;
pub(crate) use status::read_status;

/// The recipe with every default filled in, in a run directory.
pub const RESOLVED: &str = "recipe.resolved.toml";

/// Reads the recipe that a run goes on with.
///
/// # Errors
/// Those of [`recipe_file::load`].
pub fn resolved(run: &Path, overrides: &[String]) -> Result<(RecipeFile, Recipe), Diagnostic> {
    let (file, mut recipe) = recipe_file::load(&run.join(RESOLVED), overrides)?;
    let file = file.kept();
    // Runs say whether they standardise since tables are standardised by default; earlier ones that say nothing did not.
    recipe.data.standardize.get_or_insert(Standardize::Each(false));
    Ok((file, recipe))
}
