use std::path::{Path, PathBuf};

use serde_json::json;

use crate::args::ReportArgs;
use crate::atomic;
use crate::diagnostic::Diagnostic;
use crate::output::Output;
use crate::report::{Collected, Plot, collect, html, markdown, plots};
use crate::run::{Kind, find};
use crate::summary::summary;
use crate::sweep::{self, SweepReport};

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

/// The report of a sweep, of as many trials as it has.
fn of_sweep(sweep: &Path, folder: &Path, output: &Output) -> Result<u8, Diagnostic> {
    let report = SweepReport::read(sweep)?;
    let page = write_sweep(folder, &report)?;
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

/// Writes a report as a page, as text and as pictures; returns the path of the page.
pub(crate) fn write(folder: &Path, collected: &Collected) -> Result<PathBuf, Diagnostic> {
    let report = &collected.report;
    write_files(folder, &plots(report), &markdown(report), &html(report))
}

/// The same of a sweep.
pub(crate) fn write_sweep(folder: &Path, report: &SweepReport) -> Result<PathBuf, Diagnostic> {
    write_files(folder, &report.plots(), &sweep::markdown(report), &sweep::html(report))
}

fn write_files(folder: &Path, plots: &[Plot], markdown: &str, html: &str) -> Result<PathBuf, Diagnostic> {
    let failed = |error| Diagnostic::io("cannot make the folder of the report", Some(folder), error);
    std::fs::create_dir_all(folder.join("plots")).map_err(failed)?;
    for (path, bytes) in plots.iter().flat_map(Plot::files) {
        atomic::write(&folder.join(path), &bytes)?;
    }
    atomic::write(&folder.join("report.md"), markdown.as_bytes())?;
    let page = folder.join("report.html");
    atomic::write(&page, html.as_bytes())?;
    Ok(page)
}
