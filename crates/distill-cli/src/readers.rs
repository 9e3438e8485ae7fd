//! What the program makes of bytes that others wrote, without its terminal: for tests, and for programs that want the same.

use std::path::Path;

use distill_models::Model;

use crate::commands;
use distill_lab::evaluation_files;
use distill_recipe::Diagnostic;
use distill_recipe::{recipe_file, recipe_text};

/// What `distill check` says of a recipe's text before it looks at the data: the recipe with all its
/// settings, as a run keeps it, or the error as it is printed.
///
/// `path` gives errors their place and the recipe its name; nothing is read from it.
///
/// # Errors
/// The diagnostic, without colours, for a text that is not a recipe or a setting without a meaning.
pub fn check_recipe(path: &Path, bytes: Vec<u8>, overrides: &[String]) -> Result<String, String> {
    recipe_file::from_bytes(path, bytes, overrides).and_then(|(_, recipe)| recipe_text(&recipe)).map_err(printed)
}

/// What `distill predict` writes for rows on standard input, CSV or JSON Lines: a line of CSV for each.
///
/// # Errors
/// The diagnostic, without colours, of the first row that the model cannot answer.
pub fn predict_rows(model: &dyn Model, rows: Vec<u8>) -> Result<String, String> {
    distill_predict::predict_rows(model, rows).map_err(printed)
}

/// A `predictions.csv` of a run, read as `distill report` reads it, and written again.
///
/// # Errors
/// The diagnostic, without colours, of the first line that is not a prediction.
pub fn read_predictions(path: &Path, bytes: &[u8]) -> Result<String, String> {
    evaluation_files::read_predictions(path, bytes)
        .map(|found| evaluation_files::written_again(&found))
        .map_err(printed)
}

/// What `distill inspect` prints of a file.
///
/// # Errors
/// The diagnostic, without colours, for a file that is of no known kind, or damaged.
pub fn inspect_file(path: &Path) -> Result<String, String> {
    commands::inspect_file(path).map_err(printed)
}

#[expect(clippy::needless_pass_by_value, reason = "an error that is printed is gone")]
fn printed(diagnostic: Diagnostic) -> String {
    diagnostic.to_string()
}
