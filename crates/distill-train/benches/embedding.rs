//! One training step of a network whose first layer is a table, in examples a second.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use distill_datasets::{DataError, DataSpec, Dataset, check_batch};
use distill_losses::CrossEntropy;
use distill_models::{EmbeddingConfig, MlpConfig, Network, StepKey, Trainable};
use distill_tensor::{Philox, Stream};
use distill_train::{Hooks, Optimizer, OptimizerConfig, OptimizerKind, StepContext, Teacher, TrainingStep};
use ndarray::{Array2, ArrayViewMut2};

const BATCH: usize = 128;
/// Steps until a batch comes again.
const N_BATCHES: usize = 50;
const CLASSES: usize = 420;
/// As 24 characters of Latin letters have, and the room there is for others.
const N_GRAMS: usize = 94;
const WIDTH: usize = 378;

/// Numbers of buckets of which some are far more frequent than others, as those of text are.
struct Numbers {
    spec: DataSpec,
    rows: Array2<f32>,
}

impl Numbers {
    fn new(buckets: usize) -> Self {
        let classes = (0..CLASSES).map(|class| class.to_string()).collect();
        let mut random = Philox::new(1, Stream::Snippet, 0, 0);
        let mut number = || {
            let [uniform, ..] = random.next_block().map(|word| f64::from(word) / 2.0_f64.powi(32));
            (uniform.powi(3) * buckets as f64) as f32
        };
        let of = |(_, column)| if column < N_GRAMS { number().floor() } else { -1.0 };
        let rows = Array2::from_shape_fn((BATCH * N_BATCHES, WIDTH), of);
        Self { spec: DataSpec::new(vec![WIDTH], classes), rows }
    }
}

impl Dataset for Numbers {
    fn spec(&self) -> &DataSpec {
        &self.spec
    }

    fn len(&self) -> usize {
        self.rows.nrows()
    }

    fn read(&self, indices: &[usize], mut out: ArrayViewMut2<'_, f32>) -> Result<(), DataError> {
        check_batch(self, indices, out.dim())?;
        indices.iter().zip(out.outer_iter_mut()).for_each(|(&i, mut row)| row.assign(&self.rows.row(i)));
        Ok(())
    }

    fn label(&self, index: usize) -> Option<u32> {
        Some((index % CLASSES) as u32)
    }
}

fn steps(c: &mut Criterion) {
    let embedding = EmbeddingConfig::default();
    let data = Numbers::new(embedding.buckets);
    let indices: Vec<usize> = (0..data.len()).collect();
    let context = StepContext {
        data: &data,
        loss: &CrossEntropy,
        teacher: Teacher::None,
        augment: None,
        mixup: 0.0,
        clip_grad_norm: None,
        hooks: Hooks::default(),
    };
    let mut group = c.benchmark_group("embedding");
    group.throughput(Throughput::Elements(BATCH as u64));
    for (hidden, kind) in [(256, OptimizerKind::AdamW), (256, OptimizerKind::Sgd), (24, OptimizerKind::AdamW)] {
        for threads in [1, 2] {
            let config = MlpConfig { hidden: vec![hidden], embedding: Some(embedding), ..MlpConfig::default() };
            let name = format!("{}, {kind:?}", config.architecture(WIDTH, CLASSES));
            let mut model = Network::new(config, vec![WIDTH], data.spec.classes.clone(), 1).expect("a model");
            let config = OptimizerConfig { kind, ..OptimizerConfig::default() };
            let mut optimizer = Optimizer::new(config, model.params());
            let mut step = TrainingStep::new(&model, BATCH);
            let mut key = StepKey::new(1, 0);
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            group.bench_function(BenchmarkId::new(name, format!("{threads} threads")), |b| {
                pool.install(|| {
                    b.iter(|| {
                        key.step += 1;
                        let batch = &indices[key.step as usize % N_BATCHES * BATCH..][..BATCH];
                        step.run(&mut model, &mut optimizer, batch, key, 1e-4, &context).expect("a step")
                    });
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, steps);
criterion_main!(benches);
