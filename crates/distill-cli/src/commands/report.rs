use std::path::{Path, PathBuf};

use serde_json::json;

use crate::args::ReportArgs;
use crate::atomic;
use crate::diagnostic::Diagnostic;
use crate::output::Output;
use crate::report::{Collected, collect, html, markdown, plots};
use crate::run::find;
use crate::summary::summary;

/// `distill report [RUN ...]`: the report of a run, or of several with the seeds of one recipe.
pub(crate) fn report(args: &ReportArgs, output: &Output) -> Result<u8, Diagnostic> {
    let latest = [PathBuf::from("latest")];
    let named = if args.runs.is_empty() { &latest } else { args.runs.as_slice() };
    let runs = named.iter().map(|run| find(&args.runs_dir, run)).collect::<Result<Vec<_>, _>>()?;
    let collected = collect(&runs)?;
    // The report of one run belongs to it; that of several belongs to none of them.
    let folder = match (&args.output, runs.as_slice()) {
        (Some(folder), _) => folder.clone(),
        (None, [run]) => run.clone(),
        (None, _) => PathBuf::from("report"),
    };
    let page = write(&folder, &collected)?;
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

/// Writes a report as a page, as text and as pictures; returns the path of the page.
pub(crate) fn write(folder: &Path, collected: &Collected) -> Result<PathBuf, Diagnostic> {
    let failed = |error| Diagnostic::io("cannot make the folder of the report", Some(folder), error);
    std::fs::create_dir_all(folder.join("plots")).map_err(failed)?;
    for (name, svg) in plots(&collected.report) {
        atomic::write(&folder.join(name), svg.as_bytes())?;
    }
    atomic::write(&folder.join("report.md"), markdown(&collected.report).as_bytes())?;
    let page = folder.join("report.html");
    atomic::write(&page, html(&collected.report).as_bytes())?;
    Ok(page)
}
