use crate::axis::Axis;
use crate::canvas::{Anchor, Canvas};
use crate::line_chart::{At, LineChart, Series};
use crate::text::{fitted, room};

/// Of a chart without its margins. Narrow, as on a phone everything shrinks by what the chart is too wide.
pub(crate) const WIDTH: f64 = 456.0;
/// As in series.css.
pub(crate) const FONT_SIZE: f64 = 14.0;
const PLOT_HEIGHT: f64 = 250.0;
const N_TICKS: usize = 5;

/// The rectangle in which the lines are, and its axes.
pub(crate) struct Frame {
    x: Axis,
    y: Axis,
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
}

impl Frame {
    /// Below `top`, so that everything that `chart` shows is inside and no label is cut or touches another.
    pub(crate) fn fit(chart: &LineChart, top: f64) -> Self {
        let (xs, ys) = values(chart);
        let y = chart.y_scale.axis(ys.iter().copied(), N_TICKS);
        let label = y.short_labels().iter().map(|label| room(label, FONT_SIZE)).fold(0.0, f64::max);
        let frame = |n| {
            let x = chart.x_scale.axis(xs.iter().copied(), n);
            // Any tick may be at an end, where half of its label needs room.
            let half = x.short_labels().iter().map(|label| room(label, FONT_SIZE) / 2.0).fold(0.0, f64::max);
            let left = (label + 9.0).max(half);
            let right = WIDTH - half.max(10.0);
            Self { x, y: y.clone(), left, right, top, bottom: top + PLOT_HEIGHT }
        };
        (2..=N_TICKS).rev().map(frame).find(Self::has_room_for_labels).unwrap_or_else(|| frame(1))
    }

    fn has_room_for_labels(&self) -> bool {
        const GAP: f64 = 10.0;
        let rooms: Vec<f64> = self.x.short_labels().iter().map(|label| room(label, FONT_SIZE)).collect();
        let ends =
            |i: usize| self.across(self.x.ticks[i]) - rooms[i] / 2.0..self.across(self.x.ticks[i]) + rooms[i] / 2.0;
        (1..rooms.len()).all(|i| ends(i - 1).end + GAP <= ends(i).start)
    }

    /// Where a horizontal coordinate is; beyond an end of the axis, at the end.
    pub(crate) fn across(&self, x: f64) -> f64 {
        self.left + self.x.at(x).clamp(0.0, 1.0) * (self.right - self.left)
    }

    /// Where a vertical coordinate is; beyond an end of the axis, at the end.
    pub(crate) fn up(&self, y: f64) -> f64 {
        self.bottom - self.y.at(y).clamp(0.0, 1.0) * (self.bottom - self.top)
    }

    /// Where the line of a series goes.
    pub(crate) fn path(&self, chart: &LineChart, series: &Series) -> Vec<(f64, f64)> {
        chart.shown(series).map(|point| (self.across(point.x), self.up(point.y))).collect()
    }

    /// Grid, ticks and the name of the horizontal axis. Answers where the drawing ends.
    pub(crate) fn draw(&self, canvas: &mut Canvas, x_label: &str) -> f64 {
        let Self { left, right, bottom, .. } = *self;
        for (&tick, label) in self.y.ticks.iter().zip(self.y.short_labels()) {
            let height = self.up(tick);
            canvas.line("grid", &[(left, height), (right, height)]);
            canvas.text("tick", (left - 9.0, height + 5.0), Anchor::End, label);
        }
        canvas.line("axis", &[(left, bottom), (right, bottom)]);
        for (&tick, label) in self.x.ticks.iter().zip(self.x.short_labels()) {
            let across = self.across(tick);
            canvas.line("axis", &[(across, bottom), (across, bottom + 5.0)]);
            canvas.text("tick", (across, bottom + 21.0), Anchor::Middle, label);
        }
        if x_label.is_empty() {
            return bottom + 26.0;
        }
        let label = fitted(x_label, FONT_SIZE, WIDTH);
        // Centred below the plot, unless it is so long that it would leave the chart.
        let half = room(&label, FONT_SIZE) / 2.0;
        let middle = ((left + right) / 2.0).clamp(half, WIDTH - half);
        canvas.text("tick", (middle, bottom + 44.0), Anchor::Middle, label);
        bottom + 50.0
    }
}

/// What the axes must reach: points, intervals and references.
fn values(chart: &LineChart) -> (Vec<f64>, Vec<f64>) {
    let points = || chart.series.iter().flat_map(|series| chart.shown(series));
    let mut xs: Vec<f64> = points().map(|point| point.x).collect();
    let mut ys: Vec<f64> = points().flat_map(|point| [Some(point.y), point.low, point.high]).flatten().collect();
    for reference in &chart.references {
        match reference.at {
            At::X(x) => xs.push(x),
            At::Y(y) => ys.push(y),
        }
    }
    (xs, ys)
}
