use crate::canvas::{Anchor, Canvas};
use crate::frame::{FONT_SIZE, Frame};
use crate::line_chart::{At, LineChart, Reference};
use crate::text::{fitted, room};

/// Left, top, right and bottom of a label.
type Area = [f64; 4];

/// The lines alone, as the curves are painted over them.
pub(crate) fn lines(canvas: &mut Canvas, frame: &Frame, chart: &LineChart) {
    for (_, line) in shown(chart, frame) {
        canvas.line("reference", &line);
    }
}

/// The labels, each where it covers the least of the curves and no other label.
pub(crate) fn labels(canvas: &mut Canvas, frame: &Frame, chart: &LineChart) {
    let mut dots: Vec<(f64, f64)> = Vec::new();
    for (_, line) in shown(chart, frame) {
        sample(&line, &mut dots);
    }
    for series in &chart.series {
        sample(&frame.path(chart, series), &mut dots);
    }
    let mut taken: Vec<Area> = Vec::new();
    for (reference, line) in shown(chart, frame) {
        if reference.label.trim().is_empty() {
            continue;
        }
        // So short that there is a place on one side of a vertical line.
        let (x, _) = line[0];
        let widest = (x - frame.left).max(frame.right - x);
        let label = fitted(reference.label.trim(), FONT_SIZE, widest - 2.0 * GAP);
        let width = room(&label, FONT_SIZE);
        let areas =
            places(frame, reference.at, line[0]).into_iter().map(|(x, y, side)| (area(x, y, side, width), x, y, side));
        let inside = areas.filter(|(area, ..)| area[0] >= frame.left && area[2] <= frame.right);
        let cost = |area: &Area| {
            let covered = dots.iter().filter(|dot| covers(area, **dot)).count();
            let collisions = taken.iter().filter(|other| overlap(area, other)).count();
            (collisions, covered)
        };
        if let Some((area, x, y, side)) = inside.min_by_key(|(area, ..)| cost(area)) {
            taken.push(area);
            canvas.text("note", (x, y), side, label);
        }
    }
}

const GAP: f64 = 7.0;
const ASCENT: f64 = 12.0;
const DESCENT: f64 = 4.0;

fn shown<'c>(chart: &'c LineChart, frame: &'c Frame) -> impl Iterator<Item = (&'c Reference, [(f64, f64); 2])> {
    chart.references.iter().filter_map(|reference| {
        let line = match reference.at {
            At::X(x) => chart.x_scale.shows(x).then(|| frame.across(x)).map(|x| [(x, frame.top), (x, frame.bottom)]),
            At::Y(y) => chart.y_scale.shows(y).then(|| frame.up(y)).map(|y| [(frame.left, y), (frame.right, y)]),
        };
        Some((reference, line?))
    })
}

/// Where a label may begin, end or have its middle, the best places first.
fn places(frame: &Frame, at: At, (line_x, line_y): (f64, f64)) -> Vec<(f64, f64, Anchor)> {
    let lowest = frame.bottom - DESCENT - 2.0;
    let highest = frame.top + ASCENT;
    match at {
        At::X(_) => {
            let n = ((lowest - highest) / (ASCENT + DESCENT + 2.0)) as usize;
            let heights = (0..=n).map(|i| highest + (lowest - highest) * i as f64 / n as f64);
            heights.flat_map(|y| [(line_x + GAP, y, Anchor::Start), (line_x - GAP, y, Anchor::End)]).collect()
        }
        At::Y(_) => {
            let heights = [line_y - DESCENT - 2.0, line_y + ASCENT + 3.0];
            let (left, right) = (frame.left + GAP, frame.right - GAP);
            let sides = [(right, Anchor::End), (left, Anchor::Start), ((left + right) / 2.0, Anchor::Middle)];
            let all = sides.into_iter().flat_map(|(x, side)| heights.map(|y| (x, y, side)));
            all.filter(|(_, y, _)| (highest..=lowest).contains(y)).collect()
        }
    }
}

fn area(x: f64, y: f64, side: Anchor, width: f64) -> Area {
    let left = match side {
        Anchor::Start => x,
        Anchor::Middle => x - width / 2.0,
        Anchor::End => x - width,
    };
    [left, y - ASCENT, left + width, y + DESCENT]
}

fn covers([left, top, right, bottom]: &Area, (x, y): (f64, f64)) -> bool {
    (*left..=*right).contains(&x) && (*top..=*bottom).contains(&y)
}

fn overlap(a: &Area, b: &Area) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

/// Adds points of a path that are near enough to tell what it crosses.
fn sample(path: &[(f64, f64)], dots: &mut Vec<(f64, f64)>) {
    const APART: f64 = 5.0;
    dots.extend(path.first());
    for pair in path.windows(2) {
        let [(x0, y0), (x1, y1)] = [pair[0], pair[1]];
        let n = ((x1 - x0).hypot(y1 - y0) / APART).ceil().max(1.0);
        let mut i = 0.0;
        while i < n {
            i += 1.0;
            dots.push((x0 + (x1 - x0) * i / n, y0 + (y1 - y0) * i / n));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line_chart::Series;

    /// The base lines of the labels in the order of the references, with the chart as text.
    fn drawn(references: &[(At, &str)], points: &[(f64, f64)]) -> (Vec<Area>, String) {
        let reference = |&(at, label): &(At, &str)| Reference { at, label: label.to_owned() };
        let points = points.iter().map(|point| (*point).into()).collect();
        let chart = LineChart {
            references: references.iter().map(reference).collect(),
            series: vec![Series { name: String::new(), points }],
            ..LineChart::default()
        };
        let svg = chart.svg();
        let area_of = |element: &str| {
            let value = |name: &str| element.split(&format!("{name}=\"")).nth(1)?.split('"').next();
            let [x, y] = ["x", "y"].map(|name| value(&format!(" {name}")).unwrap().parse().unwrap());
            let side = match value("text-anchor") {
                Some("end") => Anchor::End,
                Some("middle") => Anchor::Middle,
                _ => Anchor::Start,
            };
            let text = element.split(['>', '<']).nth(1).unwrap();
            area(x, y, side, room(text, FONT_SIZE))
        };
        (svg.split("<text class=\"note\"").skip(1).map(area_of).collect(), svg)
    }

    #[test]
    fn labels_keep_apart() {
        let near = [At::Y(5.0), At::Y(5.1), At::Y(5.2), At::X(3.0), At::X(3.1), At::X(3.2)].map(|at| (at, "a goal"));
        let (areas, _) = drawn(&near, &[(0.0, 0.0), (10.0, 10.0)]);
        assert_eq!(areas.len(), 6);
        for (i, a) in areas.iter().enumerate() {
            assert!(areas[..i].iter().all(|b| !overlap(a, b)), "{areas:?}");
        }
    }

    #[test]
    fn labels_avoid_the_curves() {
        let is_right = |points: &[(f64, f64)]| drawn(&[(At::Y(6.0), "a goal")], points).0[0][2] > 300.0;
        assert!(is_right(&[(0.0, 0.0), (5.0, 1.0), (10.0, 10.0)]));
        assert!(!is_right(&[(0.0, 0.0), (8.5, 6.6), (9.0, 5.4), (9.5, 6.6), (10.0, 5.4)]));
    }

    #[test]
    fn long_labels_stay_inside() {
        let long = "a label that is longer than the chart is wide, however one turns and looks at it";
        for at in [At::X(0.0), At::X(5.0), At::X(10.0), At::Y(0.0), At::Y(10.0)] {
            let (areas, svg) = drawn(&[(at, long)], &[(0.0, 0.0), (10.0, 10.0)]);
            assert_eq!(areas.len(), 1, "{at:?}");
            assert!(areas[0][0] >= 0.0 && areas[0][2] <= crate::frame::WIDTH, "{at:?}: {areas:?}");
            assert!(svg.contains("…<"));
        }
    }

    #[test]
    fn references_widen_the_axes_or_are_left_out() {
        let (_, wide) = drawn(&[(At::Y(40.0), "far")], &[(0.0, 1.0), (1.0, 2.0)]);
        assert!(wide.contains(">40<") && wide.contains(">far<"));
        let (areas, without) =
            drawn(&[(At::Y(f64::NAN), "no place"), (At::X(f64::INFINITY), "no place")], &[(0.0, 1.0)]);
        assert!(areas.is_empty() && !without.contains("class=\"reference\""));
        let (areas, silent) = drawn(&[(At::Y(1.0), " ")], &[(0.0, 1.0)]);
        assert!(areas.is_empty() && silent.contains("class=\"reference\""));
    }
}
