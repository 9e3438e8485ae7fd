use distill_chart::{LineChart, Scale, Series};

use crate::numbers::{compared, differences, errors, mean, point, spread, table};
use crate::plan::Study;
use crate::section::Section;
use distill_lab::jobs::Stop;

const TEMPERATURES: [f64; 10] = [1.0, 2.0, 2.5, 3.0, 4.0, 6.0, 8.0, 12.0, 20.0, 40.0];
const WIDTHS: [usize; 4] = [30, 100, 300, 800];

/// For small students the paper says that these are clearly the best.
const MEDIUM: [f64; 3] = [2.5, 3.0, 4.0];
/// For large ones, that these are about equally good.
const HIGH_FROM: f64 = 8.0;

pub(super) fn run(study: &mut Study<'_>) -> Result<Section, Stop> {
    let base = study.setup("temperature")?;
    let seeds = base.recipe.seeds.clone();
    let mut jobs = vec![];
    for width in WIDTHS {
        let hidden = format!("student.model.hidden=[{width}, {width}]");
        let alone = base.with(std::slice::from_ref(&hidden))?;
        jobs.extend(seeds.iter().map(|&seed| alone.alone(seed)));
        for temperature in TEMPERATURES {
            let setup = base.with(&[hidden.clone(), format!("kd.temperature={temperature:?}")])?;
            jobs.extend(seeds.iter().map(|&seed| setup.distilled(seed)));
        }
    }
    let found = study.lab.train(&jobs)?;
    let mut groups = found.chunks(seeds.len()).map(errors);
    let mut widths: Vec<Width> = vec![];
    for width in WIDTHS {
        let alone = groups.next().unwrap_or_default();
        widths.push(Width { width, alone, distilled: groups.by_ref().take(TEMPERATURES.len()).collect() });
    }

    let mut section = Section::new("temperature", "Temperature and width", &seeds);
    for width in &widths {
        section.numbers.insert(format!("{} units, alone", width.width), width.alone.clone());
        for (t, errors) in TEMPERATURES.iter().zip(&width.distilled) {
            section.numbers.insert(format!("{} units, T = {t}", width.width), errors.clone());
        }
    }
    let others: Vec<f64> = TEMPERATURES.into_iter().filter(|t| !MEDIUM.contains(t)).collect();
    let lists: Vec<Vec<f64>> =
        widths.iter().flat_map(|width| others.iter().map(|&t| width.medium_less(|other| other == t))).collect();
    let against = compared(&lists, 1);
    let against: Vec<_> = widths.iter().zip(against.chunks(others.len())).collect();
    if let Some((small, found)) = against.first() {
        let worse = |is_worse: bool| {
            let is_listed = |i: &usize| (found[*i].1 && mean(&lists[*i]) < 0.0) == is_worse;
            let names: Vec<String> = (0..others.len()).filter(is_listed).map(|i| others[i].to_string()).collect();
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        };
        section.compare(
            &format!(
                "{} units a layer: T with more errors than T = 2.5 to 4, by Holm's method; T without",
                small.width
            ),
            "all others; none",
            format!("{}; {}", worse(true), worse(false)),
            None,
        );
    }
    for large in widths.iter().filter(|width| width.width >= 300) {
        let high = large.high();
        let (low, high) = (high.iter().copied().fold(f64::MAX, f64::min), high.iter().copied().fold(0.0, f64::max));
        section.compare(
            &format!("{} units a layer: mean errors at T = 8, 12, 20, 40, least and most", large.width),
            "about equal",
            format!("{low:.1} and {high:.1}"),
            None,
        );
    }
    let header: Vec<String> = ["units", "alone"]
        .map(str::to_owned)
        .into_iter()
        .chain(TEMPERATURES.iter().map(|t| format!("T = {t}")))
        .collect();
    let lines: Vec<Vec<String>> = (widths.iter())
        .map(|width| {
            let cells = [&width.alone].into_iter().chain(&width.distilled).map(|values| spread(values, 1));
            [width.width.to_string()].into_iter().chain(cells).collect()
        })
        .collect();
    section.add("Test errors, mean and standard deviation over the seeds, by units in each of the two hidden layers.");
    section.add(&table(&header.iter().map(String::as_str).collect::<Vec<_>>(), &lines));
    let n_compared = lists.len();
    section.add(&format!(
        "Mean errors at T = 2.5, 3 and 4, less those at another T, seed by seed, with 95 % interval and p-value by Student's t. The \
         p-values are adjusted by Holm's method for the {n_compared} comparisons of the table, the intervals are not."
    ));
    let header: Vec<String> =
        ["units".to_owned()].into_iter().chain(others.iter().map(|t| format!("less T = {t}"))).collect();
    let lines: Vec<Vec<String>> = (against.iter())
        .map(|(width, found)| {
            [width.width.to_string()].into_iter().chain(found.iter().map(|(text, _)| text.clone())).collect()
        })
        .collect();
    section.add(&table(&header.iter().map(String::as_str).collect::<Vec<_>>(), &lines));
    section.chart("temperature.svg", &chart(&widths));
    Ok(section)
}

/// The students of one width.
struct Width {
    width: usize,
    alone: Vec<f64>,
    /// In the order of the temperatures.
    distilled: Vec<Vec<f64>>,
}

impl Width {
    /// Seed by seed, the mean over medium temperatures less that over these.
    fn medium_less(&self, others: impl Fn(f64) -> bool) -> Vec<f64> {
        differences(&self.mean_over(|t| MEDIUM.contains(&t)), &self.mean_over(others))
    }

    fn mean_over(&self, chosen: impl Fn(f64) -> bool) -> Vec<f64> {
        let lists: Vec<&Vec<f64>> =
            TEMPERATURES.iter().zip(&self.distilled).filter(|(t, _)| chosen(**t)).map(|(_, list)| list).collect();
        let n_seeds = self.alone.len();
        (0..n_seeds).map(|seed| mean(&lists.iter().map(|list| list[seed]).collect::<Vec<_>>())).collect()
    }

    /// The means at high temperatures.
    fn high(&self) -> Vec<f64> {
        let high = TEMPERATURES.iter().zip(&self.distilled).filter(|(t, _)| **t >= HIGH_FROM);
        high.map(|(_, list)| mean(list)).collect()
    }
}

/// Errors relative to those of the student on labels alone, so that all widths fit one chart.
fn chart(widths: &[Width]) -> LineChart {
    let series = widths.iter().map(|width| Series {
        name: format!("{} units", width.width),
        points: (TEMPERATURES.iter().zip(&width.distilled))
            .map(|(&t, list)| {
                let ratios: Vec<f64> = list.iter().zip(&width.alone).map(|(errors, alone)| errors / alone).collect();
                point(t, &ratios)
            })
            .collect(),
    });
    LineChart {
        title: "Errors of the distilled student over those of the student alone".to_owned(),
        x_label: "temperature".to_owned(),
        y_label: "ratio of test errors".to_owned(),
        x_scale: Scale::Log,
        y_scale: Scale::Linear,
        series: series.collect(),
        references: vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_temperatures_are_compared_seed_by_seed() {
        // Seed 1 makes as many errors as the temperature says, seed 2 ten times as many.
        let distilled = TEMPERATURES.iter().map(|&t| vec![t, 10.0 * t]).collect();
        let width = Width { width: 30, alone: vec![100.0, 100.0], distilled };
        let medium = (2.5 + 3.0 + 4.0) / 3.0;
        let close = |found: Vec<f64>, expected: [f64; 2]| {
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?} {expected:?}");
        };
        close(width.medium_less(|t| t <= 1.0), [medium - 1.0, 10.0 * (medium - 1.0)]);
        close(width.medium_less(|t| t >= HIGH_FROM), [medium - 20.0, 10.0 * (medium - 20.0)]);
        assert_eq!(width.high(), [8.0, 12.0, 20.0, 40.0].map(|t| 5.5 * t));
    }
}
