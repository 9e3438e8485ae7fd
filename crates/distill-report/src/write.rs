use std::path::{Path, PathBuf};

use distill_lab::view::{Collected, collect};
use distill_recipe::{Diagnostic, atomic};

use crate::{Plot, html, markdown, plots, sweep};

/// Reads the files of a run, and writes its report into a folder: `report.html`, `report.md` and `plots`. Returns the path of
/// the page.
///
/// # Errors
/// If the files of the run cannot be read, or the folder cannot be written.
pub fn write_run(run: impl AsRef<Path>, folder: impl AsRef<Path>) -> Result<PathBuf, Diagnostic> {
    write(folder.as_ref(), &collect(&[run.as_ref().to_owned()])?)
}

/// Writes a report as a page, as text and as pictures; returns the path of the page.
///
/// # Errors
/// If the folder cannot be made or written.
pub fn write(folder: &Path, collected: &Collected) -> Result<PathBuf, Diagnostic> {
    let report = &collected.report;
    write_files(folder, &plots(report), &markdown(report), &html(report))
}

/// The same of a sweep.
///
/// # Errors
/// If the folder cannot be made or written.
pub fn write_sweep(folder: &Path, report: &sweep::SweepReport) -> Result<PathBuf, Diagnostic> {
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
