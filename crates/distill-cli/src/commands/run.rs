use std::path::Path;

use distill_lab::Lab;
use distill_lab::run::FinishedRun;
use distill_lab::summary::summary;
use distill_recipe::words::shell;
use distill_recipe::{Diagnostic, RecipeFile, recipe_file};
use distill_train::{Recipe, Role};
use serde_json::json;

use crate::args::RunArgs;
use crate::output::Output;
use crate::screen::Screen;

/// `distill run RECIPE [KEY=VALUE ...]`, `distill run --resume [RUN]`
pub(crate) fn run(args: &RunArgs, output: &Output) -> Result<u8, Diagnostic> {
    let first = || args.recipe.iter().map(|word| word.to_string_lossy().into_owned());
    if let Some(run) = &args.resume {
        return with_lab(&args.runs_dir, output, |lab| lab.resume(run));
    }
    if let Some(run) = &args.from {
        // The first argument is not a recipe here.
        let settings: Vec<String> = first().chain(args.overrides.iter().cloned()).collect();
        return with_lab(&args.runs_dir, output, |lab| lab.further(run, &settings));
    }
    let mut overrides = args.overrides.clone();
    let path = match &args.data {
        Some(data) => {
            // Without a recipe the first word is a setting like the others.
            overrides.splice(0..0, first());
            super::new::recipe_beside(data, args.teacher.as_deref(), output)?
        }
        None => args.recipe.clone().unwrap_or_default(),
    };
    let recipe = recipe_file::load(&path, &overrides)?;
    with_lab(&args.runs_dir, output, |lab| lab.run(&recipe))
}

/// Trains some of the models of a recipe.
pub(crate) fn train_roles(
    runs_dir: &Path,
    recipe: &(RecipeFile, Recipe),
    roles: Vec<Role>,
    output: &Output,
) -> Result<u8, Diagnostic> {
    with_lab(runs_dir, output, |lab| lab.run_roles(recipe, roles))
}

/// Runs in a lab that reports each complete run, and says how it ended.
fn with_lab(
    runs_dir: &Path,
    output: &Output,
    run: impl FnOnce(&Lab<'_>) -> Result<FinishedRun, Diagnostic>,
) -> Result<u8, Diagnostic> {
    let screen = Screen::new(output);
    let report = |dir: &Path, result: &distill_lab::run::RunResult| {
        let _span = tracing::info_span!("report").entered();
        distill_report::write_run(dir, dir)?;
        output.result(&format!("\n{}", summary(result, output.width())))
    };
    let end = run(&screen.lab(runs_dir).concluding(&report))?;
    let name = end.dir.to_string_lossy();
    output.progress(&match (end.was_complete, end.signal) {
        (true, _) => format!("{name} is complete; nothing is left to do"),
        (false, Some(_)) => format!("resume  {}", shell(["distill", "run", "--resume", &*name])),
        (false, None) => format!("\nsaved   {name}\nreport  {}", end.dir.join("report.html").display()),
    });
    let status = end.status.status.name();
    output.event("run_end", json!({ "run": name, "status": status, "result": end.result, "exit": end.exit_code() }))?;
    Ok(end.exit_code())
}
