use distill_chart::{At, LineChart, Reference, Scale, Series};

use super::super::super::job::Setup;
use super::super::super::numbers::{errors, mean, point, spread, table};
use super::super::super::section::Section;
use super::super::super::watch::Stop;
use super::Study;
use crate::progress::{size, thousands};

const WIDTHS: [usize; 15] = [4, 8, 12, 16, 20, 30, 50, 75, 100, 150, 200, 300, 500, 800, 1200];
/// The widths that all teachers together teach, on shifted images. Those that are missing take as long as all of these.
const FROM_ALL: [usize; 13] = [4, 8, 12, 16, 20, 30, 50, 75, 100, 150, 200, 300, 800];
/// Errors of the test set, in percent, that a student may make.
const LEVELS: [f64; 4] = [1.0, 1.5, 2.0, 3.0];
const WAYS: [&str; 3] = ["labels alone", "distilled", "distilled from ten, on shifted images"];

/// The students of one width.
struct Width {
    width: usize,
    parameters: usize,
    /// Errors seed by seed, in the order of [`WAYS`]; none where it was not trained in this way.
    errors: [Vec<f64>; 3],
}

pub(super) fn run(study: &mut Study<'_>) -> Result<Section, Stop> {
    let (base, best) = (study.setup("frontier")?, study.setup("best")?);
    let teachers = study.teachers(super::ensemble::AVERAGE)?;
    let seeds = base.recipe.seeds.clone();
    let mut jobs = vec![];
    for width in WIDTHS {
        let hidden = [format!("student.model.hidden=[{width}, {width}]")];
        let (plain, best) = (base.with(&hidden)?, best.with(&hidden)?);
        jobs.extend(seeds.iter().map(|&seed| plain.alone(seed)));
        jobs.extend(seeds.iter().map(|&seed| Setup::distilled(&plain, seed)));
        if FROM_ALL.contains(&width) {
            let from_all = |&seed| best.distilled_from(seed, teachers.clone());
            jobs.extend(seeds.iter().map(from_all));
        }
    }
    let found = study.lab.train(&jobs)?;
    let mut groups = found.chunks(seeds.len());
    let mut widths = vec![];
    for width in WIDTHS {
        let mut next = |is_there: bool| if is_there { groups.next().unwrap_or_default() } else { &[] };
        let ways = [next(true), next(true), next(FROM_ALL.contains(&width))];
        let parameters = ways[0].first().map_or(0, |facts| facts.parameters);
        widths.push(Width { width, parameters, errors: ways.map(errors) });
    }
    let n_test = study.lab.data.sets.test.len() as f64;
    let percent = |errors: f64| 100.0 * errors / n_test;

    let mut section = Section::new("frontier", "How small a student can be", &seeds);
    let lines: Vec<Vec<String>> = LEVELS
        .iter()
        .map(|&level| {
            let cells = (0..WAYS.len()).map(|way| match smallest(&widths, way, |errors| percent(errors) <= level) {
                None => "none of these".to_owned(),
                Some(width) => {
                    let parameters = thousands(width.parameters as u64);
                    format!("{} units, {parameters} parameters, {}", width.width, size(4 * width.parameters as u64))
                }
            });
            [format!("{level} %")].into_iter().chain(cells).collect()
        })
        .collect();
    for line in &lines {
        section.compare(
            &format!("smallest student with at most {} errors: alone; distilled; from ten on shifted images", line[0]),
            "",
            line[1..].iter().map(|cell| cell.split(',').next().unwrap_or(cell)).collect::<Vec<_>>().join("; "),
            None,
        );
    }
    section.add("The smallest of these students whose mean error over the seeds is at most so high, with two hidden layers of so many units each.");
    section.add(&table(&["error", WAYS[0], WAYS[1], WAYS[2]], &lines));
    section.add("Test errors, mean and standard deviation over the seeds.");
    let cells = |width: &Width| {
        let [alone, distilled, best] = width.errors.each_ref().map(|errors| spread(errors, 1));
        vec![width.width.to_string(), thousands(width.parameters as u64), alone, distilled, best]
    };
    section.add(&table(
        &["units", "parameters", WAYS[0], WAYS[1], WAYS[2]],
        &widths.iter().map(cells).collect::<Vec<_>>(),
    ));
    section.chart("frontier.svg", &chart(&widths, percent));
    Ok(section)
}

/// The first width whose mean errors are few enough.
fn smallest(widths: &[Width], way: usize, enough: impl Fn(f64) -> bool) -> Option<&Width> {
    widths.iter().find(|width| enough(mean(&width.errors[way])))
}

fn chart(widths: &[Width], percent: impl Fn(f64) -> f64) -> LineChart {
    let series = WAYS.iter().enumerate().map(|(way, name)| Series {
        name: (*name).to_owned(),
        points: (widths.iter().filter(|width| !width.errors[way].is_empty()))
            .map(|width| {
                let errors: Vec<f64> = width.errors[way].iter().map(|&errors| percent(errors)).collect();
                point(width.parameters as f64, &errors)
            })
            .collect(),
    });
    let reference = |&level: &f64| Reference { at: At::Y(level), label: format!("{level} %") };
    LineChart {
        title: "Test error over the size of the student".to_owned(),
        x_label: "parameters".to_owned(),
        y_label: "test error, %".to_owned(),
        x_scale: Scale::Log,
        y_scale: Scale::Log,
        series: series.collect(),
        references: LEVELS.iter().map(reference).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_is_the_first_that_is_good_enough() {
        let width = |width, errors: [f64; 3]| Width { width, parameters: width, errors: errors.map(|e| vec![e]) };
        let widths =
            [width(4, [900.0, 800.0, 300.0]), width(8, [400.0, 200.0, 100.0]), width(16, [210.0, 110.0, 90.0])];
        let at_most = |way, level| smallest(&widths, way, |errors| errors <= level).map(|width| width.width);
        assert_eq!(at_most(0, 200.0), None);
        assert_eq!(at_most(1, 200.0), Some(8));
        assert_eq!(at_most(2, 300.0), Some(4));
    }
}
