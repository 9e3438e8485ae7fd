//! A drawing as SVG text.

use std::fmt::Write as _;

use crate::canvas::{Anchor, Canvas, Chart, Element, MARGIN, STYLE, Squares};
use crate::escape::escape;

impl Chart {
    /// For a page that has [`STYLE`].
    pub fn inline(&self) -> String {
        element(self, "", "", 0.0)
    }

    /// For a file.
    pub fn standalone(&self) -> String {
        self.standalone_with("")
    }

    /// For a file, with more style.
    pub(crate) fn standalone_with(&self, style: &str) -> String {
        let mut page = Canvas::default();
        page.rect("page", (-MARGIN, -MARGIN), (self.width + 2.0 * MARGIN, self.height + 2.0 * MARGIN));
        let style = format!("<style>{STYLE}{style}</style>\n{}", elements(&page));
        element(self, " xmlns=\"http://www.w3.org/2000/svg\"", &style, MARGIN) + "\n"
    }
}

/// The whole drawing, with a margin on each side; `style` comes before what is painted.
fn element(chart: &Chart, attributes: &str, style: &str, margin: f64) -> String {
    let [from, width, height] = [-margin, chart.width + 2.0 * margin, chart.height + 2.0 * margin].map(number);
    format!(
        "<svg class=\"chart\"{attributes} width=\"{width}\" height=\"{height}\" viewBox=\"{from} {from} {width} \
         {height}\" role=\"img\" aria-label=\"{}\">{style}{}</svg>",
        escape(&chart.title),
        elements(&chart.canvas)
    )
}

/// A line for each element.
fn elements(canvas: &Canvas) -> String {
    let mut svg = String::new();
    for element in &canvas.0 {
        write(&mut svg, element);
    }
    svg
}

fn write(svg: &mut String, element: &Element) {
    // Nothing that is written to a string fails.
    let _ = match element {
        Element::Text { class, at: (x, y), anchor, upward, text } => {
            let ([x, y], text) = ([*x, *y].map(number), escape(text));
            let anchor = match anchor {
                Anchor::Start => "",
                Anchor::Middle => " text-anchor=\"middle\"",
                Anchor::End => " text-anchor=\"end\"",
            };
            let turn = if *upward { format!(" transform=\"rotate(-90 {x} {y})\"") } else { String::new() };
            writeln!(svg, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\"{anchor}{turn}>{text}</text>")
        }
        Element::Rect { class, at: (x, y), size: (width, height) } => {
            let [x, y, width, height] = [*x, *y, *width, *height].map(number);
            writeln!(svg, "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>")
        }
        Element::Circle { class, at: (x, y), radius } => {
            let [x, y, radius] = [*x, *y, *radius].map(number);
            writeln!(svg, "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"/>")
        }
        Element::Line { class, points } => {
            let mut d = String::new();
            for (i, &(x, y)) in points.iter().enumerate() {
                let _ = write!(d, "{}{} {}", if i == 0 { 'M' } else { 'L' }, number(x), number(y));
            }
            writeln!(svg, "<path class=\"{class}\" d=\"{d}\"/>")
        }
        Element::Squares(squares) => write_squares(svg, squares),
        Element::Moved { x, canvas } => {
            writeln!(svg, "<g transform=\"translate({} 0)\">{}</g>", number(*x), elements(canvas))
        }
    };
}

/// One path, in units of cells.
fn write_squares(svg: &mut String, squares: &Squares) -> std::fmt::Result {
    let Squares { class, at: (x, y), step, side, opacity, cells } = squares;
    let [x, y, side] = [*x, *y, *side].map(number);
    let place = format!("translate({x} {y})scale({step:.4})");
    let squares: String = cells.iter().map(|(x, y)| format!("M{x} {y}h{side}v{side}h-{side}z")).collect();
    writeln!(svg, "<path class=\"{class}\" transform=\"{place}\" fill-opacity=\"{opacity}\" d=\"{squares}\"/>")
}

/// At most one decimal: a tenth of a pixel is seen by nobody, and files stay small.
pub fn number(value: f64) -> String {
    let tenths = (value * 10.0).round() / 10.0;
    // Adding 0 turns -0 into 0.
    format!("{}", tenths + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!([0.04, -0.04, 12.0, 2.6499, -7.25].map(number), ["0", "0", "12", "2.6", "-7.3"]);
    }

    #[test]
    fn squares_are_one_path() {
        let mut canvas = Canvas::default();
        let squares = Squares {
            class: "right",
            at: (36.7, 30.0),
            step: 31.0,
            side: 1.0,
            opacity: 0.5,
            cells: vec![(0, 0), (2, 1)],
        };
        canvas.squares(squares.clone());
        canvas.squares(Squares { cells: vec![], ..squares });
        assert_eq!(
            elements(&canvas),
            "<path class=\"right\" transform=\"translate(36.7 30)scale(31.0000)\" fill-opacity=\"0.5\" \
             d=\"M0 0h1v1h-1zM2 1h1v1h-1z\"/>\n"
        );
    }
}
