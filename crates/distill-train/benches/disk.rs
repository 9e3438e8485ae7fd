//! An epoch of training on a set in memory and on the same set on the disk, in examples a second.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::path::Path;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use distill_datasets::{Dataset, IdxFolder, Split};
use distill_losses::CrossEntropy;
use distill_models::{MlpConfig, Network};
use distill_train::{Hooks, NullObserver, Teacher, TrainConfig, Training, train};

/// As many as MNIST has.
const N: usize = 60_000;

/// A quarter of the set.
const BOUND: u64 = 12 << 20;

fn write(folder: &Path) {
    let file = |name: &str, shape: &[usize], data: Vec<u8>| {
        let mut bytes = vec![0, 0, 8, shape.len() as u8];
        bytes.extend(shape.iter().flat_map(|&side| (side as u32).to_be_bytes()));
        std::fs::write(folder.join(name), [bytes, data].concat()).expect("a file");
    };
    file("train-images-idx3-ubyte", &[N, 28, 28], (0..N * 784).map(|i| (i * 37 % 251) as u8).collect());
    file("train-labels-idx1-ubyte", &[N], (0..N).map(|i| (i % 10) as u8).collect());
}

fn epochs(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path());
    let open = |bound| -> Arc<dyn Dataset> {
        IdxFolder::open(folder.path()).and_then(|data| data.load_within(Split::Train, None, bound)).expect("data")
    };
    let config = TrainConfig { epochs: 1, ..TrainConfig::default() };
    let mut group = c.benchmark_group("epoch");
    group.throughput(Throughput::Elements(N as u64)).sample_size(10);
    for hidden in [&[800, 800][..], &[30]] {
        for (name, data) in [("memory", open(u64::MAX)), ("disk", open(BOUND))] {
            let model_config = MlpConfig { hidden: hidden.to_vec(), ..MlpConfig::default() };
            let id = BenchmarkId::new(name, model_config.architecture(784, 10));
            let spec = data.spec();
            let mut model =
                Network::new(model_config, spec.input_shape.clone(), spec.classes.clone(), 1).expect("a model");
            let (loss, teacher) = (&CrossEntropy, Teacher::None);
            let training = Training {
                data: &*data,
                validation: None,
                loss,
                teacher,
                config: &config,
                seed: 1,
                hooks: Hooks::default(),
            };
            group.bench_function(id, |b| b.iter(|| train(&mut model, &training, &mut NullObserver).expect("an epoch")));
        }
    }
    group.finish();
}

criterion_group!(benches, epochs);
criterion_main!(benches);
