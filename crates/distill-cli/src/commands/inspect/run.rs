use std::path::Path;

use distill_lab::run::{RunResult, RunStatus, STATUS_FILE, Status};
use distill_recipe::Diagnostic;

use super::facts::Facts;
use super::result;

pub(super) fn is_run(dir: &Path) -> bool {
    dir.join(STATUS_FILE).is_file()
}

/// The directory of a run.
pub(super) fn facts(dir: &Path) -> Result<Facts, Diagnostic> {
    let status = RunStatus::read(dir)?;
    let mut facts = Facts::new("run", "the directory of a run");
    facts.line("status", status.status.name());
    facts.line("command", &status.command);
    facts.line("started", &status.started);
    facts.field("status", status.status.name());
    facts.field("run", &status);
    match RunResult::read(dir)? {
        Some(result) => result::show(&result, &mut facts),
        None => {
            facts.line("models", 0);
            facts.field("models", [(); 0]);
        }
    }
    if [Status::Interrupted, Status::Failed].contains(&status.status) {
        facts.line("resume", format_args!("distill run --resume {}", dir.display()));
    }
    Ok(facts)
}
