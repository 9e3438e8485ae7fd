//! Mixed batches against the same mixtures made by hand.

use distill_datasets::{Dataset, Split, Table, beta, mnist};
use distill_losses::{CrossEntropy, LossValue};
use distill_models::{MlpConfig, Network, StepKey, Trainable as _};
use distill_tensor::{Philox, Stream};
use distill_train::{
    AugmentConfig, Hooks, NullObserver, Optimizer, OptimizerConfig, StepContext, Teacher, TrainConfig, Training,
    TrainingStep, train,
};
use ndarray::Array2;

const N: usize = 7;
const ALPHA: f64 = 0.7;

fn inputs() -> (Array2<f32>, Vec<u32>) {
    let digits = mnist(Split::Test).unwrap();
    let mut inputs = Array2::zeros((N, 784));
    digits.read(&(0..N).collect::<Vec<_>>(), inputs.view_mut()).unwrap();
    (inputs, (0..N).map(|index| digits.label(index).unwrap()).collect())
}

fn table(inputs: &Array2<f32>, labels: &[u32]) -> Table {
    let classes = (0..10).map(|class| class.to_string()).collect();
    Table::new(vec![784], inputs.iter().copied().collect(), labels.to_vec(), classes).unwrap()
}

fn model(data: &dyn Dataset) -> Network {
    let config = MlpConfig { hidden: vec![12], ..MlpConfig::default() };
    Network::new(config, data.spec().input_shape.clone(), data.spec().classes.clone(), 2).unwrap()
}

/// The loss of one step, and what it adds to the weights.
fn step(data: &dyn Dataset, mixup: f64) -> (LossValue, Vec<f32>) {
    let context = StepContext {
        data,
        loss: &CrossEntropy,
        teacher: Teacher::None,
        augment: None,
        mixup,
        clip_grad_norm: None,
        hooks: Hooks::default(),
    };
    let mut student = model(data);
    let before = student.params().as_slice().to_vec();
    let plain = OptimizerConfig { momentum: 0.0, nesterov: false, ..OptimizerConfig::default() };
    let mut optimizer = Optimizer::new(plain, student.params());
    let indices: Vec<usize> = (0..N).collect();
    let key = StepKey::new(5, 3);
    let loss = TrainingStep::new(&student, N).run(&mut student, &mut optimizer, &indices, key, 1.0, &context).unwrap();
    (loss, student.params().as_slice().iter().zip(&before).map(|(after, before)| after - before).collect())
}

#[test]
fn a_mixed_batch_has_mixed_inputs_and_both_labels() {
    let (inputs, labels) = inputs();
    let weight = beta(&mut Philox::new(5, Stream::BatchMixture, 3, 0), ALPHA);
    let mixed = Array2::from_shape_fn(inputs.dim(), |(i, j)| {
        let (own, partner) = (inputs[(i, j)], inputs[(N - 1 - i, j)]);
        (f64::from(own) + weight * f64::from(partner - own)) as f32
    });
    let reversed: Vec<u32> = labels.iter().rev().copied().collect();
    let (own, partner) = (step(&table(&mixed, &labels), 0.0), step(&table(&mixed, &reversed), 0.0));
    let (loss, change) = step(&table(&inputs, &labels), ALPHA);
    let mean = |own: f64, partner: f64| own + weight * (partner - own);
    assert!((loss.total - mean(own.0.total, partner.0.total)).abs() < 1e-5);
    assert_eq!(loss.hard(), Some(loss.total));
    for ((found, &own), &partner) in change.iter().zip(&own.1).zip(&partner.1) {
        let expected = mean(f64::from(own), f64::from(partner));
        assert!((f64::from(*found) - expected).abs() < 1e-5, "{found} {expected}");
    }
    assert_ne!(change, step(&table(&inputs, &labels), 0.0).1);
}

#[test]
fn mixed_training_gives_the_same_bits_for_any_number_of_threads() {
    let digits = mnist(Split::Test).unwrap();
    let weights = |threads: usize, mixup: f64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let config = TrainConfig {
                epochs: 1,
                batch: 100,
                augment: AugmentConfig { shift: 1, mixup, ..AugmentConfig::default() },
                ..TrainConfig::default()
            };
            let mut student = model(&digits);
            let training = Training {
                data: &digits,
                validation: None,
                loss: &CrossEntropy,
                teacher: Teacher::None,
                config: &config,
                seed: 1,
                hooks: Hooks::default(),
            };
            train(&mut student, &training, &mut NullObserver).unwrap();
            student.params().as_slice().to_vec()
        })
    };
    assert_eq!(weights(1, 0.2), weights(2, 0.2));
    assert_ne!(weights(1, 0.2), weights(1, 0.0));
}
