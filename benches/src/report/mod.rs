//! `docs/performance.md` and its charts, from what was found.

mod charts;
mod goals;
mod growth;
mod kept;
mod markdown;
mod roofline;
mod tables;
mod zeros;

use std::fs;
use std::path::Path;

use crate::Result;
use crate::result::Bench;

/// Where the page is, from the root.
const PAGE: &str = "docs/performance.md";
/// Where its charts are.
const CHARTS: &str = "docs/performance";

/// Writes the page and its charts; what people wrote into the page stays.
pub(crate) fn write(bench: &Bench, root: &Path) -> Result<()> {
    let page = root.join(PAGE);
    let old = fs::read_to_string(&page).unwrap_or_default();
    let charts = charts::all(bench);
    fs::create_dir_all(root.join(CHARTS))?;
    for chart in &charts {
        fs::write(root.join(CHARTS).join(chart.file), chart.svg())?;
    }
    fs::write(&page, markdown::page(bench, &charts, kept::text(&old)))?;
    Ok(())
}
