//! A file that this crate has written, read again and painted.

use crate::canvas::{Anchor, Canvas, Chart, Element, MARGIN};
use crate::paint::png;
use crate::sheet::Sheet;

/// The PNG of a [`LineChart`](crate::LineChart) of which only the SVG is left, with the look that the SVG has. See
/// [`Chart::png`].
///
/// This is not a reader of SVG: it knows what [`LineChart::svg`](crate::LineChart::svg) writes, and returns nothing for
/// any other text.
pub fn png_of_svg(svg: &str) -> Option<Vec<u8>> {
    let (chart, style) = read(svg)?;
    png(&chart, &Sheet::parse(&[style]))
}

/// The drawing and the style sheet of a file.
fn read(svg: &str) -> Option<(Chart, &str)> {
    let (head, rest) = svg.strip_prefix("<svg class=\"chart\"")?.split_once("><style>")?;
    let (style, rest) = rest.split_once("</style>\n")?;
    let mut elements = rest.strip_suffix("</svg>\n")?.lines();
    // The page is painted in any case.
    elements.next()?.strip_prefix("<rect class=\"page\"")?;
    let canvas = Canvas(elements.map(element).collect::<Option<_>>()?);
    let [width, height] = [number(head, "width")?, number(head, "height")?].map(|side| side - 2.0 * MARGIN);
    Some((Chart { title: text(attribute(head, "aria-label")?)?, width, height, canvas }, style))
}

/// One line of a file: a text, a circle, or lines from point to point.
fn element(line: &str) -> Option<Element> {
    let (tag, rest) = line.strip_prefix('<')?.split_once(' ')?;
    let (head, rest) = rest.split_once('>')?;
    let class = attribute(head, "class")?.to_owned();
    match tag {
        "text" => {
            let anchor = match attribute(head, "text-anchor") {
                None => Anchor::Start,
                Some("middle") => Anchor::Middle,
                Some("end") => Anchor::End,
                Some(_) => return None,
            };
            let at = (number(head, "x")?, number(head, "y")?);
            let upward = attribute(head, "transform").is_some();
            Some(Element::Text { class, at, anchor, upward, text: text(rest.strip_suffix("</text>")?)? })
        }
        "circle" => {
            let at = (number(head, "cx")?, number(head, "cy")?);
            Some(Element::Circle { class, at, radius: number(head, "r")? })
        }
        "path" if attribute(head, "transform").is_none() => {
            let points = attribute(head, "d")?.strip_prefix('M')?.split('L');
            let point = |point: &str| {
                let (x, y) = point.split_once(' ')?;
                Some((finite(x)?, finite(y)?))
            };
            Some(Element::Line { class, points: points.map(point).collect::<Option<_>>()? })
        }
        _ => None,
    }
}

fn attribute<'s>(head: &'s str, name: &str) -> Option<&'s str> {
    let mut parts = head.split('"');
    while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
        if key.trim_start().strip_suffix('=') == Some(name) {
            return Some(value);
        }
    }
    None
}

fn number(head: &str, name: &str) -> Option<f64> {
    finite(attribute(head, name)?)
}

fn finite(number: &str) -> Option<f64> {
    number.parse().ok().filter(|number: &f64| number.is_finite())
}

/// What [`escape`](crate::escape) made of a text, as it was.
fn text(escaped: &str) -> Option<String> {
    let mut parts = escaped.split('&');
    let mut text = parts.next()?.to_owned();
    for part in parts {
        let (name, rest) = part.split_once(';')?;
        text.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#39" => '\'',
            _ => return None,
        });
        text += rest;
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{At, LineChart, Point, Reference, Scale, Series};

    fn chart() -> LineChart {
        let points = |from: f64| -> Vec<Point> {
            let point = |i: f64| Point { x: i, y: from / i, low: Some(from / i - 0.5), high: Some(from / i + 1.0) };
            [1.0, 2.0, 4.0, 8.0].map(point).into()
        };
        let series = (0..10).map(|i| Series { name: format!("<{i}> & \"more\""), points: points(3.0 + f64::from(i)) });
        LineChart {
            title: "Errors 'of' all".to_owned(),
            x_label: "units".to_owned(),
            y_label: "errors".to_owned(),
            x_scale: Scale::Log,
            series: series.collect(),
            references: vec![Reference { at: At::Y(4.0), label: "a & b".to_owned() }],
            ..LineChart::default()
        }
    }

    /// Red, green and blue of each pixel.
    fn pixels(png: &[u8]) -> Vec<u8> {
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let svg = chart().svg();
        let (read, style) = read(&svg).unwrap();
        assert_eq!(read.standalone_with(style.strip_prefix(crate::STYLE).unwrap()), svg);
    }

    #[test]
    fn the_picture_is_that_of_the_chart_but_for_a_tenth_of_a_pixel() {
        let (own, again) = (pixels(&chart().png().unwrap()), pixels(&png_of_svg(&chart().svg()).unwrap()));
        assert_eq!(own.len(), again.len());
        let differ = |by: u8| own.iter().zip(&again).filter(|(a, b)| a.abs_diff(**b) > by).count();
        let [some, much] = [16, 128].map(differ);
        assert!(some * 50 < own.len() && much * 1000 < own.len(), "{some} and {much} of {}", own.len());
    }

    #[test]
    fn any_other_text_has_no_picture() {
        let svg = chart().svg();
        let changed = |from: &str, to: &str| {
            assert!(svg.contains(from), "{from}");
            svg.replacen(from, to, 1)
        };
        for other in [
            String::new(),
            svg.trim_end().to_owned(),
            changed("<svg class", "<svg id"),
            changed("<circle", "<ellipse"),
            changed(" cx=\"", " cy=\""),
            changed("d=\"M", "d=\"N"),
            changed("</style>\n", "</style>\n<g>"),
            changed(" r=\"4.5\"", " r=\"NaN\""),
            changed("&lt;", "&less;"),
            changed("text-anchor=\"end\"", "text-anchor=\"far\""),
            changed(" width=\"", " width=\"9999999"),
        ] {
            assert_eq!(png_of_svg(&other), None, "{other:.200}");
        }
        for end in (0..svg.len()).filter(|&end| svg.is_char_boundary(end)) {
            assert!(read(&svg[..end]).is_none(), "{end}");
        }
    }
}
