use std::fmt::Display;

/// The colours of a chart, light and dark, and its lines. The page uses the same.
pub const STYLE: &str = include_str!("chart.css");

/// Around the drawing of a file.
pub(crate) const MARGIN: f64 = 12.0;

/// A drawing that is a part of a page or a file of its own.
#[derive(Clone, Debug)]
pub struct Chart {
    /// What a screen reader says; the drawing has its own.
    pub title: String,
    /// In pixels, without the margin of a file.
    pub width: f64,
    /// In pixels, without the margin of a file.
    pub height: f64,
    /// What is drawn, from (0, 0) at the top left.
    pub canvas: Canvas,
}

impl Chart {
    /// Several in one, from left to right; nothing of nothing.
    pub fn beside(title: &str, charts: &[Self]) -> Option<Self> {
        const GAP: f64 = 24.0;
        let height = charts.iter().map(|chart| chart.height).reduce(f64::max)?;
        let mut canvas = Canvas::default();
        let mut x = 0.0;
        for chart in charts {
            canvas.0.push(Element::Moved { x, canvas: chart.canvas.clone() });
            x += chart.width + GAP;
        }
        Some(Self { title: title.to_owned(), width: x - GAP, height, canvas })
    }
}

/// Where a text stands relative to its point.
#[derive(Clone, Copy, Debug)]
pub enum Anchor {
    /// To the right of it.
    Start,
    /// Centred on it.
    Middle,
    /// To the left of it.
    End,
}

/// The elements of a drawing, in the order in which they are painted.
///
/// Texts are escaped. Classes are written as they are, so they must not come from a user.
#[derive(Clone, Debug, Default)]
pub struct Canvas(pub(crate) Vec<Element>);

/// One thing that is painted; its class says how.
#[derive(Clone, Debug)]
pub(crate) enum Element {
    Text {
        class: String,
        at: (f64, f64),
        anchor: Anchor,
        upward: bool,
        text: String,
    },
    Rect {
        class: String,
        at: (f64, f64),
        size: (f64, f64),
    },
    Circle {
        class: String,
        at: (f64, f64),
        radius: f64,
    },
    Line {
        class: String,
        points: Vec<(f64, f64)>,
    },
    Squares(Squares),
    /// To the right of where it would be.
    Moved {
        x: f64,
        canvas: Canvas,
    },
}

/// Squares of one look on a grid, such as the cells of a matrix.
#[derive(Clone, Debug)]
pub struct Squares {
    /// What their colour comes from.
    pub class: &'static str,
    /// The top left corner of the grid.
    pub at: (f64, f64),
    /// From the edge of a cell to that of the next.
    pub step: f64,
    /// Of a square, in cells.
    pub side: f64,
    /// From 0 to 1.
    pub opacity: f64,
    /// Column and row of each.
    pub cells: Vec<(usize, usize)>,
}

impl Canvas {
    /// A line of text; `y` is its base line.
    pub fn text(&mut self, class: &str, at: (f64, f64), anchor: Anchor, text: impl Display) {
        let (class, text) = (class.to_owned(), text.to_string());
        self.0.push(Element::Text { class, at, anchor, upward: false, text });
    }

    /// A text that reads from bottom to top.
    pub fn upward_text(&mut self, class: &str, at: (f64, f64), anchor: Anchor, text: impl Display) {
        let (class, text) = (class.to_owned(), text.to_string());
        self.0.push(Element::Text { class, at, anchor, upward: true, text });
    }

    /// A rectangle by its top left corner and its size.
    pub fn rect(&mut self, class: &str, at: (f64, f64), size: (f64, f64)) {
        self.0.push(Element::Rect { class: class.to_owned(), at, size });
    }

    /// A circle around a point.
    pub fn circle(&mut self, class: &str, at: (f64, f64), radius: f64) {
        self.0.push(Element::Circle { class: class.to_owned(), at, radius });
    }

    /// Straight lines from point to point; nothing for no points.
    pub fn line(&mut self, class: &str, points: &[(f64, f64)]) {
        if !points.is_empty() {
            self.0.push(Element::Line { class: class.to_owned(), points: points.to_vec() });
        }
    }

    /// Squares on a grid; nothing for no cells.
    pub fn squares(&mut self, squares: Squares) {
        if !squares.cells.is_empty() {
            self.0.push(Element::Squares(squares));
        }
    }
}

/// About as wide as a text is in the font of the charts, whose size in pixels is given.
pub fn text_width(text: &str, font_size: f64) -> f64 {
    0.56 * font_size * text.chars().count() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_stand_beside_each_other() {
        let chart = |width| Chart { title: String::new(), width, height: width / 2.0, canvas: Canvas::default() };
        let both = Chart::beside("both", &[chart(100.0), chart(60.0)]).unwrap();
        assert_eq!((both.width, both.height), (184.0, 50.0));
        assert!(both.inline().contains("translate(124 0)"));
        assert!(Chart::beside("none", &[]).is_none());
    }
}
