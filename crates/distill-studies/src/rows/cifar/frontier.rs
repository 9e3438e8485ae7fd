use distill_chart::{LineChart, Scale, Series};
use distill_lab::jobs::{Setup, Stop};
use distill_recipe::words::{epochs, thousands};
use distill_train::TrainError;

use crate::numbers::{accuracies, differences, errors, interval, point, spread, table};
use crate::plan::{Study, for_each_seed};
use crate::section::Section;

/// Students of one kind: what it is called, and the settings of each size.
const KINDS: [(&str, &[&str]); 3] = [
    (
        "ResNet-8",
        &[
            "{ kind = 'resnet', width = 4 }",
            "{ kind = 'resnet', width = 8 }",
            "{ kind = 'resnet', width = 16 }",
            "{ kind = 'resnet', width = 24 }",
        ],
    ),
    (
        "DS-CNN",
        &[
            "{ kind = 'ds-cnn', width = 24, stride = 2 }",
            "{ kind = 'ds-cnn', width = 64, stride = 2 }",
            "{ kind = 'ds-cnn', width = 128, stride = 2 }",
        ],
    ),
    ("perceptron", &["{ hidden = [8] }", "{ hidden = [25] }", "{ hidden = [64, 64] }"]),
];
const WAYS: [&str; 2] = ["labels alone", "distilled"];

/// The students of one size.
struct Size {
    kind: &'static str,
    architecture: String,
    parameters: usize,
    macs: u64,
    /// In percent, seed by seed, on labels alone and distilled.
    accuracies: [Vec<f64>; 2],
    /// What distillation changes, seed by seed.
    changes: Vec<f64>,
}

pub(super) fn run(study: &mut Study<'_>) -> Result<Section, Stop> {
    let base = study.setup("frontier")?;
    let (seeds, teacher) = (base.recipe.seeds.clone(), super::teacher(study)?);
    let mut sizes = vec![];
    for (kind, models) in KINDS {
        for model in models {
            let setup = base.with(&[format!("student.model={model}")])?;
            let mut jobs = for_each_seed(&setup, Setup::alone);
            jobs.extend(for_each_seed(&setup, |setup, seed| setup.distilled_from(seed, teacher.clone())));
            let mut alone = study.lab.train(&jobs)?;
            let distilled = alone.split_off(seeds.len());
            let spec = study.lab.data.sets.test.spec();
            let graph = setup.recipe.student.model.graph(&spec.input_shape, spec.classes.len());
            sizes.push(Size {
                kind,
                architecture: alone.first().map_or(String::new(), |facts| facts.architecture.clone()),
                parameters: alone.first().map_or(0, |facts| facts.parameters),
                macs: graph.map_err(TrainError::from)?.macs(),
                accuracies: [accuracies(&alone), accuracies(&distilled)],
                changes: differences(&errors(&distilled), &errors(&alone)),
            });
        }
    }
    Ok(section(&seeds, &sizes, base.recipe.train.epochs))
}

fn section(seeds: &[u64], sizes: &[Size], n_epochs: u32) -> Section {
    let mut section = Section::new("frontier", "How small, and of what kind, a student can be", seeds);
    for size in sizes {
        let [alone, distilled] = size.accuracies.each_ref().map(|all| spread(all, 2));
        let what = format!("{}, {} parameters: alone, distilled", size.architecture, thousands(size.parameters as u64));
        section.compare(&what, "", format!("{alone} %, {distilled} %"), None);
        for (way, accuracies) in WAYS.iter().zip(&size.accuracies) {
            section.numbers.insert(format!("{}, {way}: accuracy", size.architecture), accuracies.clone());
        }
    }
    section.add(&format!(
        "{} each, fewer than the students of the other rows have. The change is of errors among the test images, \
         seed by seed from the same weights and batches, with its 95 % interval, each for itself: of so many, one in twenty \
         leaves out the truth by chance.",
        epochs(n_epochs),
    ));
    let cells = |size: &Size| {
        let [alone, distilled] = size.accuracies.each_ref().map(|all| spread(all, 2));
        let macs = format!("{:.3}", size.macs as f64 / 1e6);
        let parameters = thousands(size.parameters as u64);
        vec![size.architecture.clone(), parameters, macs, alone, distilled, interval(&size.changes, 1)]
    };
    section.add(&table(
        &["student", "parameters", "million multiplications", "alone, %", "distilled, %", "change of errors"],
        &sizes.iter().map(cells).collect::<Vec<_>>(),
    ));
    section.chart("parameters.svg", &chart(sizes, "parameters", |size| size.parameters as f64));
    section.chart("multiplications.svg", &chart(sizes, "multiplications", |size| size.macs as f64));
    section
}

fn chart(sizes: &[Size], axis: &str, x: impl Fn(&Size) -> f64) -> LineChart {
    let series = |(kind, way): (&'static str, usize)| Series {
        name: format!("{kind}, {}", WAYS[way]),
        points: (sizes.iter().filter(|size| size.kind == kind))
            .map(|size| {
                let errors: Vec<f64> = size.accuracies[way].iter().map(|accuracy| 100.0 - accuracy).collect();
                point(x(size), &errors)
            })
            .collect(),
    };
    LineChart {
        title: format!("Test error over {axis}"),
        x_label: axis.to_owned(),
        y_label: "test error, %".to_owned(),
        x_scale: Scale::Log,
        y_scale: Scale::Log,
        series: KINDS.iter().flat_map(|&(kind, _)| [(kind, 0), (kind, 1)]).map(series).collect(),
        references: vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_size_is_a_line_and_a_point() {
        let size = |kind, parameters, macs, alone: &[f64], distilled: &[f64]| Size {
            kind,
            architecture: format!("{kind} {parameters}"),
            parameters,
            macs,
            accuracies: [alone.to_vec(), distilled.to_vec()],
            changes: vec![-100.0, -120.0],
        };
        let sizes = [
            size("ResNet-8", 78_042, 12_500_000, &[80.0, 82.0], &[84.0, 85.0]),
            size("perceptron", 77_035, 77_050, &[50.0, 51.0], &[52.0, 53.0]),
        ];
        let section = section(&[1, 2], &sizes, 10);
        assert!(
            section.body.contains("| ResNet-8 78042 | 78,042 | 12.500 | 81.00 ± 1.41 | 84.50 ± 0.71 | -110.0 ("),
            "{}",
            section.body
        );
        assert_eq!(section.numbers["perceptron 77035, distilled: accuracy"], [52.0, 53.0]);
        assert_eq!(section.charts.len(), 2);
        assert!(section.charts[0].svg.contains("ResNet-8, distilled"));
    }
}
