use std::fmt::Write as _;

use distill_train::Experiment;
use serde_json::json;

use crate::args::CheckArgs;
use crate::output::Output;
use crate::screen::Screen;
use distill_lab::preflight::{Outcome, Preflight};
use distill_lab::run::all_roles;
use distill_lab::student_file;
use distill_recipe::Diagnostic;
use distill_recipe::data_source::read_data;
use distill_recipe::locate;
use distill_recipe::words::shell;

/// `distill check RECIPE [KEY=VALUE ...]`: everything that a run checks before it trains.
pub(crate) fn check(args: &CheckArgs, output: &Output) -> Result<u8, Diagnostic> {
    let (file, recipe) = super::recipe::load(&args.recipe, output)?;
    let mut experiment =
        Experiment::new(&recipe, read_data(&file, &recipe)?).map_err(|error| locate(&file, &recipe, error))?;
    let roles = all_roles(&recipe);
    student_file::begin(&file, &recipe, &mut experiment, &roles)?;
    let found = Preflight {
        file: &file,
        experiment: &experiment,
        roles: &roles,
        runs_dir: &args.runs_dir,
        resumes: false,
        listener: &Screen::new(output),
    }
    .check_all();

    let mut text = format!("ok    {:<17} {}\n", "recipe", file.path());
    output.event("check", json!({ "check": "recipe", "outcome": "ok", "text": file.path() }))?;
    let (mut n_ok, mut n_warnings, mut failures) = (1, 0, vec![]);
    for check in &found.checks {
        let (word, what) = match &check.outcome {
            Outcome::Ok(what) => {
                n_ok += 1;
                ("ok", what.clone())
            }
            Outcome::Warning(warning) => {
                n_warnings += 1;
                let lines = [("note", &warning.note), ("help", &warning.help)];
                let lines: String = lines.iter().map(|(name, line)| format!("\n      = {name}: {line}")).collect();
                ("warn", warning.what.clone() + &lines)
            }
            Outcome::Failed(diagnostic) => {
                failures.push(diagnostic);
                ("FAIL", diagnostic.title())
            }
        };
        let _ = writeln!(text, "{word:<5} {:<17} {what}", check.name);
        let outcome = json!({ "check": check.name, "outcome": word.to_lowercase(), "text": what });
        output.event("check", outcome)?;
    }
    let warnings = if n_warnings == 1 { "warning" } else { "warnings" };
    let _ = write!(text, "\n{n_ok} ok, {n_warnings} {warnings}, {} failed", failures.len());
    output.result(&text)?;
    let exit = failures.first().map_or(0, |diagnostic: &&Diagnostic| diagnostic.exit_code());
    let counts = json!({ "ok": n_ok, "warnings": n_warnings, "failed": failures.len(), "exit": exit });
    output.event("check_end", counts)?;
    for diagnostic in &failures {
        output.error(diagnostic);
    }
    if failures.is_empty() {
        let words = ["distill", "run", file.path()].into_iter();
        output.progress(&format!("next   {}", shell(words.chain(args.recipe.overrides.iter().map(String::as_str)))));
    }
    Ok(exit)
}
