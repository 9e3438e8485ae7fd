use distill_chart::Chart;

use super::calibration::calibration;
use super::data::Report;
use super::group::groups;
use super::lines::{loss, validation};
use super::matrix::confusion;

/// The charts as SVG files: the path of each beside the report, and its text. What has no data has no file.
pub(crate) fn plots(report: &Report) -> Vec<(&'static str, String)> {
    let groups = groups(report);
    let charts = [
        ("plots/loss.svg", loss(&report.curves)),
        ("plots/validation.svg", validation(&report.curves)),
        ("plots/confusion.svg", Chart::beside("Confusion matrices", &confusion(&groups, &report.data.classes))),
        ("plots/calibration.svg", Chart::beside("Calibration", &calibration(&groups))),
    ];
    charts.into_iter().filter_map(|(path, chart)| Some((path, chart?.standalone()))).collect()
}
