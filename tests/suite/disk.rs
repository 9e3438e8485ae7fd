//! Training on a file that does not fit into the memory it may take.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use distill_datasets::{Dataset, IdxFolder, Images, Split, Subset, mnist};
use distill_losses::{CrossEntropy, Distillation, SoftTerm, Temperature};
use distill_models::{MlpConfig, Network, Trainable};
use distill_tensor::Params;
use distill_train::{
    Checkpoint, CheckpointContext, Fingerprint, Hooks, NullObserver, Observer, OptimizerConfig, Snapshot, SoftTargets,
    StepReport, Teacher, TrainConfig, Training, evaluate, train, train_from,
};

/// The first digits of the test set, sorted by class if it is asked for, as a folder of IDX files.
fn write(folder: &Path, n: usize, sorted: bool) -> Images {
    let digits = mnist(Split::Test).unwrap();
    let mut order: Vec<usize> = (0..n).collect();
    if sorted {
        order.sort_by_key(|&i| digits.labels()[i]);
    }
    let pixels: Vec<u8> = order.iter().flat_map(|&i| digits.pixels(i).unwrap()).copied().collect();
    let labels: Vec<u32> = order.iter().map(|&i| digits.labels()[i]).collect();
    let bytes: Vec<u8> = labels.iter().map(|&label| label as u8).collect();
    let file = |name: &str, shape: &[usize], data: &[u8]| {
        let mut bytes = vec![0, 0, 8, shape.len() as u8];
        bytes.extend(shape.iter().flat_map(|&side| (side as u32).to_be_bytes()));
        fs::write(folder.join(name), [&bytes, data].concat()).unwrap();
    };
    file("train-images-idx3-ubyte", &[n, 28, 28], &pixels);
    file("train-labels-idx1-ubyte", &[n], &bytes);
    Images::new(vec![1, 28, 28], pixels, labels, digits.spec().classes.clone()).unwrap()
}

fn open(folder: &Path, bound: u64) -> Arc<dyn Dataset> {
    let data = IdxFolder::open(folder).unwrap().load_within(Split::Train, None, bound).unwrap();
    assert!(data.windows().is_some(), "{bound} bytes are too many: the set is in memory");
    data
}

fn model(hidden: &[usize]) -> Network {
    let config = MlpConfig { hidden: hidden.to_vec(), dropout: 0.1, ..MlpConfig::default() };
    Network::new(config, vec![1, 28, 28], (0..10).map(|class| class.to_string()).collect(), 5).unwrap()
}

/// Keeps the checkpoint after every step.
struct KeepAll(Vec<Vec<u8>>);

impl Observer for KeepAll {
    fn step(&mut self, _: &StepReport, snapshot: Snapshot<'_>) -> ControlFlow<()> {
        self.0.push(Checkpoint::encode(&CheckpointContext::new(), snapshot).unwrap());
        ControlFlow::Continue(())
    }
}

#[test]
fn any_number_of_threads_and_any_interruption_gives_the_same_bits() {
    let dir = tempfile::tempdir().unwrap();
    let whole = write(dir.path(), 600, false);
    // Batches end within windows, and the examples are not all of those in the file.
    let base = open(dir.path(), 150_000);
    let window = base.windows().unwrap().window;
    assert!((64..150).contains(&window) && !window.is_multiple_of(50), "{window} examples in a window");
    let indices: Vec<_> = (0..600).filter(|i| i % 6 != 1).collect();
    let data = Subset::new(base, indices.clone()).unwrap();
    let whole = Subset::new(Arc::new(whole), indices).unwrap();
    assert_eq!(Fingerprint::of(&data).unwrap(), Fingerprint::of(&whole).unwrap());
    let teacher = model(&[40]);
    let targets = SoftTargets::compute(&teacher, &data).unwrap();
    assert_eq!(targets, SoftTargets::compute(&teacher, &whole).unwrap());
    assert_eq!(evaluate(&teacher, &data).unwrap(), evaluate(&teacher, &whole).unwrap());

    let config = TrainConfig { epochs: 3, batch: 50, ..TrainConfig::default() };
    let loss = Distillation::new(SoftTerm::Kd(Temperature::new(3.0).unwrap()), 0.7).unwrap();
    let teacher = Teacher::Cached(&targets);
    let training = Training {
        data: &data,
        validation: None,
        loss: &loss,
        teacher,
        config: &config,
        seed: 9,
        hooks: Hooks::default(),
    };
    let weights = |n_threads: usize| -> (Params, Vec<Vec<u8>>) {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        pool.install(|| {
            let (mut student, mut checkpoints) = (model(&[400, 100]), KeepAll(vec![]));
            train(&mut student, &training, &mut checkpoints).unwrap();
            (student.params().clone(), checkpoints.0)
        })
    };
    let (expected, checkpoints) = weights(1);
    assert_eq!(checkpoints.len(), 30);
    for n_threads in [2, 3] {
        assert!(weights(n_threads).0 == expected, "{n_threads} threads");
    }
    for (step, bytes) in (1..).zip(&checkpoints) {
        let mut student = model(&[400, 100]);
        let state = Checkpoint::decode(bytes).unwrap().restore(&mut student, &config.optimizer).unwrap();
        train_from(&mut student, &training, state, &mut NullObserver).unwrap();
        assert!(student.params() == &expected, "resumed after step {step}");
    }
}

/// Test errors after three epochs on 8,000 digits, all in memory or in windows of a twentieth.
#[test]
fn a_file_that_is_sorted_by_class_trains_as_well_as_memory_does() {
    let dir = tempfile::tempdir().unwrap();
    let sorted = write(dir.path(), 8000, true);
    let data = open(dir.path(), 760_000);
    let window = data.windows().unwrap().window;
    assert!((380..=400).contains(&window), "{window} of 8,000 examples in a window");
    let held_out = Subset::new(Arc::new(mnist(Split::Test).unwrap()), (8000..10_000).collect()).unwrap();
    let errors = |data: &dyn Dataset, seed| {
        let optimizer = OptimizerConfig { lr: 0.05, ..OptimizerConfig::default() };
        let config = TrainConfig { epochs: 3, batch: 64, optimizer, ..TrainConfig::default() };
        let (loss, teacher) = (&CrossEntropy, Teacher::None);
        let training =
            Training { data, validation: None, loss, teacher, config: &config, seed, hooks: Hooks::default() };
        let mut student = model(&[100]);
        train(&mut student, &training, &mut NullObserver).unwrap();
        evaluate(&student, &held_out).unwrap().errors
    };
    let sum = |data: &dyn Dataset| (1..=3).map(|seed| errors(data, seed)).sum::<usize>();
    let (disk, memory) = (sum(&*data), sum(&sorted));
    println!("{disk} errors of 6,000 in windows, {memory} in memory");
    assert!(disk * 10 < memory * 12, "{disk} errors in windows, {memory} in memory");
}
