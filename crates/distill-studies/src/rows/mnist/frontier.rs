use std::sync::Arc;

use distill_chart::{At, LineChart, Reference, Scale, Series};
use distill_train::PairedDifference;

use crate::numbers::{differences, errors, interval, point, spread, table};
use crate::plan::Study;
use crate::section::Section;
use distill_lab::jobs::Stop;
use distill_lab::jobs::{Job, Setup};
use distill_recipe::words::{size, thousands};

const WIDTHS: [usize; 15] = [4, 8, 12, 16, 20, 30, 50, 75, 100, 150, 200, 300, 500, 800, 1200];
/// The widths that learn what teachers say of shifted images. Those that are missing take as long as all of these.
const LONG: [usize; 13] = [4, 8, 12, 16, 20, 30, 50, 75, 100, 150, 200, 300, 800];
/// Errors of the test set, in percent, that a student may make.
const LEVELS: [f64; 4] = [1.0, 1.5, 2.0, 3.0];
const N_WAYS: usize = 5;

/// A way to train a student: whom it learns from, by which recipe.
struct Way {
    name: String,
    setup: Arc<Setup>,
    widths: &'static [usize],
    teacher: fn(&mut Study<'_>, &Arc<Setup>, u64) -> Result<Job, Stop>,
}

/// The students of one width.
struct Width {
    width: usize,
    parameters: usize,
    /// Errors seed by seed, way by way; none where it was not trained in this way.
    errors: [Vec<f64>; N_WAYS],
}

pub(super) fn run(study: &mut Study<'_>) -> Result<Section, Stop> {
    let (short, long) = (study.setup("frontier")?, study.setup("best")?);
    let seeds = short.recipe.seeds.clone();
    let ways = ways(&short, &long);
    let mut widths: Vec<Width> = WIDTHS.map(|width| Width { width, parameters: 0, errors: Default::default() }).into();
    // Way by way, so that the comparison that needs no teacher is there first.
    for (number, way) in ways.iter().enumerate() {
        let mut jobs = vec![];
        for width in way.widths {
            let setup = way.setup.with(&[format!("student.model.hidden=[{width}, {width}]")])?;
            for &seed in &seeds {
                jobs.push((way.teacher)(study, &setup, seed)?);
            }
        }
        let found = study.lab.train(&jobs)?;
        for (width, found) in way.widths.iter().zip(found.chunks(seeds.len())) {
            let Some(line) = widths.iter_mut().find(|line| line.width == *width) else { continue };
            line.parameters = found.first().map_or(line.parameters, |facts| facts.parameters);
            line.errors[number] = errors(found);
        }
    }
    let names = ways.map(|way| way.name);
    Ok(section(&seeds, &names, &widths, study.lab.data.sets.test.len()))
}

/// Labels alone and one teacher for few epochs of the images as they are; labels alone, one teacher and ten for as many
/// epochs of shifted images as the best recipe has. Each line is to be compared with those of the same epochs.
fn ways(short: &Arc<Setup>, long: &Arc<Setup>) -> [Way; N_WAYS] {
    let name = |who: &str, setup: &Setup| {
        let train = &setup.recipe.train;
        let images = if train.augment.shift > 0 { ", shifted images" } else { "" };
        format!("{who}, {} epochs{images}", train.epochs)
    };
    let way = |who, setup: &Arc<Setup>, widths, teacher| Way {
        name: name(who, setup),
        setup: setup.clone(),
        widths,
        teacher,
    };
    [
        way("labels alone", short, &WIDTHS, |_, setup, seed| Ok(setup.alone(seed))),
        way("labels alone", long, &WIDTHS, |_, setup, seed| Ok(setup.alone(seed))),
        way("one teacher", short, &WIDTHS, |_, setup, seed| Ok(setup.distilled(seed))),
        way("one teacher", long, &LONG, |_, setup, seed| Ok(setup.distilled(seed))),
        way("ten teachers", long, &LONG, |study, setup, seed| {
            Ok(setup.distilled_from(seed, study.teachers(super::ensemble::AVERAGE)?))
        }),
    ]
}

fn section(seeds: &[u64], names: &[String; N_WAYS], widths: &[Width], n_test: usize) -> Section {
    let percent = |errors: f64| 100.0 * errors / n_test as f64;
    let mut section = Section::new("frontier", "How small a student can be", seeds);
    let header = |first: &[&str]| -> Vec<String> {
        first.iter().copied().chain(names.iter().map(String::as_str)).map(str::to_owned).collect()
    };
    let add = |section: &mut Section, header: Vec<String>, lines: &[Vec<String>]| {
        section.add(&table(&header.iter().map(String::as_str).collect::<Vec<_>>(), lines));
    };
    let lines: Vec<Vec<String>> = LEVELS
        .iter()
        .map(|&level| {
            let cells = (0..N_WAYS).map(|way| match smallest(widths, way, |errors| percent(errors) <= level) {
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
            &format!("smallest student with at most {} errors: {}", line[0], names.join("; ")),
            "",
            line[1..].iter().map(|cell| cell.split(',').next().unwrap_or(cell)).collect::<Vec<_>>().join("; "),
            None,
        );
    }
    section.add(
        "The smallest of these students whose errors are at most so many: the upper end of the 95 % interval of their \
         mean over the seeds is. They have two hidden layers of so many units each. Lines are to be compared where epochs \
         and images are the same; shifted images are regularisation.",
    );
    add(&mut section, header(&["error"]), &lines);
    section.add("Test errors, mean and standard deviation over the seeds.");
    let cells = |width: &Width| -> Vec<String> {
        let first = [width.width.to_string(), thousands(width.parameters as u64)];
        first.into_iter().chain(width.errors.iter().map(|errors| spread(errors, 1))).collect()
    };
    add(&mut section, header(&["units", "parameters"]), &widths.iter().map(cells).collect::<Vec<_>>());
    section.add(
        "What teachers change, at the same epochs and images, seed by seed from the same weights and batches, with \
         95 % intervals, each for itself: of so many, one in twenty leaves out the truth by chance.",
    );
    let change = |width: &Width| -> Vec<String> {
        let of = |way: usize, base: usize| match width.errors[way].as_slice() {
            [] => "-".to_owned(),
            errors => interval(&differences(errors, &width.errors[base]), 1),
        };
        vec![width.width.to_string(), of(2, 0), of(3, 1), of(4, 1)]
    };
    let header = ["units".to_owned()].into_iter().chain([&names[2], &names[3], &names[4]].map(Clone::clone)).collect();
    add(&mut section, header, &widths.iter().map(change).collect::<Vec<_>>());
    section.chart("frontier.svg", &chart(widths, names, percent));
    for width in widths {
        for (name, errors) in names.iter().zip(&width.errors).filter(|(_, errors)| !errors.is_empty()) {
            section.numbers.insert(format!("{} units, {name}: errors", width.width), errors.clone());
        }
    }
    section
}

/// The first width whose errors are few enough, with 95 % confidence where there are several seeds.
fn smallest(widths: &[Width], way: usize, enough: impl Fn(f64) -> bool) -> Option<&Width> {
    let most = |errors: &[f64]| match PairedDifference::new(errors) {
        Some(found) => found.interval[1],
        None => errors.first().copied().unwrap_or(f64::INFINITY),
    };
    widths.iter().find(|width| enough(most(&width.errors[way])))
}

fn chart(widths: &[Width], names: &[String; N_WAYS], percent: impl Fn(f64) -> f64) -> LineChart {
    let series = names.iter().enumerate().map(|(way, name)| Series {
        name: name.clone(),
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
    use crate::plan::setup;
    use crate::plans::PLANS;

    fn width(width: usize, errors: [&[f64]; N_WAYS]) -> Width {
        Width { width, parameters: width, errors: errors.map(<[f64]>::to_vec) }
    }

    #[test]
    fn the_smallest_is_the_first_that_is_surely_good_enough() {
        let one = |e: [f64; N_WAYS]| e.map(|e| vec![e]);
        let line = |width, e| Width { width, parameters: width, errors: one(e) };
        let widths = [
            line(4, [900.0, 900.0, 800.0, 800.0, 300.0]),
            line(8, [400.0, 400.0, 200.0, 200.0, 100.0]),
            line(16, [210.0, 210.0, 110.0, 110.0, 90.0]),
        ];
        let at_most =
            |widths: &[Width], way, level| smallest(widths, way, |errors| errors <= level).map(|width| width.width);
        assert_eq!(at_most(&widths, 0, 200.0), None);
        assert_eq!(at_most(&widths, 2, 200.0), Some(8));
        assert_eq!(at_most(&widths, 4, 300.0), Some(4));
        // A mean of 148 whose interval reaches past 150 is not shown to be at most 150.
        let spread: &[f64] = &[141.0, 150.0, 145.0, 156.0, 148.0];
        let widths = [width(4, [spread; N_WAYS]), width(8, [&[120.0, 121.0, 119.0]; N_WAYS])];
        assert_eq!(at_most(&widths, 0, 150.0), Some(8));
    }

    #[test]
    fn what_is_compared_has_the_same_epochs_and_images() {
        let plan = PLANS[0];
        let (short, long) = (setup(plan, "frontier", &[]).unwrap(), setup(plan, "best", &[]).unwrap());
        let ways = ways(&short, &long);
        for (way, base) in [(2, 0), (3, 1), (4, 1)] {
            assert_eq!(ways[way].setup.recipe.train, ways[base].setup.recipe.train);
        }
        let names = ways.map(|way| way.name);
        assert_eq!(names[1], "labels alone, 60 epochs, shifted images");
        let found = section(&[1], &names, &[width(4, [&[9.0], &[7.0], &[8.0], &[], &[6.0]])], 100);
        assert!(found.body.contains("| 4 | -1.0 | - | -1.0 |"), "{}", found.body);
    }
}
