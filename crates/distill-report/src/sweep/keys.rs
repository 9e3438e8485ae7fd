use distill_chart::{Anchor, Axis, Canvas, Chart, shortened};

use super::{SweepReport, words};
use distill_lab::sweep::Record;
use distill_lab::sweep::value;

/// Values that stand side by side; more are drawn by their size.
const N_BESIDE: usize = 12;
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 280.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 22.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 44.0;

/// For each key the validation errors of the trials by its value, or their R².
pub(super) fn charts(report: &SweepReport) -> Vec<Chart> {
    (0..report.keys.len()).filter_map(|key| chart(report, key)).collect()
}

/// What the charts show.
pub(super) fn text(report: &SweepReport) -> String {
    if report.best().is_none() {
        return words::NO_TRIAL.to_owned();
    }
    let rung = match report.budgets[..] {
        [epochs, _, ..] => format!(" All trials are shown after the {epochs} epochs of the first rung."),
        _ => String::new(),
    };
    format!(
        "A ring is a trial, the full one the best; the line joins the means of the trials with the same value, over which \
         all other keys vary.{rung}"
    )
}

/// Nothing without a trial that has a result.
fn chart(report: &SweepReport, key: usize) -> Option<Chart> {
    // The first rung is the one on which all trials can be compared.
    let on_first = report.records.iter().filter(|record| record.rung == 1);
    let found = |record: &Record| {
        let score = record.score()?;
        Some(score.r2.map_or(score.errors, |(r2, _)| r2))
    };
    let trials: Vec<(&Record, f64)> = on_first.filter_map(|record| Some((record, found(record)?))).collect();
    let text = |record: &Record| record.settings.get(key).map(|setting| value(setting)).unwrap_or_default();
    let y = Axis::close(trials.iter().map(|(_, found)| *found))?;
    let across = Across::new(trials.iter().map(|(record, _)| text(record)));
    let place = |part: f64, found: f64| {
        (LEFT + part * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - y.at(found) * (HEIGHT - TOP - BOTTOM))
    };
    let name = report.keys.get(key)?;
    let mut canvas = Canvas::default();
    canvas.text("title", (0.0, 16.0), Anchor::Start, format!("{} by {}", report.measure(), shortened(name, 40)));
    for &tick in &y.ticks {
        let (x, height) = place(0.0, tick);
        canvas.line("grid", &[(x, height), (WIDTH - RIGHT, height)]);
        canvas.text("tick", (x - 8.0, height + 4.0), Anchor::End, y.label(tick));
    }
    canvas.line("axis", &[(LEFT, HEIGHT - BOTTOM), (WIDTH - RIGHT, HEIGHT - BOTTOM)]);
    for (part, label) in across.ticks() {
        let (x, _) = place(part, 0.0);
        canvas.line("axis", &[(x, HEIGHT - BOTTOM), (x, HEIGHT - BOTTOM + 4.0)]);
        canvas.text("tick", (x, HEIGHT - BOTTOM + 18.0), Anchor::Middle, label);
    }
    canvas.text("name", ((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 6.0), Anchor::Middle, shortened(name, 40));
    canvas.line(
        "mean student",
        &means(&trials, |record| across.at(&text(record))).map(|(part, found)| place(part, found)).collect::<Vec<_>>(),
    );
    for &(record, found) in &trials {
        canvas.circle("ring same", place(across.at(&text(record)), found), 4.0);
    }
    let best = report.best()?.trial;
    for &(record, found) in trials.iter().filter(|(record, _)| record.trial == best) {
        canvas.circle("dot student", place(across.at(&text(record)), found), 5.0);
    }
    Some(Chart { title: format!("{} by {name}", report.measure()), width: WIDTH, height: HEIGHT, canvas })
}

/// Place and mean of the trials that have the same one, from left to right.
fn means(trials: &[(&Record, f64)], at: impl Fn(&Record) -> f64) -> impl Iterator<Item = (f64, f64)> {
    let mut sums: Vec<(f64, f64, f64)> = Vec::new();
    for (record, found) in trials {
        let part = at(record);
        match sums.iter_mut().find(|sum| sum.0 == part) {
            Some((_, sum, n)) => (*sum, *n) = (*sum + found, *n + 1.0),
            None => sums.push((part, *found, 1.0)),
        }
    }
    sums.sort_by(|a, b| a.0.total_cmp(&b.0));
    sums.into_iter().map(|(part, sum, n)| (part, sum / n))
}

/// Where the values of a key are, from 0 to 1.
enum Across {
    /// Side by side: numbers by their size, others as they were listed.
    Listed(Vec<String>),
    Numbers(Axis),
}

impl Across {
    fn new(texts: impl Iterator<Item = String>) -> Self {
        let mut values: Vec<String> = Vec::new();
        for text in texts {
            if !values.contains(&text) {
                values.push(text);
            }
        }
        let numbers: Option<Vec<f64>> = values.iter().map(|text| number(text)).collect();
        match numbers {
            Some(numbers) if values.len() > N_BESIDE => {
                let positive =
                    Axis::fit(numbers.iter().copied()).filter(|_| numbers.iter().all(|number| *number >= 0.0));
                Self::Numbers(positive.unwrap_or_else(|| Axis::around(numbers)))
            }
            Some(_) => {
                values.sort_by(|a, b| number(a).partial_cmp(&number(b)).unwrap_or(std::cmp::Ordering::Equal));
                Self::Listed(values)
            }
            None => Self::Listed(values),
        }
    }

    fn at(&self, text: &str) -> f64 {
        match self {
            Self::Listed(values) => {
                let place = values.iter().position(|value| value == text).unwrap_or_default();
                (place as f64 + 0.5) / values.len().max(1) as f64
            }
            Self::Numbers(axis) => axis.at(number(text).unwrap_or_default()),
        }
    }

    fn ticks(&self) -> Vec<(f64, String)> {
        match self {
            Self::Listed(values) => {
                // As many letters as have room.
                let n_letters = (64 / values.len().max(1)).max(3);
                // Of very many words, some.
                let step = values.len().div_ceil(2 * N_BESIDE);
                let shown = values.iter().step_by(step.max(1));
                shown.map(|value| (self.at(value), shortened(value, n_letters))).collect()
            }
            Self::Numbers(axis) => axis.ticks.iter().map(|&tick| (axis.at(tick), axis.label(tick))).collect(),
        }
    }
}

/// A value of TOML that is a number.
fn number(text: &str) -> Option<f64> {
    text.replace('_', "").parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn across(values: &[&str]) -> Across {
        Across::new(values.iter().map(|&value| value.to_owned()))
    }

    #[test]
    fn few_values_stand_side_by_side_in_their_order() {
        let few = across(&["8", "1", "20", "8"]);
        assert_eq!(few.ticks().into_iter().map(|(_, label)| label).collect::<Vec<_>>(), ["1", "8", "20"]);
        assert_eq!([few.at("1"), few.at("8")], [1.0 / 6.0, 0.5]);
        let words = across(&["tanh", "relu"]);
        assert!(words.at("tanh") < words.at("relu"));
    }

    #[test]
    fn many_numbers_are_drawn_by_their_size() {
        let texts: Vec<String> = (1..=20).map(|i| format!("{:?}", 0.001 * 1.5_f64.powi(i))).collect();
        let many = across(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(matches!(&many, Across::Numbers(_)));
        let places: Vec<f64> = texts.iter().map(|text| many.at(text)).collect();
        // Equal factors are equally far.
        assert!(places.windows(3).all(|three| (three[2] - 2.0 * three[1] + three[0]).abs() < 1e-9), "{places:?}");
        let below: Vec<String> = (-10..10).map(|i| i.to_string()).collect();
        let below = across(&below.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!((below.at("-10"), below.at("10")), (0.0, 1.0));
    }
}
