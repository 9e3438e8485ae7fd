//! A table of rows, of which a step touches some: beside a network that multiplies with all of it.

use std::sync::Arc;

use distill_datasets::Dataset;
use distill_losses::{CrossEntropy, Loss, Targets};
use distill_models::{
    EmbeddingConfig, MlpConfig, Model, ModelError, Network, Provenance, StepKey, Tape, Trainable, to_safetensors,
};
use distill_tensor::{ParamId, Params};
use distill_text::{NGrams, Part, Snippets, TextSnippets, udhr};
use distill_train::{
    Hooks, NullObserver, Optimizer, OptimizerConfig, OptimizerKind, PrecisionConfig, StepContext, Teacher, TrainConfig,
    TrainError, Training, TrainingStep, clip_factor, train,
};
use ndarray::{Array2, array};

const BUCKETS: usize = 40;
const KEY: StepKey = StepKey { seed: 5, step: 3, first_row: 0 };

fn classes(n: usize) -> Vec<String> {
    (0..n).map(|class| class.to_string()).collect()
}

fn model(hidden: &[usize]) -> Network {
    let embedding = Some(EmbeddingConfig { buckets: BUCKETS });
    let config = MlpConfig { hidden: hidden.to_vec(), embedding, ..MlpConfig::default() };
    Network::new(config, vec![8], classes(3), 11).unwrap()
}

/// Numbers of buckets that differ from step to step, with padding and repetitions.
fn numbers(step: usize) -> Array2<f32> {
    Array2::from_shape_fn((6, 8), |(i, j)| {
        let number = (step * 13 + i * 5 + j / 2 * 7) % BUCKETS;
        // One example has no bucket at all.
        if i == 3 || (i + j + step).is_multiple_of(3) { -1.0 } else { number as f32 }
    })
}

/// Inputs of a network without a table that gives the same sums: the share of each bucket.
fn shares(numbers: &Array2<f32>) -> Array2<f32> {
    let mut shares = Array2::zeros((numbers.nrows(), BUCKETS));
    for (numbers, mut shares) in numbers.outer_iter().zip(shares.outer_iter_mut()) {
        let buckets: Vec<f32> = numbers.iter().copied().filter(|&number| number >= 0.0).collect();
        buckets.iter().for_each(|&bucket| shares[bucket as usize] += 1.0 / buckets.len() as f32);
    }
    shares
}

fn id(params: &Params, name: &str) -> ParamId {
    params.layout().iter().find(|(_, other, _)| *other == name).unwrap().0
}

fn gradient(model: &Network, inputs: &Array2<f32>, tape: &mut Tape, grads: &mut Params) {
    model.forward(inputs.view(), KEY, tape).unwrap();
    let mut grad = Array2::zeros(tape.logits().dim());
    let targets = Targets { labels: Some(&[0, 1, 2, 2, 1, 0]), teacher_logits: None };
    CrossEntropy.value_and_grad(tape.logits(), &targets, grad.view_mut()).unwrap();
    model.backward(grad.view(), tape, grads);
}

#[test]
fn learns_what_a_network_on_shares_of_buckets_learns() {
    for hidden in [&[9][..], &[8, 5]] {
        let mut sparse = model(hidden);
        let config = MlpConfig { hidden: hidden.to_vec(), ..MlpConfig::default() };
        let mut dense = Network::new(config, vec![BUCKETS], classes(3), 1).unwrap();
        let table = id(sparse.params(), "embedding.weight");
        let weight = id(dense.params(), "hidden.0.weight");
        let others: Vec<_> =
            sparse.params().layout().iter().skip(1).map(|(id, name, _)| (id, name.to_owned())).collect();
        let transposed = sparse.params().matrix(table).t().to_owned();
        dense.params_mut().matrix_mut(weight).assign(&transposed);
        for (other, name) in &others {
            let id = id(dense.params(), name);
            dense.params_mut().vector_mut(id).copy_from_slice(sparse.params().vector(*other));
        }

        let config = OptimizerConfig { momentum: 0.0, nesterov: false, ..OptimizerConfig::default() };
        let mut optimizers = [&sparse, &dense].map(|model| Optimizer::new(config.clone(), model.params()));
        let mut grads = [&sparse, &dense].map(|model| Params::zeros(model.params().layout().clone()));
        let mut tapes = [&sparse, &dense].map(|model| model.tape());
        let start = sparse.params().clone();
        for step in 0..30 {
            let inputs = numbers(step);
            let all = [(&mut sparse, inputs.clone()), (&mut dense, shares(&inputs))];
            let mut norms = vec![];
            for (i, (model, inputs)) in all.into_iter().enumerate() {
                gradient(model, &inputs, &mut tapes[i], &mut grads[i]);
                let (norm, factor) = clip_factor(&grads[i], 0.2);
                optimizers[i].step(model.params_mut(), &grads[i], 0.1, factor);
                norms.push(norm);
            }
            assert!((norms[0] / norms[1] - 1.0).abs() < 1e-4, "{norms:?}");
            let apart = |a: f32, b: f32| (a - b).abs() / (1.0 + b.abs());
            let rows = (&sparse.params().matrix(table) - &dense.params().matrix(weight).t()).mapv(f32::abs);
            assert!(rows.iter().all(|&apart| apart < 2e-5), "step {step}");
            for (other, name) in &others {
                let pairs = sparse.params().vector(*other).iter().zip(dense.params().vector(id(dense.params(), name)));
                assert!(pairs.into_iter().all(|(a, b)| apart(*a, *b) < 2e-5), "{name}, step {step}");
            }
        }
        // It has learned something, so there was something to compare.
        let moved = sparse.params().vector(table).iter().zip(start.vector(table)).filter(|(a, b)| a != b).count();
        assert!(moved > start.vector(table).len() / 2, "{moved}");
    }
}

#[test]
fn rows_that_are_not_touched_stay_as_they_are_and_wait_with_their_moments() {
    for kind in [OptimizerKind::Sgd, OptimizerKind::AdamW] {
        let config = OptimizerConfig { kind, lr: 0.1, weight_decay: 0.1, ..OptimizerConfig::default() };
        let mut model = model(&[4]);
        let table = id(model.params(), "embedding.weight");
        let (mut tape, mut grads) = (model.tape(), Params::zeros(model.params().layout().clone()));
        let mut optimizer = Optimizer::new(config.clone(), model.params());
        // The same rule on the dense gradient of one row, which takes part in the steps that touch it.
        let mut row = Reference { kind, w: model.params().matrix(table).row(7).to_vec(), slots: vec![[0.0; 2]; 4] };
        for step in 1..=12_i32 {
            // Bucket 7 is in every third batch.
            let other = if step % 3 == 1 { 7.0 } else { 8.0 };
            let inputs = array![[other, 3.0], [other, -1.0], [5.0, 3.0]];
            let inputs = Array2::from_shape_fn((6, 8), |(i, j)| if j < 2 && i < 3 { inputs[[i, j]] } else { -1.0 });
            gradient(&model, &inputs, &mut tape, &mut grads);
            let expected = [3, 5, other as u32];
            assert_eq!(grads.touched().unwrap().rows, expected);
            let before = model.params().matrix(table).to_owned();
            optimizer.step(model.params_mut(), &grads, 0.1, 0.5);
            let after = model.params().matrix(table);
            for bucket in 0..BUCKETS {
                let changed = before.row(bucket) != after.row(bucket);
                assert_eq!(changed, expected.contains(&(bucket as u32)), "{kind:?}: bucket {bucket}, step {step}");
            }
            if other == 7.0 {
                row.step(step, &grads.matrix(table).row(7).mapv(|g| 0.5 * g).to_vec());
            }
            let apart = after.row(7).iter().zip(&row.w).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(apart < 1e-5, "{kind:?}: {apart}");
        }
    }
}

/// Nesterov's momentum and AdamW with the default numbers, from their formulas.
struct Reference {
    kind: OptimizerKind,
    w: Vec<f32>,
    slots: Vec<[f32; 2]>,
}

impl Reference {
    fn step(&mut self, t: i32, grads: &[f32]) {
        let (lr, decay) = (0.1, 0.1);
        for ((w, [m, v]), g) in self.w.iter_mut().zip(&mut self.slots).zip(grads) {
            if self.kind == OptimizerKind::Sgd {
                let g = g + decay * *w;
                *m = 0.9 * *m + g;
                *w -= lr * (g + 0.9 * *m);
            } else {
                *m = 0.9 * *m + 0.1 * g;
                *v = 0.999 * *v + 0.001 * g * g;
                let (first, second) = (*m / (1.0 - 0.9_f32.powi(t)), *v / (1.0 - 0.999_f32.powi(t)));
                *w -= lr * decay * *w + lr * first / (second.sqrt() + 1e-8);
            }
        }
    }
}

#[test]
fn what_is_no_bucket_changes_nothing() {
    let mut model = model(&[4]);
    for bad in [BUCKETS as f32, 0.5, -2.0, f32::NAN, f32::INFINITY] {
        let mut inputs = numbers(0);
        inputs[[4, 2]] = bad;
        let is_named = |error: &ModelError| {
            matches!(error, ModelError::BucketNumber { example: 4, input: 2, buckets: BUCKETS, .. })
        };
        assert!(is_named(&model.logits(inputs.view()).unwrap_err()));
        let mut tape = model.tape();
        assert!(is_named(&model.forward(inputs.view(), KEY, &mut tape).unwrap_err()));
        assert_eq!(tape.rows(), 0);

        // A step of training says so too, and leaves the weights alone.
        let before = model.params().clone();
        let mut optimizer = Optimizer::new(OptimizerConfig::default(), model.params());
        let context = StepContext {
            data: &Rows { spec: spec(), inputs },
            loss: &CrossEntropy,
            teacher: Teacher::None,
            augment: None,
            mixup: 0.0,
            clip_grad_norm: None,
            hooks: Hooks::default(),
        };
        let mut step = TrainingStep::new(&model, 6);
        let error = step.run(&mut model, &mut optimizer, &[0, 1, 2, 3, 4, 5], KEY, 0.1, &context).unwrap_err();
        assert!(matches!(error, TrainError::Model(error) if is_named(&error)));
        assert_eq!(model.params(), &before);
    }
}

fn spec() -> distill_datasets::DataSpec {
    distill_datasets::DataSpec::new(vec![8], classes(3))
}

/// A data set that does not check what it holds.
struct Rows {
    spec: distill_datasets::DataSpec,
    inputs: Array2<f32>,
}

impl Dataset for Rows {
    fn spec(&self) -> &distill_datasets::DataSpec {
        &self.spec
    }

    fn len(&self) -> usize {
        self.inputs.nrows()
    }

    fn read(
        &self,
        indices: &[usize],
        mut out: ndarray::ArrayViewMut2<'_, f32>,
    ) -> Result<(), distill_datasets::DataError> {
        indices.iter().zip(out.outer_iter_mut()).for_each(|(&i, mut row)| row.assign(&self.inputs.row(i)));
        Ok(())
    }

    fn label(&self, index: usize) -> Option<u32> {
        Some(index as u32 % 3)
    }
}

/// Wide enough that every parallel path is taken.
fn weights(threads: usize, kind: OptimizerKind, precision: PrecisionConfig) -> Vec<u8> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let snippets = Snippets::new(Arc::new(udhr().unwrap()), Part::Train, 24, 1).unwrap();
        let data = TextSnippets::new(snippets, NGrams::default(), 600).unwrap();
        let config = MlpConfig {
            hidden: vec![300, 200],
            dropout: 0.3,
            max_norm: Some(1.5),
            embedding: Some(EmbeddingConfig::default()),
            ..MlpConfig::default()
        };
        let mut student =
            Network::new(config, data.spec().input_shape.clone(), data.spec().classes.clone(), 7).unwrap();
        let config = TrainConfig {
            epochs: 2,
            batch: 128,
            clip_grad_norm: Some(0.5),
            precision,
            optimizer: OptimizerConfig { kind, lr: 0.01, weight_decay: 1e-4, ..OptimizerConfig::default() },
            ..TrainConfig::default()
        };
        let loss = &CrossEntropy;
        let training = Training {
            data: &data,
            validation: None,
            loss,
            teacher: Teacher::None,
            config: &config,
            seed: 3,
            hooks: Hooks::default(),
        };
        train(&mut student, &training, &mut NullObserver).unwrap();
        to_safetensors(&student, &Provenance::new()).unwrap()
    })
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    for (kind, precision) in
        [(OptimizerKind::Sgd, PrecisionConfig::F32), (OptimizerKind::AdamW, PrecisionConfig::Bf16Emulated)]
    {
        let one = weights(1, kind, precision);
        for threads in [1, 2, 3] {
            assert!(weights(threads, kind, precision) == one, "{kind:?} with {threads} threads");
        }
    }
}
