use distill_chart::{Anchor, Axis, Canvas, Chart, text_width};
use distill_train::Role;

use super::ends;
use super::numbers::mean;
use super::regression::predicts_numbers;
use distill_lab::summary::label;
use distill_lab::view::data::{Curve, CurvePoint, Report};

const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 300.0;
/// Between the edges of the chart and those of the plot.
const LEFT: f64 = 48.0;
const RIGHT: f64 = 54.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = 44.0;

/// The points of one role: each seed by itself, and the mean over the seeds.
struct Series {
    role: Role,
    seeds: Vec<Vec<(f64, f64)>>,
    mean: Vec<(f64, f64)>,
}

/// The training loss by epoch.
pub(super) fn loss(report: &Report) -> Option<Chart> {
    let unit = if predicts_numbers(report) { "Training loss, parts of the variance" } else { "Training loss, nats" };
    chart(unit, &report.curves, |point| Some(point.loss))
}

/// The part of the validation set that is answered wrongly, or of its variance that is explained, by epoch.
pub(super) fn validation(curves: &[Curve]) -> Option<Chart> {
    if curves.iter().flat_map(|curve| &curve.points).any(|point| point.validation_r2.is_some()) {
        return chart("R² on the validation set", curves, |point| point.validation_r2);
    }
    chart("Validation errors, % of the examples", curves, |point| {
        let (errors, examples) = (point.validation_errors?, point.validation_examples?);
        (examples > 0).then(|| 100.0 * errors as f64 / examples as f64)
    })
}

/// Nothing if no curve has the value.
fn chart(title: &str, curves: &[Curve], value: impl Fn(&CurvePoint) -> Option<f64>) -> Option<Chart> {
    let all: Vec<Series> = Role::ALL.into_iter().filter_map(|role| series(role, curves, &value)).collect();
    let points: Vec<(f64, f64)> = all.iter().flat_map(|series| series.seeds.iter().flatten().copied()).collect();
    let last_points: Vec<(f64, f64)> = all.iter().filter_map(|series| series.mean.last().copied()).collect();
    let y = ends::axis(&points, &last_points)?;
    let last = points.iter().map(|(x, _)| *x).fold(f64::MIN, f64::max);
    let x = Axis::whole(points.iter().map(|(x, _)| *x).fold(f64::MAX, f64::min), last);
    let place = |(across, up): (f64, f64)| {
        (LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM))
    };
    let mut canvas = Canvas::default();
    canvas.text("title", (0.0, 16.0), Anchor::Start, title);
    legend(&mut canvas, &all);
    for &tick in &y.ticks {
        let (_, height) = place((0.0, y.at(tick)));
        canvas.line("grid", &[(LEFT, height), (WIDTH - RIGHT, height)]);
        canvas.text("tick", (LEFT - 8.0, height + 4.0), Anchor::End, y.label(tick));
    }
    canvas.line("axis", &[(LEFT, HEIGHT - BOTTOM), (WIDTH - RIGHT, HEIGHT - BOTTOM)]);
    for &tick in &x.ticks {
        let (across, _) = place((x.at(tick), 0.0));
        canvas.line("axis", &[(across, HEIGHT - BOTTOM), (across, HEIGHT - BOTTOM + 4.0)]);
        canvas.text("tick", (across, HEIGHT - BOTTOM + 18.0), Anchor::Middle, x.label(tick));
    }
    canvas.text("name", ((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 6.0), Anchor::Middle, "epoch");
    let mut draw = |class: &str, role: Role, points: &[(f64, f64)]| {
        let parts: Vec<(f64, f64)> = points.iter().map(|&(epoch, value)| (x.at(epoch), y.at(value))).collect();
        for line in ends::inside(&parts) {
            let line: Vec<(f64, f64)> = line.into_iter().map(place).collect();
            match line[..] {
                // A single epoch, or what is left of a line that leaves the plot.
                [point] => canvas.circle(&format!("dot {}", role.name()), point, 4.0),
                _ => canvas.line(&format!("{class} {}", role.name()), &line),
            }
        }
    };
    for series in all.iter().filter(|series| series.seeds.len() > 1) {
        for seed in &series.seeds {
            draw("seed", series.role, seed);
        }
    }
    for series in &all {
        draw("mean", series.role, &series.mean);
    }
    end_labels(&mut canvas, &all, |point| place((x.at(point.0), y.at(point.1).clamp(0.0, 1.0))));
    Some(Chart { title: title.to_owned(), width: WIDTH, height: HEIGHT, canvas })
}

/// The last value of each mean beside its end, moved so far that no two touch.
fn end_labels(canvas: &mut Canvas, all: &[Series], place: impl Fn((f64, f64)) -> (f64, f64)) {
    const APART: f64 = 13.0;
    let mut labels: Vec<(Role, f64, (f64, f64))> =
        all.iter().filter_map(|series| series.mean.last().map(|&last| (series.role, last.1, place(last)))).collect();
    labels.sort_by(|a, b| a.2.1.total_cmp(&b.2.1));
    let heights: Vec<f64> = labels.iter().map(|(_, _, (_, y))| *y).collect();
    for ((role, value, (x, _)), height) in labels.iter().zip(ends::apart(&heights, APART, HEIGHT - BOTTOM)) {
        canvas.text(&format!("end {}", role.name()), (x + 7.0, height + 4.0), Anchor::Start, ends::short(*value));
    }
}

fn legend(canvas: &mut Canvas, all: &[Series]) {
    const SAMPLE: f64 = 28.0;
    let mut x = 0.0;
    for series in all {
        let name = label(series.role);
        canvas.line(&format!("mean {}", series.role.name()), &[(x + 2.0, 34.0), (x + SAMPLE - 2.0, 34.0)]);
        canvas.text("name", (x + SAMPLE + 5.0, 38.0), Anchor::Start, name);
        x += SAMPLE + 5.0 + text_width(name, 12.0) + 22.0;
    }
}

fn series(role: Role, curves: &[Curve], value: impl Fn(&CurvePoint) -> Option<f64>) -> Option<Series> {
    let point = |point: &CurvePoint| Some((f64::from(point.epoch), value(point).filter(|value| value.is_finite())?));
    let seeds: Vec<Vec<(f64, f64)>> = curves
        .iter()
        .filter(|curve| curve.role == role.name())
        .map(|curve| curve.points.iter().filter_map(point).collect::<Vec<_>>())
        .filter(|points| !points.is_empty())
        .collect();
    // A seed that stopped early would bend the mean, so the mean ends with the first that stops.
    let first = seeds.first()?;
    let mean = first.iter().filter_map(|&(epoch, _)| {
        let at = |points: &Vec<(f64, f64)>| points.iter().find(|point| point.0 == epoch).map(|point| point.1);
        let values: Option<Vec<f64>> = seeds.iter().map(at).collect();
        Some((epoch, mean(&values?)?))
    });
    Some(Series { role, mean: mean.collect(), seeds })
}

#[cfg(test)]
mod tests {
    use super::super::fixture::empty;
    use super::*;

    fn curve(role: &str, losses: &[f64]) -> Curve {
        let point = |(epoch, &loss): (u32, &f64)| CurvePoint {
            epoch,
            step: 10 * epoch,
            loss,
            hard: None,
            soft: None,
            kl: None,
            lr: 0.1,
            validation_errors: None,
            validation_examples: None,
            validation_r2: None,
            seconds: 1.0,
        };
        Curve { role: role.to_owned(), seed: 1, points: (1..).zip(losses).map(point).collect() }
    }

    fn with(curves: &[Curve]) -> Report {
        Report { curves: curves.to_vec(), ..empty() }
    }

    #[test]
    fn the_mean_is_over_epochs_that_all_seeds_have() {
        let curves = [curve("student", &[3.0, 2.0, 1.0]), curve("student", &[5.0, 4.0])];
        let series = series(Role::Student, &curves, |point| Some(point.loss)).unwrap();
        assert_eq!(series.mean, [(1.0, 4.0), (2.0, 3.0)]);
        assert_eq!(series.seeds[0].len(), 3);
    }

    #[test]
    fn values_that_are_no_numbers_are_left_out() {
        let chart = loss(&with(&[curve("student", &[1.0, f64::NAN, 0.5])])).unwrap().standalone();
        assert!(!chart.contains("NaN") && !chart.contains("inf"), "{chart}");
        assert!(loss(&with(&[curve("student", &[f64::NAN])])).is_none());
        assert!(loss(&with(&[])).is_none());
    }

    #[test]
    fn a_single_epoch_is_a_dot_in_the_middle() {
        let chart = loss(&with(&[curve("teacher", &[1.0])])).unwrap().inline();
        assert!(chart.contains("class=\"dot teacher\" cx=\"227\" cy=\"56\""), "{chart}");
    }

    #[test]
    fn ends_are_written_and_told_apart() {
        // From 0 the two ends would be a pixel apart, and the dots of their labels one upon the other.
        let curves = [curve("baseline", &[95.0, 40.0, 31.0, 30.4]), curve("student", &[94.0, 41.0, 30.9, 30.0])];
        let chart = loss(&with(&curves)).unwrap();
        let svg = chart.inline();
        let end = |name: &str, text: &str| {
            let part = svg.split(&format!("<text class=\"end {name}\"")).nth(1).unwrap();
            assert!(part.contains(&format!(">{text}<")), "{part:.90}");
            part.split(" y=\"").nth(1).unwrap().split('"').next().unwrap().parse::<f64>().unwrap()
        };
        assert!(end("student", "30.0") - end("baseline", "30.4") >= 12.0, "{svg}");
        // The first epoch is above the scale: its line comes from the upper edge.
        assert!(!svg.contains(">95<") && !svg.contains(">100<"), "{svg}");
        let student = svg.split("class=\"mean student\" d=\"M").last().unwrap();
        assert!(student.split(['L', ' ']).nth(1) == Some("56"), "{student:.60}");
    }

    #[test]
    fn without_validation_there_is_no_validation_chart() {
        assert!(validation(&[curve("student", &[1.0, 0.5])]).is_none());
    }
}
