//! What is not a weight but lies with the weights: it takes in the batches, and no optimizer, norm or decay touches it.

use std::ops::ControlFlow;

use distill_datasets::{Dataset, select};
use distill_losses::CrossEntropy;
use distill_models::Trainable as _;
use distill_train::{
    Checkpoint, CheckpointContext, Hooks, Observer, OptimizerConfig, OptimizerKind, Snapshot, StepReport, Teacher,
    TrainConfig, TrainError, TrainReport, Training, train, train_from,
};
use ndarray::{Array2, Axis};

use crate::centred::Centred;
use crate::ranks::on_ranks;
use crate::training::digits;

const N: usize = 40;

/// Batches of 16, 16 and 8 examples, with everything on that changes weights.
fn config(kind: OptimizerKind) -> TrainConfig {
    let optimizer = OptimizerConfig { kind, lr: 0.02, weight_decay: 0.1, ..OptimizerConfig::default() };
    TrainConfig { epochs: 3, batch: 16, clip_grad_norm: Some(0.1), optimizer, ..TrainConfig::default() }
}

fn training<'a>(data: &'a dyn Dataset, config: &'a TrainConfig, hooks: Hooks<'a>) -> Training<'a> {
    Training { data, validation: None, loss: &CrossEntropy, teacher: Teacher::None, config, seed: 7, hooks }
}

/// Keeps the checkpoint after every step.
struct KeepAll(Vec<Vec<u8>>);

impl Observer for KeepAll {
    fn step(&mut self, _: &StepReport, snapshot: Snapshot<'_>) -> ControlFlow<()> {
        self.0.push(Checkpoint::encode(&CheckpointContext::new(), snapshot).unwrap());
        ControlFlow::Continue(())
    }
}

fn trained(data: &dyn Dataset, config: &TrainConfig, hooks: Hooks<'_>) -> (Centred, TrainReport, Vec<Vec<u8>>) {
    let (mut model, mut kept) = (Centred::new(data, 1), KeepAll(vec![]));
    let report = train(&mut model, &training(data, config, hooks), &mut kept).unwrap();
    (model, report, kept.0)
}

/// The running mean, from the batches of the same order.
fn by_hand(data: &dyn Dataset, config: &TrainConfig) -> Vec<f32> {
    let (mut running, mut order) = (vec![0.0; 784], vec![0; data.len()]);
    for epoch in 0..config.epochs {
        select::epoch_order(data, 7, epoch, &mut order);
        for indices in order.chunks(config.batch) {
            let mut inputs = Array2::zeros((indices.len(), 784));
            data.read(indices, inputs.view_mut()).unwrap();
            let found = inputs.mean_axis(Axis(0)).unwrap();
            running.iter_mut().zip(&found).for_each(|(mean, found)| *mean += 0.1 * (found - *mean));
        }
    }
    running
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).fold(0.0, |max: f32, (a, b)| max.max((a - b).abs()))
}

#[test]
fn state_takes_in_the_batches_alone() {
    let data = digits(0..N);
    for kind in [OptimizerKind::Sgd, OptimizerKind::AdamW] {
        let config = config(kind);
        let (model, ..) = trained(&data, &config, Hooks::default());
        let apart = distance(model.mean(model.params()), &by_hand(&data, &config));
        assert!(apart < 1e-6, "{kind:?}: the running mean is {apart} off");
        assert!(distance(model.params().as_slice(), Centred::new(&data, 1).params().as_slice()) > 1e-3);
    }
}

#[test]
fn state_is_exact_at_resume() {
    let data = digits(0..N);
    for (kind, ema) in [(OptimizerKind::Sgd, None), (OptimizerKind::AdamW, None), (OptimizerKind::Sgd, Some(0.9))] {
        let config = TrainConfig { ema, ..config(kind) };
        let (expected, report, checkpoints) = trained(&data, &config, Hooks::default());
        assert_eq!(checkpoints.len(), report.steps as usize);
        for bytes in &checkpoints {
            let mut model = Centred::new(&data, 2);
            let state = Checkpoint::decode(bytes).unwrap().restore(&mut model, &config.optimizer).unwrap();
            let step = state.step;
            train_from(
                &mut model,
                &training(&data, &config, Hooks::default()),
                state,
                &mut distill_train::NullObserver,
            )
            .unwrap();
            assert!(model.params() == expected.params(), "{kind:?}, resumed after step {step}");
        }
    }
}

#[test]
fn ranks_have_the_state_of_the_whole_batch() {
    let data = digits(0..N);
    let config = config(OptimizerKind::Sgd);
    for size in [2, 3] {
        let all = on_ranks(size, |rank| trained(&data, &config, Hooks { exchange: rank, ..Hooks::default() }).0);
        assert!(all.iter().all(|model| model.params() == all[0].params()), "{size} ranks have different weights");
        let apart = distance(all[0].mean(all[0].params()), &by_hand(&data, &config));
        assert!(apart < 1e-6, "{size} ranks: the running mean is {apart} off");
    }
}

#[test]
fn state_that_is_no_number_stops_before_anything_changes() {
    let data = digits(0..N);
    for bad in [f32::NAN, f32::INFINITY] {
        for clip_grad_norm in [None, Some(0.1)] {
            let config = TrainConfig { clip_grad_norm, ..config(OptimizerKind::Sgd) };
            let mut model = Centred::new(&data, 1);
            model.bad_mean = Some(bad);
            let training = training(&data, &config, Hooks::default());
            let error = train(&mut model, &training, &mut distill_train::NullObserver).unwrap_err();
            assert!(matches!(error, TrainError::NonFinite { epoch: 1, step: 1, .. }), "{error}");
            assert!(error.to_string().starts_with("a statistic of the batch became "), "{error}");
            assert!(model.params() == Centred::new(&data, 1).params(), "{bad}");
        }
    }
}
