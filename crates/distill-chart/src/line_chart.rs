use crate::scale::Scale;

/// Lines over a quantity, with markers, intervals and reference lines.
///
/// About ten series can be told apart. Texts that are too long are cut.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LineChart {
    /// Above the chart, in up to three lines.
    pub title: String,
    /// The horizontal quantity and its unit.
    pub x_label: String,
    /// The vertical quantity and its unit.
    pub y_label: String,
    /// Of the horizontal axis.
    pub x_scale: Scale,
    /// Of the vertical axis.
    pub y_scale: Scale,
    /// In the order of the legend; later ones are drawn over earlier ones.
    pub series: Vec<Series>,
    /// Lines from edge to edge.
    pub references: Vec<Reference>,
}

/// Points that belong together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// In the legend; an empty one is not there.
    pub name: String,
    /// Joined by a line in this order, past points that cannot be shown.
    pub points: Vec<Point>,
}

/// A value and, where it is known, its interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// The horizontal coordinate.
    pub x: f64,
    /// The vertical coordinate.
    pub y: f64,
    /// The lower end of the interval of `y`.
    pub low: Option<f64>,
    /// The upper end of the interval of `y`.
    pub high: Option<f64>,
}

impl From<(f64, f64)> for Point {
    /// The point `(x, y)` without an interval.
    fn from((x, y): (f64, f64)) -> Self {
        Self { x, y, low: None, high: None }
    }
}

/// A line from edge to edge at a value to compare with. One without a place on its axis is left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// Where it is.
    pub at: At,
    /// Beside the line, if it is not empty.
    pub label: String,
}

/// The value of a [`Reference`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum At {
    /// A vertical line.
    X(f64),
    /// A horizontal line.
    Y(f64),
}

impl LineChart {
    /// The points that have a place on both axes.
    pub(crate) fn shown<'s>(&self, series: &'s Series) -> impl Iterator<Item = &'s Point> {
        let (x, y) = (self.x_scale, self.y_scale);
        series.points.iter().filter(move |point| x.shows(point.x) && y.shows(point.y))
    }
}
