use std::path::Path;

use distill_train::{Checkpoint, Disk, Storage as _, TrainError};

use distill_recipe::Diagnostic;
use distill_recipe::words::{sides, thousands};

use super::facts::{Facts, short};
use super::unreadable;

pub(super) fn is_checkpoint(start: &[u8]) -> bool {
    start.starts_with(Checkpoint::MAGIC)
}

/// The state of a training. Its hash is checked, so all of it is read.
pub(super) fn facts(path: &Path) -> Result<Facts, Diagnostic> {
    let bytes = Disk.read(path, Checkpoint::MAX_BYTES).map_err(|error| unreadable(path, error))?;
    let checkpoint =
        Checkpoint::decode(&bytes).map_err(|error| Diagnostic::from(TrainError::from(error)).at(path.display()))?;
    let what = format!("a checkpoint of distill, {} bytes, whole", thousands(bytes.len() as u64));
    let mut facts = Facts::new("checkpoint", what);
    let context = |name: &str| checkpoint.context.get(name).map(String::as_str).filter(|value| !value.is_empty());
    for name in ["role", "seed", "data_sha256", "teacher_sha256"] {
        if let Some(value) = context(name) {
            facts.line(name.split('_').next().unwrap_or(name), value);
            facts.field(name, value);
        }
    }
    facts.line("step", thousands(u64::from(checkpoint.step())));
    facts.field("step", checkpoint.step());
    match checkpoint.best() {
        Some((epoch, _, unexplained)) if context("recipe").is_some_and(predicts_numbers) => {
            let r2 = 1.0 - unexplained;
            facts.line("best", format_args!("epoch {epoch}, R² {r2:.4} on the validation set"));
            facts.field("best", serde_json::json!({ "epoch": epoch, "validation_r2": r2 }));
        }
        Some((epoch, errors, _)) => {
            facts.line("best", format_args!("epoch {epoch}, {} validation errors", thousands(errors)));
            facts.field("best", serde_json::json!({ "epoch": epoch, "validation_errors": errors }));
        }
        None => facts.field("best", ()),
    }
    facts.line("optimizer", format_args!("{} numbers for each parameter", checkpoint.n_slots()));
    facts.field("optimizer_slots", checkpoint.n_slots());
    if checkpoint.has_average() {
        facts.line("average", "of the weights, which is evaluated and kept");
    }
    facts.field("average", checkpoint.has_average());
    let shape = |shape: &[u64]| {
        let shape: Vec<usize> = shape.iter().map(|&side| usize::try_from(side).unwrap_or(usize::MAX)).collect();
        sides(&shape)
    };
    let rows: Vec<_> = checkpoint.layout().iter().map(|(name, sides)| [short(name, 40), shape(sides)]).collect();
    facts.table(1, ["tensor", "shape"], &rows);
    facts.field("recipe", context("recipe"));
    Ok(facts)
}

/// Whether a recipe, as it is kept in a checkpoint, names numbers to predict.
fn predicts_numbers(recipe: &str) -> bool {
    let recipe: Option<toml::Table> = recipe.parse().ok();
    let columns = recipe.as_ref().and_then(|recipe| recipe.get("data")?.get("columns")?.get("targets"));
    columns.is_some()
}
