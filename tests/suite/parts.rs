//! Batches that are computed in parts make the steps of whole ones.

use std::ops::ControlFlow;

use distill_datasets::{Dataset, Table};
use distill_losses::{CrossEntropy, LossValue};
use distill_models::{EmbeddingConfig, MlpConfig, Network, Trainable as _};
use distill_train::{
    Checkpoint, CheckpointContext, Hooks, NullObserver, Observer, OptimizerKind, Snapshot, StepReport, Teacher,
    TrainConfig, Training, train, train_from,
};

use crate::centred::Centred;
use crate::ranks::{config, distance, half_labelled, on_ranks, student, weights};
use crate::training::digits;

fn in_parts(accumulate: usize) -> TrainConfig {
    TrainConfig { accumulate, ..config(OptimizerKind::Sgd) }
}

#[test]
fn parts_make_the_steps_of_whole_batches() {
    let data = half_labelled();
    let whole = weights(&data, &in_parts(1), Hooks::default());
    let moved = distance(&whole.0, student(&data).params().as_slice());
    assert!(moved > 1e-3, "training does something: {moved}");
    // 16 parts of one row each, of which the last batch of an epoch fills 8.
    for n in [2, 3, 5, 16] {
        let (found, report) = weights(&data, &in_parts(n), Hooks::default());
        let apart = distance(&whole.0, &found);
        assert!(apart < 1e-5, "{n} parts are {apart} from the whole");
        assert!(apart > 0.0, "{n} parts are the whole");
        assert_eq!((report.steps, report.examples), (whole.1.steps, whole.1.examples));
        let LossValue { total, terms } = whole.1.loss;
        assert!((report.loss.total - total).abs() < 1e-6 * total, "{n} parts: {:?}, {total}", report.loss);
        for term in &terms {
            let found = report.loss.terms.get(term.name()).unwrap();
            assert!((found - term.value).abs() < 1e-6 * term.value.abs(), "{n} parts: {term:?}, {found}");
        }
    }
}

#[test]
fn parts_have_the_same_bits_with_any_number_of_threads() {
    let data = half_labelled();
    let with = |n_threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        pool.install(|| weights(&data, &in_parts(3), Hooks::default()).0)
    };
    let one = with(1);
    assert!([2, 3, 8].into_iter().all(|n| with(n) == one));
}

/// The rows of a rank are cut as those of a batch are.
#[test]
fn ranks_compute_their_rows_in_parts() {
    let data = half_labelled();
    let (whole, _) = weights(&data, &in_parts(1), Hooks::default());
    let all = on_ranks(2, |rank| weights(&data, &in_parts(3), Hooks { exchange: rank, ..Hooks::default() }).0);
    assert!(all[0] == all[1], "ranks have different weights");
    assert!(distance(&whole, &all[0]) < 1e-5, "{}", distance(&whole, &all[0]));
}

/// Keeps the checkpoint after every step.
struct KeepAll(Vec<Vec<u8>>);

impl Observer for KeepAll {
    fn step(&mut self, _: &StepReport, snapshot: Snapshot<'_>) -> ControlFlow<()> {
        self.0.push(Checkpoint::encode(&CheckpointContext::new(), snapshot).unwrap());
        ControlFlow::Continue(())
    }
}

fn training<'a>(data: &'a dyn Dataset, config: &'a TrainConfig) -> Training<'a> {
    let hooks = Hooks::default();
    Training { data, validation: None, loss: &CrossEntropy, teacher: Teacher::None, config, seed: 7, hooks }
}

#[test]
fn state_is_the_mean_of_the_parts_and_exact_at_resume() {
    let data = digits(0..40);
    let trained = |accumulate| {
        let config = in_parts(accumulate);
        let (mut model, mut kept) = (Centred::new(&data, 1), KeepAll(vec![]));
        train(&mut model, &training(&data, &config), &mut kept).unwrap();
        (model, kept.0)
    };
    let ((whole, _), (expected, checkpoints)) = (trained(1), trained(3));
    let apart = distance(whole.mean(whole.params()), expected.mean(expected.params()));
    assert!(apart < 1e-6, "the running mean is {apart} off");
    assert!(checkpoints.len() == 6, "{}", checkpoints.len());
    let config = in_parts(3);
    for bytes in &checkpoints {
        let mut model = Centred::new(&data, 2);
        let state = Checkpoint::decode(bytes).unwrap().restore(&mut model, &config.optimizer).unwrap();
        let step = state.step;
        train_from(&mut model, &training(&data, &config), state, &mut NullObserver).unwrap();
        assert!(model.params() == expected.params(), "resumed after step {step}");
    }
}

#[test]
fn what_cannot_be_in_parts_is_refused() {
    let data = digits(0..40);
    let refused = |data: &dyn Dataset, config: &TrainConfig, student: &Network| {
        let mut student = student.clone();
        let before = student.params().clone();
        let error = train(&mut student, &training(data, config), &mut NullObserver).unwrap_err().to_string();
        assert!(*student.params() == before, "{error}");
        error
    };
    let mut mixed = in_parts(2);
    mixed.augment.mixup = 0.2;
    let expected = "augment.mixup is set, but `accumulate` cuts each batch into parts";
    assert_eq!(refused(&data, &mixed, &student(&data)), expected);
    for n in [0, 17] {
        let expected = format!("accumulate must be from 1 to `batch`, 16, got {n}");
        assert_eq!(refused(&data, &in_parts(n), &student(&data)), expected);
    }

    let words = Table::new(vec![2], vec![0.0, 1.0, 1.0, 1.0], vec![0, 1], vec!["a".into(), "b".into()]).unwrap();
    let embedding = Some(EmbeddingConfig { buckets: 2 });
    let table = MlpConfig { hidden: vec![3], embedding, ..MlpConfig::default() };
    let table = Network::new(table, vec![2], words.spec().classes.clone(), 1).unwrap();
    let mut plain = in_parts(2);
    plain.augment.shift = 0;
    let expected = "model.embedding is set, but `accumulate` cuts each batch into parts";
    assert_eq!(refused(&words, &plain, &table), expected);
}
