//! The charts of the page.

use distill_chart::{At, LineChart, Point, Reference, Scale, Series};

use super::growth::{Cell, cells};
use super::roofline::{achieved, peak};
use crate::contender::Who;
use crate::result::Bench;
use crate::rows::{BATCHES, growth};
use crate::stats::Spread;

/// A chart with the name of its file, and what it shows to those who do not see it.
pub(super) struct NamedChart {
    pub(super) file: &'static str,
    pub(super) caption: &'static str,
    chart: LineChart,
}

impl NamedChart {
    pub(super) fn svg(&self) -> String {
        self.chart.svg()
    }
}

/// Those for which there is something to show.
pub(super) fn all(bench: &Bench) -> Vec<NamedChart> {
    let charts = [
        NamedChart { file: "growth.svg", caption: "examples a second over the width", chart: speed(bench) },
        NamedChart { file: "ratio.svg", caption: "ours over PyTorch over the width", chart: ratio(bench) },
        NamedChart { file: "roofline.svg", caption: "GFLOPS over the width", chart: roofline(bench) },
    ];
    charts.into_iter().filter(|named| named.chart.series.iter().any(|series| !series.points.is_empty())).collect()
}

fn speed(bench: &Bench) -> LineChart {
    let cells = cells(bench);
    let lines = |who: Who, value: fn(&Cell) -> Option<Spread>| {
        BATCHES.map(|batch| series(&cells, batch, format!("{who}, batch {batch}"), value))
    };
    let series = lines(Who::Ours, |cell| cell.ours).into_iter().chain(lines(Who::PyTorch, |cell| cell.torch));
    LineChart { y_label: "examples a second".into(), y_scale: Scale::Log, series: series.collect(), ..over_width() }
}

fn ratio(bench: &Bench) -> LineChart {
    let cells = cells(bench);
    let series = BATCHES.map(|batch| series(&cells, batch, format!("batch {batch}"), |cell| cell.ratio));
    let even = Reference { at: At::Y(1.0), label: "equal".into() };
    LineChart {
        y_label: "times as fast as PyTorch".into(),
        series: series.into(),
        references: vec![even],
        ..over_width()
    }
}

fn roofline(bench: &Bench) -> LineChart {
    let cells = cells(bench);
    let found = achieved(bench);
    let line = |batch: usize| {
        let of_cell = |cell: &Cell| {
            let name = growth(cell.width, cell.batch);
            let gflops = found.iter().find(|found| found.row.name == name)?.gflops;
            Some(point(cell.width, gflops))
        };
        let points = cells.iter().filter(|cell| cell.batch == batch).filter_map(of_cell).collect();
        Series { name: format!("ours, batch {batch}"), points }
    };
    let threads = found.iter().map(|found| found.threads).max();
    let peak = threads.and_then(|threads| peak(bench, threads));
    let reference = |peak| Reference { at: At::Y(peak), label: "one big product".into() };
    LineChart {
        y_label: "GFLOPS, skipped products counted".into(),
        series: BATCHES.map(line).into(),
        references: peak.map(reference).into_iter().collect(),
        ..over_width()
    }
}

/// A chart of networks with two hidden layers.
fn over_width() -> LineChart {
    LineChart { x_label: "width of both hidden layers".into(), x_scale: Scale::Log, ..LineChart::default() }
}

fn series(cells: &[Cell], batch: usize, name: String, value: fn(&Cell) -> Option<Spread>) -> Series {
    let of_batch = cells.iter().filter(|cell| cell.batch == batch);
    Series { name, points: of_batch.filter_map(|cell| Some(point(cell.width, value(cell)?))).collect() }
}

fn point(width: usize, Spread { median, low, high }: Spread) -> Point {
    Point { x: width as f64, y: median, low: Some(low), high: Some(high) }
}
