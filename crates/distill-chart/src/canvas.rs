use std::fmt::{Display, Write as _};

use crate::escape::escape;

/// The colours of a chart, light and dark, and its lines. The page uses the same.
pub const STYLE: &str = include_str!("chart.css");

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
    /// For a page that has [`STYLE`].
    pub fn inline(&self) -> String {
        self.element("", "", 0.0)
    }

    /// For a file.
    pub fn standalone(&self) -> String {
        self.standalone_with("")
    }

    /// For a file, with more style.
    pub(crate) fn standalone_with(&self, style: &str) -> String {
        const MARGIN: f64 = 12.0;
        let mut page = Canvas::default();
        page.rect("page", (-MARGIN, -MARGIN), (self.width + 2.0 * MARGIN, self.height + 2.0 * MARGIN));
        let style = format!("<style>{STYLE}{style}</style>\n{}", page.0);
        self.element(" xmlns=\"http://www.w3.org/2000/svg\"", &style, MARGIN) + "\n"
    }

    fn element(&self, attributes: &str, style: &str, margin: f64) -> String {
        let [from, width, height] = [-margin, self.width + 2.0 * margin, self.height + 2.0 * margin].map(number);
        format!(
            "<svg class=\"chart\"{attributes} width=\"{width}\" height=\"{height}\" viewBox=\"{from} {from} {width} \
             {height}\" role=\"img\" aria-label=\"{}\">{style}{}</svg>",
            escape(&self.title),
            self.canvas.0
        )
    }

    /// Several in one, from left to right; nothing of nothing.
    pub fn beside(title: &str, charts: &[Self]) -> Option<Self> {
        const GAP: f64 = 24.0;
        let height = charts.iter().map(|chart| chart.height).reduce(f64::max)?;
        let mut canvas = Canvas::default();
        let mut x = 0.0;
        for chart in charts {
            let _ = writeln!(canvas.0, "<g transform=\"translate({} 0)\">{}</g>", number(x), chart.canvas.0);
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
/// Texts are escaped. Classes, attributes and paths are written as they are, so they must not come from a user.
#[derive(Clone, Debug, Default)]
pub struct Canvas(String);

impl Canvas {
    /// A line of text; `y` is its base line.
    pub fn text(&mut self, class: &str, (x, y): (f64, f64), anchor: Anchor, text: impl Display) {
        self.turned_text(class, (x, y), anchor, "", text);
    }

    /// A text that reads from bottom to top.
    pub fn upward_text(&mut self, class: &str, (x, y): (f64, f64), anchor: Anchor, text: impl Display) {
        let turn = format!(" transform=\"rotate(-90 {} {})\"", number(x), number(y));
        self.turned_text(class, (x, y), anchor, &turn, text);
    }

    fn turned_text(&mut self, class: &str, (x, y): (f64, f64), anchor: Anchor, turn: &str, text: impl Display) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let text = escape(&text.to_string());
        let _ = writeln!(
            self.0,
            "<text class=\"{class}\" x=\"{}\" y=\"{}\"{anchor}{turn}>{text}</text>",
            number(x),
            number(y)
        );
    }

    /// A rectangle by its top left corner and its size.
    pub fn rect(&mut self, class: &str, (x, y): (f64, f64), (width, height): (f64, f64)) {
        let [x, y, width, height] = [x, y, width, height].map(number);
        let _ = writeln!(self.0, "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>");
    }

    /// A circle around a point.
    pub fn circle(&mut self, class: &str, (x, y): (f64, f64), radius: f64) {
        let [x, y, radius] = [x, y, radius].map(number);
        let _ = writeln!(self.0, "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"/>");
    }

    /// Straight lines from point to point.
    pub fn line(&mut self, class: &str, points: &[(f64, f64)]) {
        let mut d = String::new();
        for (i, &(x, y)) in points.iter().enumerate() {
            let _ = write!(d, "{}{} {}", if i == 0 { 'M' } else { 'L' }, number(x), number(y));
        }
        self.path(class, "", &d);
    }

    /// A path in its own coordinates.
    pub fn path(&mut self, class: &str, attributes: &str, d: &str) {
        if !d.is_empty() {
            let _ = writeln!(self.0, "<path class=\"{class}\"{attributes} d=\"{d}\"/>");
        }
    }
}

/// At most one decimal: a tenth of a pixel is seen by nobody, and files stay small.
pub fn number(value: f64) -> String {
    let tenths = (value * 10.0).round() / 10.0;
    // Adding 0 turns -0 into 0.
    format!("{}", tenths + 0.0)
}

/// About as wide as a text is in the font of the charts, whose size in pixels is given.
pub fn text_width(text: &str, font_size: f64) -> f64 {
    0.56 * font_size * text.chars().count() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!([0.04, -0.04, 12.0, 2.6499, -7.25].map(number), ["0", "0", "12", "2.6", "-7.3"]);
    }

    #[test]
    fn charts_stand_beside_each_other() {
        let chart = |width| Chart { title: String::new(), width, height: width / 2.0, canvas: Canvas::default() };
        let both = Chart::beside("both", &[chart(100.0), chart(60.0)]).unwrap();
        assert_eq!((both.width, both.height), (184.0, 50.0));
        assert!(both.canvas.0.contains("translate(124 0)"));
        assert!(Chart::beside("none", &[]).is_none());
    }
}
