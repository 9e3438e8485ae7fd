use std::fs;
use std::sync::Mutex;

use distill_datasets::Images;
use distill_losses::CrossEntropy;
use distill_models::{MlpConfig, Trainable as _};
use distill_train::{NullObserver, OptimizerConfig, Teacher, TrainConfig, Training, train};

use super::*;
use crate::Report;

/// Nine classes in three groups that look alike: two numbers say which group, two small ones which of its classes.
fn data(n: usize, seed: usize) -> Arc<dyn Dataset> {
    let labels: Vec<u8> = (0..n).map(|i| (i % 9) as u8).collect();
    let mut pixels = vec![];
    for (i, &label) in labels.iter().enumerate() {
        let noise = |at: usize| ((i * 31 + at * 17 + seed * 101) * 7919 % 61) as u8;
        let (group, member) = (label / 3, label % 3);
        pixels.extend([
            60 + 60 * group + noise(0) / 4,
            noise(1),
            90 + 30 * member + noise(2),
            100 + noise(3) - 20 * member,
        ]);
    }
    let classes = (0..9).map(|class| format!("c{class}")).collect();
    let labels = labels.into_iter().map(u32::from).collect();
    Arc::new(Images::new(vec![4], pixels, labels, classes).unwrap())
}

fn config(epochs: u32) -> TrainConfig {
    TrainConfig {
        epochs,
        batch: 32,
        optimizer: OptimizerConfig { lr: 0.05, ..OptimizerConfig::default() },
        ..TrainConfig::default()
    }
}

fn generalist(data: &Arc<dyn Dataset>) -> Network {
    let spec = data.spec();
    let config_ = MlpConfig { hidden: vec![6], ..MlpConfig::default() };
    let mut model = Network::new(config_, spec.input_shape.clone(), spec.classes.clone(), 1).unwrap();
    let training = Training {
        data: &**data,
        validation: None,
        loss: &CrossEntropy,
        teacher: Teacher::None,
        config: &config(3),
        seed: 1,
        hooks: distill_train::Hooks::default(),
    };
    train(&mut model, &training, &mut NullObserver).unwrap();
    model
}

const CLUSTERS: [&[u32]; 3] = [&[0, 1, 2], &[3, 4, 5], &[6, 7, 8]];

fn clusters() -> Vec<Vec<u32>> {
    CLUSTERS.map(<[u32]>::to_vec).to_vec()
}

fn training<'a>(
    generalist: &'a Network,
    data: &'a Arc<dyn Dataset>,
    clusters: &'a [Vec<u32>],
    config: &'a SpecialistConfig,
) -> SystemTraining<'a> {
    SystemTraining { generalist, data, data_sha256: "d", clusters, config, top: 1, stop: &|| false }
}

fn settings(alpha: f64) -> SpecialistConfig {
    SpecialistConfig { train: config(20), alpha, seed: 3 }
}

#[test]
fn specialists_help_and_come_back_from_their_folder() {
    let data = data(900, 1);
    let test = self::data(900, 2);
    let generalist = generalist(&data);
    for alpha in [0.0, 0.3] {
        let folder = tempfile::tempdir().unwrap();
        let folder = SystemFolder::new(folder.path().join("system"));
        let system = folder.train(&training(&generalist, &data, &clusters(), &settings(alpha)), &|_| {}).unwrap();
        let report = Report::of(&system, &*test).unwrap();
        assert!(report.correct[1] > report.correct[0] + 40, "alpha {alpha}: {report:?}");
        assert_eq!((report.examples, report.specialists_asked), (900, 1.0));

        let read = folder.load().unwrap();
        let inputs = ndarray::Array2::from_shape_fn((5, 4), |(i, j)| (i + j) as f32 * 0.1);
        assert_eq!(read.logits(inputs.view()).unwrap(), system.logits(inputs.view()).unwrap());
    }
}

#[test]
fn what_was_trained_is_not_trained_again_and_bits_do_not_depend_on_threads() {
    let data = data(300, 1);
    let generalist = generalist(&data);
    let dir = tempfile::tempdir().unwrap();
    let folder = SystemFolder::new(dir.path());
    let trained = Mutex::new(vec![]);
    let go = |settings: &SpecialistConfig| {
        trained.lock().unwrap().clear();
        let done = |number| trained.lock().unwrap().push(number);
        let system = folder.train(&training(&generalist, &data, &clusters(), settings), &done).unwrap();
        let mut trained = trained.lock().unwrap().clone();
        trained.sort_unstable();
        (system, trained)
    };
    let (first, all) = go(&settings(0.0));
    assert_eq!(all, [0, 1, 2]);
    assert_eq!(go(&settings(0.0)).1, Vec::<usize>::new());
    // As after a crash: one is missing, one is cut.
    fs::remove_file(dir.path().join("specialist-001.safetensors")).unwrap();
    let cut = dir.path().join("specialist-002.safetensors");
    let bytes = fs::read(&cut).unwrap();
    fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let error = folder.load().map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("specialist-001.safetensors"), "{error}");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let (second, some) = pool.install(|| go(&settings(0.0)));
    assert_eq!(some, [1, 2]);
    for (a, b) in first.specialists().iter().zip(second.specialists()) {
        assert_eq!(a.model().params().as_slice(), b.model().params().as_slice());
    }
    // Who stops keeps what is done.
    let (clusters, config) = (clusters(), settings(0.0));
    let training = SystemTraining { stop: &|| true, ..training(&generalist, &data, &clusters, &config) };
    assert!(folder.train(&training, &|_| {}).is_ok());
    fs::remove_file(dir.path().join("specialist-000.safetensors")).unwrap();
    let stopped = folder.train(&training, &|_| {}).map(|_| ()).unwrap_err();
    assert!(matches!(stopped, SpecialistError::Stopped { specialist: 0 }), "{stopped}");
    // Other settings are other specialists.
    assert_eq!(go(&settings(0.5)).1, [0, 1, 2]);
}

#[test]
fn a_folder_that_was_changed_is_refused() {
    let data = data(90, 1);
    let generalist = generalist(&data);
    let dir = tempfile::tempdir().unwrap();
    let folder = SystemFolder::new(dir.path());
    assert!(!SystemFolder::is_one(dir.path()));
    let short = SpecialistConfig { train: config(1), ..settings(0.0) };
    folder.train(&training(&generalist, &data, &clusters(), &short), &|_| {}).unwrap();
    assert!(SystemFolder::is_one(dir.path()));
    let manifest = dir.path().join(MANIFEST);
    let whole = fs::read_to_string(&manifest).unwrap();
    for (from, to, expected) in [
        ("\"version\": 2", "\"version\": 3", "has version 3"),
        ("\"top\": 1", "\"top\": 0", "top must be 1 to 9"),
        ("\"tolerance\": 1e-9", "\"tolerance\": -1.0", "tolerance must be"),
        ("specialist-000.safetensors", "../x.safetensors", "does not belong to the folder"),
        ("specialist-000.safetensors", "specialist-001.safetensors", "SHA-256 is"),
        ("\"sha256\": \"", "\"sha256\": \"0", "SHA-256 is"),
        ("{", "[", "system.json"),
    ] {
        assert!(whole.contains(from), "{from}: {whole}");
        fs::write(&manifest, whole.replacen(from, to, 1)).unwrap();
        let error = folder.load().map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(expected), "{from}: {error}");
    }
    fs::remove_file(&manifest).unwrap();
    assert!(folder.load().map(|_| ()).unwrap_err().to_string().contains("system.json"));
}
