use std::path::Path;

use distill_lab::run::{ModelResult, RunResult};
use distill_lab::summary::decimals;
use distill_models::Task;
use distill_recipe::Diagnostic;
use distill_recipe::words::{parameters, thousands};

use super::facts::Facts;
use super::{read_text, unknown};

/// A thousand models take less than a megabyte.
const MAX_BYTES: u64 = 16 << 20;

/// A `result.json`.
pub(super) fn facts(path: &Path) -> Result<Facts, Diagnostic> {
    let result = read(path)?;
    let mut facts = Facts::new("result", "the result of a run");
    show(&result, &mut facts);
    Ok(facts)
}

/// Reads a `result.json`.
pub(super) fn read(path: &Path) -> Result<RunResult, Diagnostic> {
    let text = read_text(path, MAX_BYTES)?;
    let text = text.ok_or_else(|| unknown(path, "it starts like JSON, but is too large for a result, or not text"))?;
    serde_json::from_str(&text).map_err(|error| unknown(path, &format!("as a `result.json` it is wrong: {error}")))
}

/// Adds what a run has found.
pub(super) fn show(result: &RunResult, facts: &mut Facts) {
    facts.line("recipe", &result.recipe);
    let n_models = result.models.len();
    facts.line("models", n_models);
    let rows: Vec<_> = result.models.iter().map(row).collect();
    if n_models > 0 {
        let are_numbers = result.data.task == Task::Numbers;
        let found = if are_numbers { ["test RMSE", "R²"] } else { ["test errors", "accuracy"] };
        facts.table(3, ["role", "seed", "architecture", "parameters", found[0], found[1]], &rows);
    }
    facts.field("recipe", &result.recipe);
    facts.field("models", &result.models);
}

fn row(model: &ModelResult) -> [String; 6] {
    let found = match &model.test_numbers {
        Some(numbers) => {
            let rmse = numbers.rmse().map_or("-".to_owned(), |rmse| format!("{rmse:.0$}", decimals(rmse)));
            [rmse, format!("{:.4}", numbers.r2)]
        }
        None => {
            let accuracy = 100.0 * (1.0 - model.test_errors as f64 / model.test_examples as f64);
            let accuracy = if accuracy.is_finite() { format!("{accuracy:.2} %") } else { "-".to_owned() };
            [thousands(model.test_errors as u64), accuracy]
        }
    };
    let [first, second] = found;
    [
        model.role.clone(),
        model.seed.to_string(),
        model.architecture.clone(),
        parameters(model.parameters),
        first,
        second,
    ]
}
