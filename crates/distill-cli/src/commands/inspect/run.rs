use std::path::Path;

use crate::diagnostic::Diagnostic;
use crate::recipe_file;

use super::facts::Facts;
use super::{read_text, result};

/// The files of a run, any of which makes a folder one.
const RESULT: &str = "result.json";
const RECIPE: &str = "recipe.resolved.toml";
const STATUS: &str = "run.toml";

/// A status is a few lines.
const MAX_STATUS_BYTES: u64 = 1 << 20;

pub(super) fn is_run(dir: &Path) -> bool {
    [RESULT, RECIPE, STATUS].iter().any(|name| dir.join(name).is_file())
}

/// The directory of a run.
pub(super) fn facts(dir: &Path) -> Result<Facts, Diagnostic> {
    let result_path = dir.join(RESULT);
    let result = if result_path.is_file() { Some(result::read(&result_path)?) } else { None };
    let status = match written_status(dir)? {
        Some(status) => status,
        None => counted_status(dir, result.as_ref().map_or(0, |result| result.models.len())),
    };
    let mut facts = Facts::new("run", "the directory of a run");
    facts.line("status", &status);
    facts.field("status", &status);
    match &result {
        Some(result) => result::show(result, &mut facts),
        None => {
            facts.line("models", 0);
            facts.field("models", [(); 0]);
        }
    }
    Ok(facts)
}

/// What the run itself says.
fn written_status(dir: &Path) -> Result<Option<String>, Diagnostic> {
    let path = dir.join(STATUS);
    if !path.is_file() {
        return Ok(None);
    }
    let table = read_text(&path, MAX_STATUS_BYTES)?.and_then(|text| text.parse::<toml::Table>().ok());
    Ok(table.and_then(|table| Some(table.get("status")?.as_str()?.to_owned())))
}

/// What the recipe asks for, compared with what is there.
fn counted_status(dir: &Path, n_models: usize) -> String {
    let Ok((_, recipe)) = recipe_file::load(&dir.join(RECIPE), &[]) else { return "unknown".to_owned() };
    let n_expected = recipe.seeds.len() * if recipe.baseline.enabled { 3 } else { 2 };
    if n_models == n_expected {
        "complete".to_owned()
    } else {
        format!("not complete: {n_models} of {n_expected} models")
    }
}
