//! A line chart as a drawing.

use crate::canvas::{Anchor, Canvas, Chart};
use crate::frame::{FONT_SIZE, Frame, WIDTH};
use crate::line_chart::{LineChart, Series};
use crate::marker::{colour, marker};
use crate::reference;
use crate::scale::Scale;
use crate::text::{fitted, room, wrapped};

const TITLE_SIZE: f64 = 16.0;
/// The colours of the series.
const SERIES_STYLE: &str = include_str!("series.css");

impl LineChart {
    /// The chart as an SVG file, for light and dark pages.
    ///
    /// Points that are not finite, or not positive on a logarithmic axis, are left out; so are numbers beyond 1e250.
    pub fn svg(&self) -> String {
        self.chart().standalone_with(SERIES_STYLE)
    }

    /// The same as a PNG, as [`Chart::png`] makes it.
    #[cfg(feature = "png")]
    pub fn png(&self) -> Option<Vec<u8>> {
        self.chart().png_with(SERIES_STYLE)
    }

    fn chart(&self) -> Chart {
        let mut canvas = Canvas::default();
        let top = self.header(&mut canvas);
        let frame = Frame::fit(self, top);
        let height = frame.draw(&mut canvas, &self.x_label);
        reference::lines(&mut canvas, &frame, self);
        for (i, series) in self.series.iter().enumerate() {
            self.intervals(&mut canvas, &frame, i, series);
        }
        for (i, series) in self.series.iter().enumerate() {
            let points = frame.path(self, series);
            if points.len() > 1 {
                canvas.line(&format!("curve {}", colour(i)), &points);
            }
            for point in marked(&points) {
                marker(&mut canvas, i, point);
            }
        }
        reference::labels(&mut canvas, &frame, self);
        let title = if self.title.is_empty() { &self.y_label } else { &self.title };
        Chart { title: title.clone(), width: WIDTH, height, canvas }
    }

    /// Title, legend and the name of the vertical axis, one below the other. Answers where the plot begins.
    fn header(&self, canvas: &mut Canvas) -> f64 {
        let mut y = 0.0;
        // The title is bold, which is wider.
        for line in wrapped(&self.title, 1.15 * TITLE_SIZE, WIDTH, 3) {
            y += 20.0;
            canvas.text("title", (0.0, y - 4.0), Anchor::Start, line);
        }
        y = legend(canvas, &self.series, y + 6.0);
        if !self.y_label.is_empty() {
            y += 28.0;
            canvas.text("tick", (0.0, y - 6.0), Anchor::Start, fitted(&self.y_label, FONT_SIZE, WIDTH));
        }
        y + 12.0
    }

    /// A bar from end to end, with a cap where the end is in the chart.
    fn intervals(&self, canvas: &mut Canvas, frame: &Frame, i: usize, series: &Series) {
        const CAP: f64 = 4.0;
        let class = format!("interval {}", colour(i));
        for point in self.shown(series) {
            let x = frame.across(point.x);
            for end in [point.low, point.high].into_iter().flatten().filter(|end| !end.is_nan()) {
                let is_inside = self.y_scale.shows(end);
                // What has no logarithm is below all that has one.
                let end = if self.y_scale == Scale::Log { end.max(f64::MIN_POSITIVE) } else { end };
                let y = frame.up(end);
                canvas.line(&class, &[(x, frame.up(point.y)), (x, y)]);
                if is_inside {
                    canvas.line(&class, &[(x - CAP, y), (x + CAP, y)]);
                }
            }
        }
    }
}

/// One entry for each series that has a name, in columns. Answers where it ends.
fn legend(canvas: &mut Canvas, series: &[Series], top: f64) -> f64 {
    const SAMPLE: f64 = 30.0;
    const NAME: f64 = SAMPLE + 7.0;
    const GAP: f64 = 20.0;
    const ROW: f64 = 22.0;
    let named = series.iter().enumerate().filter(|(_, series)| !series.name.trim().is_empty());
    let entries: Vec<(usize, String)> =
        named.map(|(i, series)| (i, fitted(series.name.trim(), FONT_SIZE, WIDTH - NAME))).collect();
    let column = entries.iter().map(|(_, name)| NAME + room(name, FONT_SIZE) + GAP).fold(0.0, f64::max);
    let n_columns = (1..=entries.len()).rev().find(|n| *n as f64 * column <= WIDTH + GAP).unwrap_or(1);
    for (at, (i, name)) in entries.iter().enumerate() {
        let (x, y) = ((at % n_columns) as f64 * column, top + (at / n_columns) as f64 * ROW + ROW / 2.0);
        canvas.line(&format!("curve {}", colour(*i)), &[(x + 1.0, y), (x + SAMPLE - 1.0, y)]);
        marker(canvas, *i, (x + SAMPLE / 2.0, y));
        canvas.text("name", (x + NAME, y + 5.0), Anchor::Start, name);
    }
    top + entries.len().div_ceil(n_columns) as f64 * ROW
}

/// The points of a path that get a marker: all, or where markers would touch, the last and some on the way to it.
fn marked(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    const TOUCHING: f64 = 11.0;
    const APART: f64 = 44.0;
    let distance = |a: (f64, f64), b: (f64, f64)| (a.0 - b.0).hypot(a.1 - b.1);
    let length: f64 = points.windows(2).map(|pair| distance(pair[0], pair[1])).sum();
    if length >= TOUCHING * points.len().saturating_sub(1) as f64 {
        return points.to_vec();
    }
    let mut marked: Vec<(f64, f64)> = Vec::new();
    for &point in points.iter().rev() {
        if marked.last().is_none_or(|&next| distance(point, next) >= APART) {
            marked.push(point);
        }
    }
    marked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line_chart::{At, Point, Reference};

    fn series(points: &[Point]) -> Vec<Series> {
        vec![Series { name: "student".to_owned(), points: points.to_vec() }]
    }

    fn count(svg: &str, class: &str) -> usize {
        svg.matches(&format!(" class=\"{class}")).count()
    }

    /// The numbers of all coordinates.
    fn coordinates(svg: &str) -> Vec<f64> {
        let names = [" x=\"", " y=\"", " cx=\"", " cy=\"", " d=\""];
        let values = names.iter().flat_map(|name| svg.split(name).skip(1)).map(|rest| rest.split('"').next().unwrap());
        values
            .flat_map(|value| value.split(['M', 'L', ' ']))
            .filter(|n| !n.is_empty())
            .map(|n| n.parse().unwrap())
            .collect()
    }

    #[track_caller]
    fn assert_inside(svg: &str) {
        let height: f64 = svg.split(" height=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
        for n in coordinates(svg) {
            assert!((-12.0..=height.max(WIDTH)).contains(&n), "{n}");
        }
    }

    #[test]
    fn a_chart_has_its_texts_line_and_markers() {
        let chart = LineChart {
            title: "Errors".into(),
            x_label: "width".into(),
            y_label: "errors of 10,000".into(),
            series: series(&[(1.0, 4.0).into(), (2.0, 3.0).into(), (3.0, 2.0).into()]),
            ..LineChart::default()
        };
        let svg = chart.svg();
        for text in [">Errors<", ">width<", ">errors of 10,000<", ">student<", "aria-label=\"Errors\"", "xmlns="] {
            assert!(svg.contains(text), "no {text}");
        }
        // One more of each is in the legend.
        assert_eq!([count(&svg, "curve c0"), count(&svg, "full c0"), count(&svg, "interval")], [2, 4, 0]);
        assert_inside(&svg);
    }

    #[test]
    fn degenerate_charts_are_charts() {
        let points: [&[(f64, f64)]; 6] = [
            &[],
            &[(5.0, 5.0)],
            &[(5.0, 5.0), (5.0, 5.0)],
            &[(0.0, 0.0)],
            &[(1e-250, 1e250), (1e250, 1e-250)],
            &[(f64::NAN, 1.0), (1.0, f64::INFINITY), (f64::MAX, 1.0), (-1.0, -1.0)],
        ];
        for points in points {
            for (x_scale, y_scale) in [(Scale::Linear, Scale::Log), (Scale::Log, Scale::Linear)] {
                let points: Vec<Point> = points.iter().map(|point| (*point).into()).collect();
                let svg = LineChart { x_scale, y_scale, series: series(&points), ..LineChart::default() }.svg();
                assert_inside(&svg);
                assert!(count(&svg, "axis") >= 3 && count(&svg, "grid") >= 2 && count(&svg, "tick") >= 4, "{svg}");
            }
        }
        assert!(LineChart::default().svg().ends_with("</svg>\n"));
    }

    #[test]
    fn points_without_a_place_are_left_out() {
        let points = [(1.0, 1.0), (2.0, f64::NAN), (3.0, 0.0), (-4.0, 2.0), (5.0, f64::INFINITY), (6.0, 6.0)];
        let points = points.map(Point::from);
        let markers = |x_scale, y_scale| {
            let chart = LineChart { x_scale, y_scale, series: series(&points), ..LineChart::default() };
            count(&chart.svg(), "full c0") - 1
        };
        assert_eq!(markers(Scale::Linear, Scale::Linear), 4);
        assert_eq!(markers(Scale::Linear, Scale::Log), 3);
        assert_eq!(markers(Scale::Log, Scale::Log), 2);
    }

    #[test]
    fn intervals_end_with_a_cap_or_at_the_edge() {
        let interval = |low, high| {
            let points = [Point { x: 1.0, y: 10.0, low, high }, Point::from((2.0, 20.0))];
            let svg = LineChart { y_scale: Scale::Log, series: series(&points), ..LineChart::default() }.svg();
            assert_inside(&svg);
            count(&svg, "interval c0")
        };
        assert_eq!(interval(Some(8.0), Some(13.0)), 4);
        assert_eq!(interval(None, Some(13.0)), 2);
        assert_eq!(interval(Some(-1.0), Some(f64::INFINITY)), 2);
        assert_eq!(interval(Some(f64::NAN), None), 0);
    }

    #[test]
    fn axes_reach_the_ends_of_intervals() {
        let points = [Point { x: 1.0, y: 10.0, low: None, high: Some(95.0) }];
        assert!(LineChart { series: series(&points), ..LineChart::default() }.svg().contains(">100<"));
    }

    #[test]
    fn nothing_of_a_text_is_markup() {
        const HOSTILE: &str = "</text><script>\"&'\u{0}";
        let chart = LineChart {
            title: HOSTILE.into(),
            x_label: HOSTILE.into(),
            y_label: HOSTILE.into(),
            series: vec![Series { name: HOSTILE.into(), points: vec![(1.0, 1.0).into()] }],
            references: vec![Reference { at: At::Y(1.0), label: HOSTILE.into() }],
            ..LineChart::default()
        };
        let svg = chart.svg();
        assert_eq!(svg.matches("&lt;/text&gt;&lt;script&gt;&quot;&amp;&#39;\u{fffd}").count(), 6);
        assert!(!svg.contains("<script") && !svg.contains('\0'));
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
    }

    #[test]
    fn no_label_touches_another_or_the_edge() {
        for high in [1.0, 1e3, 123_456.0, 1e9, 1.000_000_01, 1e-7, 1e200] {
            for scale in [Scale::Linear, Scale::Log] {
                for low in [high * 0.3, high * 0.999_999_5, high * 1e-6] {
                    let points = [(low, low), (high, high)].map(Point::from);
                    let chart =
                        LineChart { x_scale: scale, y_scale: scale, series: series(&points), ..LineChart::default() };
                    let svg = chart.svg();
                    let ticks = svg.split("<text class=\"tick\"").skip(1).filter(|text| text.contains("middle"));
                    let mut last = -12.0;
                    for tick in ticks {
                        let x: f64 = tick.split('"').nth(1).unwrap().parse().unwrap();
                        let half = room(tick.split(['>', '<']).nth(1).unwrap(), FONT_SIZE) / 2.0;
                        assert!(x - half >= last && x + half <= WIDTH + 12.0, "{low} to {high}, {scale:?}: {tick:.80}");
                        last = x + half + 5.0;
                    }
                }
            }
        }
    }

    #[test]
    fn crowded_markers_are_thinned() {
        let points = |n: i32| (0..n).map(|i| (f64::from(i), 0.0)).collect::<Vec<_>>();
        assert_eq!(marked(&points(1)).len(), 1);
        assert_eq!(marked(&points(441)).len(), 11);
        assert_eq!(marked(&points(441))[0], (440.0, 0.0));
        let apart: Vec<_> = points(20).iter().map(|(x, y)| (20.0 * x, *y)).collect();
        assert_eq!(marked(&apart), apart);
    }

    #[test]
    fn names_that_are_long_have_a_row_of_their_own() {
        let height = |name: &str| {
            let series = vec![Series { name: name.to_owned(), points: Vec::new() }; 4];
            legend(&mut Canvas::default(), &series, 0.0)
        };
        assert_eq!(height(""), 0.0);
        assert_eq!(height("a"), 22.0);
        assert_eq!(height("a student of two layers"), 44.0);
        assert_eq!(height(&"long ".repeat(50)), 88.0);
    }
}
