use std::path::Path;

use distill_lab::run::Status;
use distill_lab::sweep::{BestAndNext, CSV, Definition, Difference, FinishedSweep, Record, event, table};
use distill_recipe::words::shell;
use distill_recipe::{Code, Diagnostic, Override, find_code, recipe_file};
use distill_report::sweep::SweepReport;
use serde_json::json;

use crate::args::SweepArgs;
use crate::output::Output;
use crate::screen::Screen;

/// `distill sweep RECIPE [KEY=VALUE ...] --set KEY=V1,V2,...`, `distill sweep --resume [SWEEP]`
pub(crate) fn sweep(args: &SweepArgs, output: &Output) -> Result<u8, Diagnostic> {
    let screen = Screen::new(output);
    let lab = screen.lab(&args.runs_dir);
    let conclude = |sweep: &FinishedSweep<'_>| finish(sweep, output);
    let end = match &args.resume {
        Some(sweep) => lab.resume_sweep(sweep, &conclude)?,
        None => {
            let path = args.recipe.as_deref().unwrap_or(Path::new(""));
            let (mut file, mut recipe) = recipe_file::load(path, &args.overrides)?;
            if !args.seeds.is_empty() {
                let list = args.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
                let seeds = Override::parse_from(&format!("seeds=[{list}]"), &format!("--seeds {list}"))?;
                (file, recipe) = file.with(&[seeds])?;
            }
            let definition = Definition {
                recipe: path.display().to_string(),
                settings: args.overrides.clone(),
                sets: args.sets.clone(),
                random: args.random,
                seed: args.seed,
                seeds: recipe.seeds.clone(),
                halving: args.halving,
                metric: args.metric.into(),
            };
            lab.sweep(&(file, recipe), definition, &conclude)?
        }
    };
    if end.was_complete {
        output.progress(&format!("{} is complete; nothing is left to do", end.dir.display()));
    }
    let Some(signal) = end.signal else { return Ok(0) };
    output.progress(&format!("resume  {}", end.resume_command()));
    let (sweep, exit) = (end.dir.display().to_string(), signal.exit_code());
    output.event("sweep_end", json!({ "sweep": sweep, "status": Status::Interrupted.name(), "exit": exit }))?;
    Ok(exit)
}

/// The table, the report, the best settings, and how to look at them on the test set.
fn finish(sweep: &FinishedSweep<'_>, output: &Output) -> Result<(), Diagnostic> {
    let FinishedSweep { dir, status, plan, file, records } = sweep;
    let csv = dir.join(CSV);
    let report = SweepReport::new(dir, &status.process, &status.definition, (plan, file), records)?;
    let Some((best, command)) = report.best().zip(report.next.as_ref()) else {
        return Err(all_failed(records, plan.trials.len()).at(csv.display()));
    };
    let page = distill_report::write_sweep(dir, &report)?;
    let words = |words: &[String]| shell(words.iter().map(String::as_str));
    output.progress(&format!("\nsaved   {}", csv.display()));
    output.progress(&format!("report  {}", page.display()));
    let ranking: Vec<&Record> = report.ranking.iter().collect();
    let table = table(&plan.keys(), &ranking, plan.budgets.len() > 1, &report.differences);
    let second = BestAndNext::of(&ranking);
    let mut told = second.as_ref().map_or(String::new(), |second| format!("{}\n", second.text(words)));
    if let Some(summary) = Difference::summary(&report.differences) {
        told += &format!("noise  {summary}\n");
    }
    let text = format!("\n{table}\n{told}best  {}\nnext  {command}", words(&best.settings));
    let fields = json!({
        "sweep": dir.display().to_string(),
        "status": Status::Completed.name(),
        "best": event(best),
        "best_and_next": second,
        "differences": report.differences,
        "report": page.display().to_string(),
        "command": command,
        "exit": 0,
    });
    match output.result(&text).and_then(|()| output.event("sweep_end", fields)) {
        // Nobody reads any more; the files are complete.
        Err(diagnostic) if diagnostic.is_broken_pipe() => Ok(()),
        printed => printed,
    }
}

/// There is no best trial. The code is that of the first one.
fn all_failed(records: &[Record], n_trials: usize) -> Diagnostic {
    let why = records.iter().find_map(|record| record.error.as_deref()).unwrap_or_default();
    let code = why.split(':').next().and_then(|name| find_code(name).ok()).unwrap_or(Code::NonFinite);
    let diagnostic =
        Diagnostic::new(code, format!("all {n_trials} trials failed")).note(format!("the first one: {why}"));
    match code {
        Code::TeacherAccuracy => {
            diagnostic.help("train the teacher for longer, or give a better one with `teacher.weights`")
        }
        _ => diagnostic.help("try lower values of `train.optimizer.lr`, or set `train.clip_grad_norm=1.0`"),
    }
}
