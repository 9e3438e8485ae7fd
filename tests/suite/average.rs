//! The moving average of weights, which is evaluated and kept in place of them.

use std::ops::ControlFlow;

use distill_datasets::Dataset;
use distill_losses::CrossEntropy;
use distill_models::Trainable;
use distill_tensor::{LayoutBuilder, Params, SliceKind};
use distill_train::{
    EpochReport, Hooks, Measured, Observer, OptimizerConfig, Snapshot, StepReport, Teacher, TrainConfig, TrainReport,
    Training, evaluate, move_average, train,
};

use crate::centred::Centred;
use crate::training::{digits, model};

// golden/optimizers.py
include!("../golden/averages.rs");

#[test]
fn the_average_equals_pytorch() {
    let mut builder = LayoutBuilder::new();
    builder.push("w", &[1]).unwrap();
    builder.push_as("state", &[1], SliceKind::State).unwrap();
    let layout = builder.build();
    let mut average = Params::zeros(layout.clone());
    let mut found = vec![];
    for n in 0..50 {
        let t = f64::from(n + 1);
        let params = Params::from_vec(layout.clone(), vec![t.sin() as f32, t.cos() as f32]).unwrap();
        move_average(&mut average, &params, 0.7, n);
        if n == 4 || n == 49 {
            found.push(average.as_slice().to_vec());
        }
    }
    for (found, expected) in found.iter().flatten().zip(AVERAGES.as_flattened()) {
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }
}

#[test]
fn a_large_average_is_the_same_for_any_number_of_threads() {
    let n = 150_001;
    let mut builder = LayoutBuilder::new();
    builder.push("w", &[n]).unwrap();
    let layout = builder.build();
    let params =
        |phase: f32| Params::from_vec(layout.clone(), (0..n).map(|i| (i as f32 + phase).sin()).collect()).unwrap();
    let averages = [1, 2, 3].map(|threads| {
        let (mut average, params) = (params(0.0), params(0.5));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| move_average(&mut average, &params, 0.75, 100));
        average
    });
    assert!(averages.iter().all(|average| *average == averages[0]));
    for (i, &found) in averages[0].as_slice().iter().enumerate() {
        let expected = 0.75 * f64::from((i as f32).sin()) + 0.25 * f64::from((i as f32 + 0.5).sin());
        assert!((f64::from(found) - expected).abs() < 1e-6, "{i}: {found} {expected}");
    }
}

/// The weights after each step, and what was found on the validation set after each epoch.
#[derive(Default)]
struct Kept(Vec<Params>, Vec<(usize, f64)>);

impl Observer for Kept {
    fn step(&mut self, _: &StepReport, snapshot: Snapshot<'_>) -> ControlFlow<()> {
        self.0.push(snapshot.params.clone());
        ControlFlow::Continue(())
    }

    fn epoch(&mut self, report: &EpochReport<'_>) -> ControlFlow<()> {
        self.1.extend(report.validation.map(Measured::rank));
        ControlFlow::Continue(())
    }
}

const EPOCHS: u32 = 5;
const EMA: f64 = 0.6;

fn trained(student: &mut dyn Trainable, data: &dyn Dataset, ema: Option<f64>) -> (Kept, TrainReport) {
    let optimizer = OptimizerConfig { lr: 0.1, weight_decay: 1e-3, ..OptimizerConfig::default() };
    let config = TrainConfig { epochs: EPOCHS, batch: 16, ema, optimizer, ..TrainConfig::default() };
    let validation = digits(300..500);
    let training = Training {
        data,
        validation: Some(&validation),
        loss: &CrossEntropy,
        teacher: Teacher::None,
        config: &config,
        seed: 7,
        hooks: Hooks::default(),
    };
    let mut kept = Kept::default();
    let report = train(student, &training, &mut kept).unwrap();
    (kept, report)
}

/// The averages after each epoch, from the weights after each step.
fn by_hand(weights: &[Params]) -> Vec<Params> {
    let mut average: Vec<f64> = vec![];
    let mut after_epochs = vec![];
    for (n, params) in weights.iter().enumerate() {
        let decay = EMA.min((1.0 + n as f64) / (10.0 + n as f64));
        if n == 0 {
            average = params.as_slice().iter().map(|&w| f64::from(w)).collect();
        } else {
            let weights = average.iter_mut().zip(params.as_slice());
            weights.for_each(|(average, &w)| *average = decay * *average + (1.0 - decay) * f64::from(w));
        }
        if (n + 1) % (weights.len() / EPOCHS as usize) == 0 {
            let average = average.iter().map(|&average| average as f32).collect();
            after_epochs.push(Params::from_vec(params.layout().clone(), average).unwrap());
        }
    }
    after_epochs
}

fn distance(a: &Params, b: &Params) -> f32 {
    a.as_slice().iter().zip(b.as_slice()).fold(0.0, |max: f32, (a, b)| max.max((a - b).abs()))
}

fn check(student: &dyn Fn() -> Box<dyn Trainable>) {
    let (data, validation) = (digits(0..100), digits(300..500));
    let (mut plain, mut averaged) = (student(), student());
    let (without, _) = trained(&mut *plain, &data, None);
    let (with, report) = trained(&mut *averaged, &data, Some(EMA));
    // The weights that are trained do not know of it.
    assert!(without.0 == with.0);
    assert_eq!(plain.params(), with.0.last().unwrap());

    let expected = by_hand(&with.0);
    assert!(distance(averaged.params(), expected.last().unwrap()) < 1e-6);
    assert!(distance(averaged.params(), plain.params()) > 1e-3, "averages differ from the weights");
    // It is the average that is watched.
    let mut watched = vec![];
    for average in &expected {
        let mut model = student();
        model.params_mut().as_mut_slice().copy_from_slice(average.as_slice());
        let found = evaluate(&*model, &validation).unwrap();
        watched.push((found.errors, found.nll));
    }
    for (found, expected) in with.1.iter().zip(&watched) {
        assert!(found.0 == expected.0 && (found.1 - expected.1).abs() < 1e-5, "{:?} {watched:?}", with.1);
    }
    assert_ne!(with.1, without.1);
    let best = report.best.unwrap();
    assert!(distance(&best.params, &expected[best.epoch as usize - 1]) < 1e-6);
}

#[test]
fn averages_are_evaluated_and_kept() {
    let data = digits(0..100);
    check(&|| Box::new(model(&data, &[12], 3)));
    // With state, which is averaged too.
    check(&|| Box::new(Centred::new(&data, 3)));
}

/// Ends after a step.
struct StopAfter(u32);

impl Observer for StopAfter {
    fn step(&mut self, report: &StepReport, _: Snapshot<'_>) -> ControlFlow<()> {
        if report.step == self.0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[test]
fn a_training_that_is_ended_leaves_the_average_too() {
    let data = digits(0..100);
    let config = TrainConfig { epochs: 2, batch: 16, ema: Some(EMA), ..TrainConfig::default() };
    let training = Training {
        data: &data,
        validation: None,
        loss: &CrossEntropy,
        teacher: Teacher::None,
        config: &config,
        seed: 7,
        hooks: Hooks::default(),
    };
    let (mut student, mut kept) = (model(&data, &[12], 3), Kept::default());
    train(&mut student, &training, &mut kept).unwrap();
    let mut stopped = model(&data, &[12], 3);
    let report = train(&mut stopped, &training, &mut StopAfter(2)).unwrap();
    assert!(!report.completed);
    let [first, second] = &kept.0[..2] else { unreachable!() };
    let decay = 2.0 / 11.0;
    for (found, (a, b)) in stopped.params().as_slice().iter().zip(first.as_slice().iter().zip(second.as_slice())) {
        assert!((found - (decay * a + (1.0 - decay) * b)).abs() < 1e-6);
    }
}
