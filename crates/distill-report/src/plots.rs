use distill_chart::Chart;

use super::bars::costs;
use super::calibration::calibration;
use super::group::groups;
use super::lines::{loss, validation};
use super::matrix::confusion;
use super::regression::predicts_numbers;
use super::residuals::residuals;
use distill_lab::view::data::Report;

/// A chart with the name of its files.
pub struct Plot {
    name: &'static str,
    chart: Chart,
}

impl Plot {
    pub(crate) fn new(name: &'static str, chart: Chart) -> Self {
        Self { name, chart }
    }

    /// Of the SVG beside the report.
    pub fn path(&self) -> String {
        format!("plots/{}.svg", self.name)
    }

    /// The files and their paths beside the report: SVG, and PNG for what takes no SVG, unless it would be too large.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let png = self.chart.png().map(|png| (format!("plots/{}.png", self.name), png));
        [Some((self.path(), self.chart.standalone().into_bytes())), png].into_iter().flatten().collect()
    }
}

/// The charts. What has no data has no chart.
pub fn plots(report: &Report) -> Vec<Plot> {
    let groups = groups(report);
    let numbers = predicts_numbers(report);
    let of_numbers = if numbers { report.data.classes.len() } else { 0 };
    let predictions: Vec<Chart> =
        (0..of_numbers).flat_map(|number| residuals(&groups, &report.data.classes, number)).collect();
    let [confusion, calibration] = match numbers {
        true => [vec![], vec![]],
        false => [confusion(&groups, &report.data.classes), calibration(&groups)],
    };
    let charts = [
        ("loss", loss(report)),
        ("validation", validation(&report.curves)),
        ("confusion", Chart::beside("Confusion matrices", &confusion)),
        ("calibration", Chart::beside("Calibration", &calibration)),
        ("predictions", Chart::beside("Predictions", &predictions)),
        ("costs", Chart::beside("Size and speed", &costs(&groups))),
    ];
    charts.into_iter().filter_map(|(name, chart)| Some(Plot::new(name, chart?))).collect()
}
