//! Several ranks train one model: threads of one process, each with its part of every batch.

use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use distill_datasets::{Chain, Dataset, Table, Unlabelled};
use distill_losses::{CrossEntropy, Distillation, Loss, LossError, LossValue, SoftTerm, Targets, Temperature};
use distill_models::{EmbeddingConfig, MlpConfig, Model, ModelError, ModelSpec, Network, Scratch, Trainable};
use distill_tensor::Params;
use distill_train::{
    AugmentConfig, Exchange, Hooks, Observer, OptimizerConfig, OptimizerKind, Snapshot, StepReport, Teacher,
    TrainConfig, TrainError, TrainReport, Training, train,
};
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::training::{digits, model};

/// Where the ranks meet. One that never comes is an error after a while, so that a test fails and does not hang.
struct Meeting {
    size: usize,
    /// How many are here, and how often all were.
    here: Mutex<(usize, u64)>,
    all: Condvar,
}

impl Meeting {
    fn wait(&self) -> Result<(), TrainError> {
        let mut here = self.here.lock().unwrap();
        let (turn, patience) = (here.1, Duration::from_secs(30));
        here.0 += 1;
        if here.0 == self.size {
            *here = (0, turn + 1);
            self.all.notify_all();
            return Ok(());
        }
        let (_here, waited) = self.all.wait_timeout_while(here, patience, |here| here.1 == turn).unwrap();
        let lost = || TrainError::Exchange { reason: "a rank has not come".to_owned() };
        if waited.timed_out() { Err(lost()) } else { Ok(()) }
    }
}

/// What the ranks share. They meet before and after it is read.
struct Shared {
    meeting: Meeting,
    grads: Vec<Mutex<Vec<f32>>>,
    votes: Vec<Mutex<bool>>,
}

pub(crate) struct Rank<'a> {
    rank: usize,
    shared: &'a Shared,
}

impl Exchange for Rank<'_> {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.shared.votes.len()
    }

    fn sum(&self, grads: &mut Params) -> Result<(), TrainError> {
        *self.shared.grads[self.rank].lock().unwrap() = grads.as_slice().to_vec();
        self.shared.meeting.wait()?;
        let sum = grads.as_mut_slice();
        sum.fill(0.0);
        for grads in &self.shared.grads {
            sum.iter_mut().zip(grads.lock().unwrap().iter()).for_each(|(sum, grad)| *sum += grad);
        }
        self.shared.meeting.wait()
    }

    fn agree(&self, yes: bool) -> Result<bool, TrainError> {
        *self.shared.votes[self.rank].lock().unwrap() = yes;
        self.shared.meeting.wait()?;
        let all = self.shared.votes.iter().all(|vote| *vote.lock().unwrap());
        self.shared.meeting.wait()?;
        Ok(all)
    }
}

/// Runs `f` on that many ranks at once.
pub(crate) fn on_ranks<T: Send>(size: usize, f: impl Fn(&Rank<'_>) -> T + Sync) -> Vec<T> {
    let shared = Shared {
        meeting: Meeting { size, here: Mutex::default(), all: Condvar::new() },
        grads: (0..size).map(|_| Mutex::default()).collect(),
        votes: (0..size).map(|_| Mutex::default()).collect(),
    };
    std::thread::scope(|scope| {
        let (f, shared) = (&f, &shared);
        let threads: Vec<_> = (0..size).map(|rank| scope.spawn(move || f(&Rank { rank, shared }))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// 40 digits, of which about half have no label, so that ranks have different parts of both.
pub(crate) fn half_labelled() -> Chain {
    let [labelled, other] = [digits(0..21), digits(21..40)].map(|part| Arc::new(part) as Arc<dyn Dataset>);
    Chain::new(labelled, Arc::new(Unlabelled::new(other))).unwrap()
}

pub(crate) fn student(data: &dyn Dataset) -> Network {
    let config = MlpConfig { hidden: vec![24, 16], dropout: 0.4, input_dropout: 0.2, ..MlpConfig::default() };
    Network::new(config, data.spec().input_shape.clone(), data.spec().classes.clone(), 4).unwrap()
}

/// Batches of 16, 16 and 8 of 40 examples; with 3 ranks none is cut evenly.
pub(crate) fn config(kind: OptimizerKind) -> TrainConfig {
    TrainConfig {
        epochs: 2,
        batch: 16,
        clip_grad_norm: Some(0.5),
        optimizer: OptimizerConfig { kind, lr: 0.02, momentum: 0.5, ..OptimizerConfig::default() },
        augment: AugmentConfig { shift: 1, ..AugmentConfig::default() },
        ..TrainConfig::default()
    }
}

pub(crate) fn weights(data: &dyn Dataset, config: &TrainConfig, hooks: Hooks<'_>) -> (Vec<f32>, TrainReport) {
    let teacher = model(data, &[30], 1);
    let loss = Distillation::new(SoftTerm::Kd(Temperature::new(3.0).unwrap()), 0.6).unwrap();
    let teacher = Teacher::Live(&teacher);
    let training = Training { data, validation: None, loss: &loss, teacher, config, seed: 7, hooks };
    let mut student = student(data);
    let report = train(&mut student, &training, &mut distill_train::NullObserver).unwrap();
    (student.params().as_slice().to_vec(), report)
}

/// The largest difference, relative to the largest weight.
pub(crate) fn distance(a: &[f32], b: &[f32]) -> f32 {
    let largest = a.iter().fold(0.0, |max: f32, weight| max.max(weight.abs()));
    a.iter().zip(b).fold(0.0, |max: f32, (a, b)| max.max((a - b).abs())) / largest
}

#[test]
fn ranks_have_equal_bits_and_the_weights_of_one_process() {
    let data = half_labelled();
    let config = config(OptimizerKind::Sgd);
    let (alone, _) = weights(&data, &config, Hooks::default());
    let moved = distance(&alone, student(&data).params().as_slice());
    assert!(moved > 1e-3, "training does something: {moved}");
    for size in [1, 2, 3] {
        let all = on_ranks(size, |rank| weights(&data, &config, Hooks { exchange: rank, ..Hooks::default() }));
        assert!(all.iter().all(|(weights, _)| *weights == all[0].0), "{size} ranks have different weights");
        let apart = distance(&alone, &all[0].0);
        assert!(apart < 1e-6, "{size} ranks are {apart} from one");
        assert!(size > 1 || alone == all[0].0, "one rank has the same bits");
        let examples: u64 = all.iter().map(|(_, report)| report.examples).sum();
        assert_eq!((all[0].1.steps, examples), (6, 80));
    }
}

/// The last batch has one example, for three ranks.
#[test]
fn a_rank_without_a_row_goes_along() {
    let data = digits(0..17);
    let config = TrainConfig { epochs: 2, batch: 8, ..config(OptimizerKind::AdamW) };
    let (alone, _) = weights(&data, &config, Hooks::default());
    let all = on_ranks(3, |rank| weights(&data, &config, Hooks { exchange: rank, ..Hooks::default() }));
    assert!(all.iter().all(|(weights, _)| *weights == all[0].0));
    // The steps of AdamW have the size of the rate wherever a gradient is not zero, however small: its rounding grows.
    assert!(distance(&alone, &all[0].0) < 1e-4, "{}", distance(&alone, &all[0].0));
}

/// Cross entropy that becomes NaN on one rank in its third step.
struct Breaks {
    on: usize,
    rank: usize,
    steps: Mutex<u32>,
}

impl Loss for Breaks {
    fn value_and_grad(
        &self,
        logits: ArrayView2<'_, f32>,
        targets: &Targets<'_>,
        grad: ArrayViewMut2<'_, f32>,
    ) -> Result<LossValue, LossError> {
        let mut value = CrossEntropy.value_and_grad(logits, targets, grad)?;
        let mut steps = self.steps.lock().unwrap();
        *steps += 1;
        if *steps == 3 && self.rank == self.on {
            value.total = f64::NAN;
        }
        Ok(value)
    }

    fn needs_teacher(&self) -> bool {
        false
    }
}

/// Stops, or not, after two steps.
struct Stops(bool, u32);

impl Observer for Stops {
    fn step(&mut self, report: &StepReport, _: Snapshot<'_>) -> ControlFlow<()> {
        self.1 = report.step;
        if self.0 && report.step == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[test]
fn what_is_no_number_on_one_rank_is_an_error_on_all() {
    let data = digits(0..40);
    let config = config(OptimizerKind::Sgd);
    let all = on_ranks(3, |rank| {
        let loss = Breaks { on: 1, rank: rank.rank, steps: Mutex::new(0) };
        let (hooks, teacher) = (Hooks { exchange: rank, ..Hooks::default() }, Teacher::None);
        let training =
            Training { data: &data, validation: None, loss: &loss, teacher, config: &config, seed: 7, hooks };
        let (mut student, mut watch) = (student(&data), Stops(false, 0));
        let error = train(&mut student, &training, &mut watch).unwrap_err();
        (error, watch.1, student.params().clone())
    });
    for (rank, (error, steps, params)) in all.iter().enumerate() {
        match error {
            TrainError::NonFinite { what: "the loss", epoch: 1, step: 3, .. } => assert_eq!(rank, 1),
            TrainError::OtherRank => assert_ne!(rank, 1),
            other => panic!("rank {rank}: {other}"),
        }
        assert_eq!(*steps, 2, "rank {rank}");
        assert!(*params == all[0].2, "rank {rank} made a step that the others did not");
    }
}

#[test]
fn one_that_stops_stops_all() {
    let data = digits(0..40);
    let config = config(OptimizerKind::Sgd);
    let all = on_ranks(3, |rank| {
        let (hooks, teacher) = (Hooks { exchange: rank, ..Hooks::default() }, Teacher::None);
        let loss = &CrossEntropy;
        let training = Training { data: &data, validation: None, loss, teacher, config: &config, seed: 7, hooks };
        let mut student = student(&data);
        let report = train(&mut student, &training, &mut Stops(rank.rank == 2, 0)).unwrap();
        (report.steps, report.completed, student.params().clone())
    });
    assert!(all.iter().all(|rank| *rank == all[0]));
    assert_eq!((all[0].0, all[0].1), (2, false));
}

/// A teacher that is told to stop in its second batch.
struct Interrupted(Network, Mutex<u32>, bool);

impl Model for Interrupted {
    fn spec(&self) -> &ModelSpec {
        self.0.spec()
    }

    fn logits_into(
        &self,
        inputs: ArrayView2<'_, f32>,
        scratch: &mut Scratch,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), ModelError> {
        let mut batches = self.1.lock().unwrap();
        *batches += 1;
        if self.2 && *batches == 2 { Err(ModelError::Stopped) } else { self.0.logits_into(inputs, scratch, out) }
    }
}

#[test]
fn a_teacher_that_is_told_to_stop_stops_all() {
    let data = digits(0..40);
    let (config, loss) = (config(OptimizerKind::Sgd), SoftTerm::Kd(Temperature::new(2.0).unwrap()));
    let loss = Distillation::new(loss, 0.5).unwrap();
    let all = on_ranks(2, |rank| {
        let teacher = Interrupted(model(&data, &[8], 1), Mutex::new(0), rank.rank == 0);
        let (hooks, teacher) = (Hooks { exchange: rank, ..Hooks::default() }, Teacher::Live(&teacher));
        let training =
            Training { data: &data, validation: None, loss: &loss, teacher, config: &config, seed: 7, hooks };
        let report = train(&mut student(&data), &training, &mut distill_train::NullObserver).unwrap();
        (report.steps, report.completed)
    });
    assert_eq!(all, [(1, false), (1, false)]);
}

#[test]
fn what_ranks_cannot_share_is_refused() {
    let data = digits(0..40);
    let refused = |data: &dyn Dataset, config: &TrainConfig, student: &Network| {
        let all = on_ranks(2, |rank| {
            let (hooks, loss) = (Hooks { exchange: rank, ..Hooks::default() }, &CrossEntropy);
            let teacher = Teacher::None;
            let training = Training { data, validation: None, loss, teacher, config, seed: 7, hooks };
            train(&mut student.clone(), &training, &mut distill_train::NullObserver).unwrap_err().to_string()
        });
        assert_eq!(all[0], all[1]);
        all[0].clone()
    };
    let mixed =
        TrainConfig { augment: AugmentConfig { mixup: 0.2, ..AugmentConfig::default() }, ..config(OptimizerKind::Sgd) };
    let expected = "augment.mixup is set, but several ranks share each batch";
    assert_eq!(refused(&data, &mixed, &student(&data)), expected);

    let words = Table::new(vec![2], vec![0.0, 1.0, 1.0, 1.0], vec![0, 1], vec!["a".into(), "b".into()]).unwrap();
    let embedding = Some(EmbeddingConfig { buckets: 2 });
    let table = MlpConfig { hidden: vec![3], embedding, ..MlpConfig::default() };
    let table = Network::new(table, vec![2], words.spec().classes.clone(), 1).unwrap();
    let plain = TrainConfig { augment: AugmentConfig::default(), ..config(OptimizerKind::Sgd) };
    let expected = "model.embedding is set, but several ranks share each batch";
    assert_eq!(refused(&words, &plain, &table), expected);
}
