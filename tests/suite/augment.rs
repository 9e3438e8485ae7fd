//! Colour pictures that are changed from epoch to epoch: what student and teacher see, for any number of threads and resumed.

use std::ops::ControlFlow;
use std::sync::Mutex;

use distill_datasets::{Augmentation, Dataset, Images};
use distill_losses::{Distillation, SoftTerm, Temperature};
use distill_models::{MlpConfig, Model, ModelError, ModelSpec, Network, Scratch, Trainable};
use distill_train::{
    AugmentConfig, Checkpoint, CheckpointContext, Hooks, NullObserver, Observer, PaddingConfig, Snapshot, SoftTargets,
    StepReport, Teacher, TrainConfig, TrainError, Training, train, train_from,
};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};

const BATCH: usize = 96;

/// 240 pictures, enough of a batch for two threads.
fn pictures() -> Images {
    let n = 240;
    let pixel = |at: usize| (at * 7919 % 251 + at / 3072 % 4) as u8;
    let classes = ["a", "b", "c"].map(str::to_owned).to_vec();
    let labels = (0..n).map(|i| (i % 3) as u32).collect();
    Images::new(vec![3, 32, 32], (0..n * 3072).map(pixel).collect(), labels, classes).unwrap()
}

/// Everything that there is.
fn all() -> AugmentConfig {
    AugmentConfig {
        shift: 4,
        padding: PaddingConfig::Reflect,
        flip: true,
        crop: Some(0.3),
        brightness: 0.4,
        contrast: 0.4,
        saturation: 0.4,
        cutout: 8,
        time_mask: 5,
        frequency_mask: 6,
        noise: 0.02,
        ..AugmentConfig::default()
    }
}

/// What can be counted.
fn countable() -> AugmentConfig {
    AugmentConfig { shift: 1, flip: true, padding: PaddingConfig::Reflect, ..AugmentConfig::default() }
}

fn model(data: &dyn Dataset, hidden: usize, seed: u64) -> Network {
    let config = MlpConfig { hidden: vec![hidden], ..MlpConfig::default() };
    Network::new(config, data.spec().input_shape.clone(), data.spec().classes.clone(), seed).unwrap()
}

fn config(augment: AugmentConfig) -> TrainConfig {
    TrainConfig { epochs: 2, batch: BATCH, augment, ..TrainConfig::default() }
}

fn weights(data: &dyn Dataset, config: &TrainConfig, teacher: Teacher<'_>) -> Result<Vec<f32>, TrainError> {
    let loss = Distillation::new(SoftTerm::Kd(Temperature::new(4.0).unwrap()), 0.7).unwrap();
    let training = Training { data, validation: None, loss: &loss, teacher, config, seed: 3, hooks: Hooks::default() };
    let mut student = model(data, 16, 7);
    train(&mut student, &training, &mut NullObserver)?;
    Ok(student.params().as_slice().to_vec())
}

#[test]
fn all_changes_give_the_same_bits_for_any_number_of_threads() {
    let data = pictures();
    let teacher = model(&data, 20, 1);
    let run = |augment, threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| weights(&data, &config(augment), Teacher::Live(&teacher)).unwrap())
    };
    let one = run(all(), 1);
    assert!([2, 3].iter().all(|&threads| run(all(), threads) == one));
    // Each change changes something.
    let without: [fn(&mut AugmentConfig); 7] = [
        |augment| augment.padding = PaddingConfig::Zero,
        |augment| augment.flip = false,
        |augment| augment.crop = None,
        |augment| augment.brightness = 0.0,
        |augment| augment.contrast = 0.0,
        |augment| augment.saturation = 0.0,
        |augment| augment.cutout = 0,
    ];
    for (i, without) in without.into_iter().enumerate() {
        let mut augment = all();
        without(&mut augment);
        assert!(run(augment, 2) != one, "{i}");
    }
}

/// Keeps the checkpoint of a step, and ends training there.
struct StopAt(u32, Vec<u8>);

impl Observer for StopAt {
    fn step(&mut self, report: &StepReport, snapshot: Snapshot<'_>) -> ControlFlow<()> {
        if report.step < self.0 {
            return ControlFlow::Continue(());
        }
        self.1 = Checkpoint::encode(&CheckpointContext::new(), snapshot).unwrap();
        ControlFlow::Break(())
    }
}

#[test]
fn resumed_training_sees_the_same_pictures() {
    let data = pictures();
    let (config, teacher) = (config(all()), model(&data, 20, 1));
    let expected = weights(&data, &config, Teacher::Live(&teacher)).unwrap();
    let loss = Distillation::new(SoftTerm::Kd(Temperature::new(4.0).unwrap()), 0.7).unwrap();
    let training = Training {
        data: &data,
        validation: None,
        loss: &loss,
        teacher: Teacher::Live(&teacher),
        config: &config,
        seed: 3,
        hooks: Hooks::default(),
    };
    for step in 1..6 {
        let mut stop = StopAt(step, vec![]);
        train(&mut model(&data, 16, 7), &training, &mut stop).unwrap();
        let mut student = model(&data, 16, 8);
        let state = Checkpoint::decode(&stop.1).unwrap().restore(&mut student, &config.optimizer).unwrap();
        train_from(&mut student, &training, state, &mut NullObserver).unwrap();
        assert!(student.params().as_slice() == expected, "step {step}");
    }
}

#[test]
fn kept_answers_to_flips_and_shifts_are_those_to_what_the_student_sees() {
    let data = pictures();
    let (config, teacher) = (config(countable()), model(&data, 20, 1));
    let jitter = config.augment.jitter(&data.spec().input_shape).unwrap().unwrap();
    let targets = SoftTargets::compute_views(&teacher, &data, &jitter).unwrap();
    assert_eq!((targets.n_views(), config.augment.n_views()), (18, Some(18)));
    let cached = weights(&data, &config, Teacher::Cached(&targets)).unwrap();
    assert!(cached == weights(&data, &config, Teacher::Live(&teacher)).unwrap());

    // Of what cannot be counted nothing is kept.
    let many = TrainConfig { augment: all(), ..config };
    assert!(matches!(weights(&data, &many, Teacher::Cached(&targets)), Err(TrainError::TooManyViews)));
    let jitter = many.augment.jitter(&data.spec().input_shape).unwrap().unwrap();
    assert!(matches!(SoftTargets::compute_views(&teacher, &data, &jitter), Err(TrainError::TooManyViews)));
}

/// A teacher that remembers the rows that it was asked about.
struct Listening(Network, Mutex<Vec<Array2<f32>>>);

impl Model for Listening {
    fn spec(&self) -> &ModelSpec {
        self.0.spec()
    }

    fn logits_into(
        &self,
        inputs: ArrayView2<'_, f32>,
        scratch: &mut Scratch,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), ModelError> {
        self.1.lock().unwrap().push(inputs.to_owned());
        self.0.logits_into(inputs, scratch, out)
    }
}

#[test]
fn a_live_teacher_sees_the_changed_pictures_of_each_epoch() {
    let data = pictures();
    let teacher = Listening(model(&data, 20, 1), Mutex::default());
    weights(&data, &config(all()), Teacher::Live(&teacher)).unwrap();
    let seen = teacher.1.into_inner().unwrap();
    let jitter = all().jitter(&data.spec().input_shape).unwrap().unwrap();
    let mut order = vec![0; data.len()];
    let mut batches = seen.iter();
    for epoch in 0..2 {
        distill_datasets::select::epoch_order(&data, 3, epoch, &mut order);
        for indices in order.chunks(BATCH) {
            let mut rows = Array2::zeros((indices.len(), 3072));
            data.read(indices, rows.view_mut()).unwrap();
            Augmentation { jitter, seed: 3, epoch }.apply(indices, rows.view_mut());
            assert!(batches.next() == Some(&rows), "epoch {epoch}");
        }
    }
    assert!(batches.next().is_none());
}
