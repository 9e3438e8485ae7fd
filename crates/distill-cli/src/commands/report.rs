use std::path::{Path, PathBuf};

use serde_json::json;

use crate::args::ReportArgs;
use crate::output::Output;
use distill_lab::run::{Kind, find};
use distill_lab::summary::summary;
use distill_lab::sweep;
use distill_lab::view::collect;
use distill_recipe::Diagnostic;
use distill_report::sweep::SweepReport;

/// `distill report [RUN ...]`: the report of a run or a sweep, or of several runs with the seeds of one recipe.
pub(crate) fn report(args: &ReportArgs, output: &Output) -> Result<u8, Diagnostic> {
    let latest = [PathBuf::from("latest")];
    let named = if args.runs.is_empty() { &latest } else { args.runs.as_slice() };
    if let [only] = named
        && only.join(Kind::Sweep.status_file()).is_file()
    {
        return of_sweep(only, args.output.as_deref().unwrap_or(only), output);
    }
    let runs = named.iter().map(|run| find(&args.runs_dir, run)).collect::<Result<Vec<_>, _>>()?;
    let collected = collect(&runs)?;
    // The report of one run belongs to it; that of several belongs to none of them.
    let folder = match (&args.output, runs.as_slice()) {
        (Some(folder), _) => folder.clone(),
        (None, [run]) => run.clone(),
        (None, _) => PathBuf::from("report"),
    };
    let page = distill_report::write(&folder, &collected)?;
    output.result(&summary(&collected.result, output.width()))?;
    output.progress(&format!("\nreport  {}", page.display()));
    output.event(
        "report",
        json!({
            "report": page.display().to_string(),
            "comparison": collected.report.comparison,
            "result": collected.result,
        }),
    )?;
    Ok(0)
}

/// The report of a sweep, of as many trials as it has.
fn of_sweep(sweep: &Path, folder: &Path, output: &Output) -> Result<u8, Diagnostic> {
    let report = SweepReport::read(sweep)?;
    let page = distill_report::write_sweep(folder, &report)?;
    output.progress(&format!("report  {}", page.display()));
    output.event(
        "report",
        json!({
            "report": page.display().to_string(),
            "best": report.best().map(sweep::event),
            "differences": report.differences,
        }),
    )?;
    Ok(0)
}
