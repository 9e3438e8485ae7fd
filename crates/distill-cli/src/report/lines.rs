use distill_chart::{Anchor, Axis, Canvas, Chart, text_width};
use distill_train::Role;

use super::data::{Curve, CurvePoint};
use super::numbers::mean;
use crate::summary::label;

const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 300.0;
/// Between the edges of the chart and those of the plot.
const LEFT: f64 = 48.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = 44.0;

/// The points of one role: each seed by itself, and the mean over the seeds.
struct Series {
    role: Role,
    seeds: Vec<Vec<(f64, f64)>>,
    mean: Vec<(f64, f64)>,
}

/// The training loss by epoch.
pub(super) fn loss(curves: &[Curve]) -> Option<Chart> {
    chart("Training loss, nats", curves, |point| Some(point.loss))
}

/// The part of the validation set that is answered wrongly, by epoch.
pub(super) fn validation(curves: &[Curve]) -> Option<Chart> {
    chart("Validation errors, % of the examples", curves, |point| {
        let (errors, examples) = (point.validation_errors?, point.validation_examples?);
        (examples > 0).then(|| 100.0 * errors as f64 / examples as f64)
    })
}

/// Nothing if no curve has the value.
fn chart(title: &str, curves: &[Curve], value: impl Fn(&CurvePoint) -> Option<f64>) -> Option<Chart> {
    let all: Vec<Series> = Role::ALL.into_iter().filter_map(|role| series(role, curves, &value)).collect();
    let points = || all.iter().flat_map(|series| series.seeds.iter().flatten().copied());
    let y = Axis::fit(points().map(|(_, y)| y))?;
    let last = points().map(|(x, _)| x).fold(f64::MIN, f64::max);
    let x = Axis::whole(points().map(|(x, _)| x).fold(f64::MAX, f64::min), last);
    let place = |(at, value): (f64, f64)| {
        (LEFT + x.at(at) * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - y.at(value) * (HEIGHT - TOP - BOTTOM))
    };
    let mut canvas = Canvas::default();
    canvas.text("title", (0.0, 16.0), Anchor::Start, title);
    legend(&mut canvas, &all);
    for &tick in &y.ticks {
        let (_, height) = place((last, tick));
        canvas.line("grid", &[(LEFT, height), (WIDTH - RIGHT, height)]);
        canvas.text("tick", (LEFT - 8.0, height + 4.0), Anchor::End, y.label(tick));
    }
    canvas.line("axis", &[(LEFT, HEIGHT - BOTTOM), (WIDTH - RIGHT, HEIGHT - BOTTOM)]);
    for &tick in &x.ticks {
        let across = LEFT + x.at(tick) * (WIDTH - LEFT - RIGHT);
        canvas.line("axis", &[(across, HEIGHT - BOTTOM), (across, HEIGHT - BOTTOM + 4.0)]);
        canvas.text("tick", (across, HEIGHT - BOTTOM + 18.0), Anchor::Middle, x.label(tick));
    }
    canvas.text("name", ((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 6.0), Anchor::Middle, "epoch");
    let shown = |points: &[(f64, f64)]| -> Vec<(f64, f64)> {
        points.iter().copied().filter(|&(_, value)| y.shows(value)).map(place).collect()
    };
    for series in all.iter().filter(|series| series.seeds.len() > 1) {
        for seed in &series.seeds {
            draw(&mut canvas, "seed", series.role, &shown(seed));
        }
    }
    for series in &all {
        draw(&mut canvas, "mean", series.role, &shown(&series.mean));
    }
    Some(Chart { title: title.to_owned(), width: WIDTH, height: HEIGHT, canvas })
}

/// A line, or a dot where there is but one point.
fn draw(canvas: &mut Canvas, class: &str, role: Role, points: &[(f64, f64)]) {
    match *points {
        [point] => canvas.circle(&format!("dot {}", role.name()), point, 4.0),
        _ => canvas.line(&format!("{class} {}", role.name()), points),
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
            seconds: 1.0,
        };
        Curve { role: role.to_owned(), seed: 1, points: (1..).zip(losses).map(point).collect() }
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
        let chart = loss(&[curve("student", &[1.0, f64::NAN, 0.5])]).unwrap().standalone();
        assert!(!chart.contains("NaN") && !chart.contains("inf"), "{chart}");
        assert!(loss(&[curve("student", &[f64::NAN])]).is_none());
        assert!(loss(&[]).is_none());
    }

    #[test]
    fn a_single_epoch_is_a_dot_in_the_middle() {
        let chart = loss(&[curve("teacher", &[1.0])]).unwrap().inline();
        assert!(chart.contains("class=\"dot teacher\" cx=\"247\" cy=\"56\""), "{chart}");
    }

    #[test]
    fn without_validation_there_is_no_validation_chart() {
        assert!(validation(&[curve("student", &[1.0, 0.5])]).is_none());
    }
}
