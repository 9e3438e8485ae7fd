//! Training with products of operands rounded to bf16.

use std::sync::Arc;

use distill_datasets::{Dataset, Split, Subset, mnist};
use distill_losses::{CrossEntropy, Loss, Targets};
use distill_models::{Activation, CnnConfig, MlpConfig, Model, ModelConfig, Network, ResNetConfig, StepKey, Trainable};
use distill_tensor::{Params, Precision, bf16_is_native};
use distill_train::{
    Hooks, NullObserver, OptimizerConfig, OptimizerKind, PrecisionConfig, Teacher, TrainConfig, TrainError, Training,
    evaluate, train,
};
use ndarray::Array2;

fn digits(range: std::ops::Range<usize>) -> Subset {
    let test: Arc<dyn Dataset> = Arc::new(mnist(Split::Test).unwrap());
    Subset::new(test, range.collect()).unwrap()
}

fn model(data: &dyn Dataset, config: impl Into<ModelConfig>) -> Network {
    Network::new(config, data.spec().input_shape.clone(), data.spec().classes.clone(), 7).unwrap()
}

/// Logits and gradient of the loss on some digits.
fn gradient(model: &Network, data: &Subset, precision: Precision) -> (Array2<f32>, Params) {
    let indices: Vec<usize> = (0..data.len()).collect();
    let mut inputs = Array2::zeros((data.len(), 784));
    data.read(&indices, inputs.view_mut()).unwrap();
    let labels: Vec<u32> = indices.iter().filter_map(|&index| data.label(index)).collect();
    let targets = Targets { labels: Some(&labels), teacher_logits: None };

    let mut tape = model.tape().with_precision(precision);
    let mut grads = Params::zeros(model.params().layout().clone());
    model.forward(inputs.view(), StepKey::new(1, 0), &mut tape).unwrap();
    let logits = tape.logits().to_owned();
    let mut grad_logits = Array2::zeros(logits.dim());
    CrossEntropy.value_and_grad(logits.view(), &targets, grad_logits.view_mut()).unwrap();
    model.backward(grad_logits.view(), &mut tape, &mut grads);
    (logits, grads)
}

/// How far the gradient of each slice is from that in f32, relative to its norm.
fn differences(model: &Network, data: &Subset, precision: Precision) -> Vec<(String, f64)> {
    let [(_, exact), (_, rounded)] = [Precision::F32, precision].map(|precision| gradient(model, data, precision));
    let norm = |values: &mut dyn Iterator<Item = f32>| values.map(|x| f64::from(x).powi(2)).sum::<f64>().sqrt();
    let slices = exact.iter().zip(rounded.iter());
    let relative = slices.map(|((name, _, exact), (_, _, rounded))| {
        let difference = norm(&mut exact.iter().zip(rounded).map(|(a, b)| a - b));
        (name.to_owned(), difference / norm(&mut exact.iter().copied()))
    });
    relative.collect()
}

/// A rounding changes a number by at most 2⁻⁸ of it. Four products lie between the inputs and the gradient of
/// the first layer, with two rounded operands each, so by the first order the norm of a gradient changes by
/// at most 8 · 2⁻⁸, where derivatives vary slowly.
#[test]
fn the_gradient_is_that_of_f32_within_the_rounding() {
    let data = digits(0..100);
    for activation in [Activation::Tanh, Activation::Gelu] {
        let model = model(&data, MlpConfig { hidden: vec![120, 75], activation, ..MlpConfig::default() });
        for precision in [Precision::Bf16Emulated, Precision::Bf16] {
            for (name, relative) in differences(&model, &data, precision) {
                assert!(relative > 1e-6, "{activation:?} {name}: {precision:?} rounds nothing");
                assert!(relative < 8.0 / 256.0, "{activation:?} {name}: {relative} in {precision:?}");
            }
        }
    }
}

/// The first convolution has one channel and is in f32. Batch norms take the mean out of a gradient, which leaves less of it than of
/// its error, and a maximum may be another one, so the bound is a wide one: what is wrong in a sum shows as 1 and more.
#[test]
fn so_it_is_with_convolutions() {
    let data = digits(0..100);
    let config = CnnConfig { channels: vec![8, 8, 16], activation: Activation::Tanh, ..CnnConfig::default() };
    let model = model(&data, config);
    for precision in [Precision::Bf16Emulated, Precision::Bf16] {
        let differences = differences(&model, &data, precision);
        let of_convolutions =
            differences.iter().filter(|(name, _)| name.starts_with("conv.") && name.ends_with("weight"));
        assert_eq!(of_convolutions.clone().count(), 3);
        for (name, relative) in of_convolutions {
            assert!(*relative > 1e-4, "{name}: {precision:?} rounds nothing");
            assert!(*relative < 0.25, "{name}: {relative} in {precision:?}");
        }
    }
}

#[test]
fn the_layer_of_the_logits_and_evaluation_are_not_rounded() {
    let data = digits(0..50);
    let linear = model(&data, MlpConfig::default());
    assert_eq!(gradient(&linear, &data, Precision::Bf16Emulated), gradient(&linear, &data, Precision::F32));

    let deep = model(&data, MlpConfig { hidden: vec![20], ..MlpConfig::default() });
    let (rounded, _) = gradient(&deep, &data, Precision::Bf16Emulated);
    let (exact, _) = gradient(&deep, &data, Precision::F32);
    let mut inputs = Array2::zeros((50, 784));
    data.read(&(0..50).collect::<Vec<_>>(), inputs.view_mut()).unwrap();
    assert_eq!(deep.logits(inputs.view()).unwrap(), exact);
    assert_ne!(exact, rounded);
}

fn training<'a>(data: &'a Subset, config: &'a TrainConfig) -> Training<'a> {
    Training {
        data,
        validation: None,
        loss: &CrossEntropy,
        teacher: Teacher::None,
        config,
        seed: 1,
        hooks: Hooks::default(),
    }
}

#[test]
fn a_model_learns_as_well_as_in_f32() {
    let (data, rest) = (digits(0..4000), digits(4000..10_000));
    let train_in = |precision| {
        let config = TrainConfig { epochs: 5, batch: 64, precision, ..TrainConfig::default() };
        let mut student = model(&data, MlpConfig { hidden: vec![100, 60], ..MlpConfig::default() });
        let report = train(&mut student, &training(&data, &config), &mut NullObserver).unwrap();
        (evaluate(&student, &rest).unwrap().accuracy(), report.precision, student.params().clone())
    };
    let (exact, precision, exact_params) = train_in(PrecisionConfig::F32);
    assert_eq!(precision, Precision::F32);
    let (rounded, precision, rounded_params) = train_in(PrecisionConfig::Bf16Emulated);
    assert_eq!(precision, Precision::Bf16Emulated);
    assert_ne!(exact_params, rounded_params);
    // An accuracy near 0.92 over 6000 examples has a standard error of 0.0035, their difference one of 0.005.
    assert!(exact > 0.9 && (rounded - exact).abs() < 0.01, "{exact} in f32, {rounded} in bf16");
    // The weights are f32: more of them have a place below bf16 than those that happen to have none.
    let below = rounded_params.as_slice().iter().filter(|w| w.to_bits() & 0xFFFF != 0).count();
    assert!(below > rounded_params.as_slice().len() / 2, "{below}");
}

#[test]
fn a_residual_network_learns_as_fast_as_in_f32() {
    let (data, rest) = (digits(0..1500), digits(4000..5500));
    let train_in = |precision| {
        let optimizer = OptimizerConfig { kind: OptimizerKind::AdamW, lr: 0.01, ..OptimizerConfig::default() };
        let config = TrainConfig { epochs: 3, batch: 50, precision, optimizer, ..TrainConfig::default() };
        let mut student = model(&data, ResNetConfig { blocks: vec![1, 1], width: 8, ..ResNetConfig::default() });
        train(&mut student, &training(&data, &config), &mut NullObserver).unwrap();
        (evaluate(&student, &rest).unwrap().accuracy(), student.params().clone())
    };
    let (exact, exact_params) = train_in(PrecisionConfig::F32);
    let precisions =
        [PrecisionConfig::Bf16Emulated].into_iter().chain(bf16_is_native().then_some(PrecisionConfig::Bf16));
    for precision in precisions {
        let (rounded, params) = train_in(precision);
        assert_ne!(params, exact_params);
        // 90 steps are few, but well above chance. An accuracy of a half over 1500 examples has a standard error of 0.013.
        assert!(exact > 0.4 && (rounded - exact).abs() < 0.05, "{exact} in f32, {rounded} in {precision:?}");
    }
}

#[test]
fn bf16_without_its_instructions_is_an_error_or_f32() {
    let data = digits(0..64);
    let run = |precision| {
        let config = TrainConfig { epochs: 1, precision, ..TrainConfig::default() };
        let mut student = model(&data, MlpConfig { hidden: vec![16], ..MlpConfig::default() });
        let before = student.params().clone();
        let outcome = train(&mut student, &training(&data, &config), &mut NullObserver);
        (outcome.map(|report| report.precision), before, student.params().clone())
    };
    let (outcome, before, after) = run(PrecisionConfig::Bf16);
    if bf16_is_native() {
        assert_eq!(outcome.unwrap(), Precision::Bf16);
    } else {
        assert!(matches!(outcome, Err(TrainError::NoBf16)));
        assert_eq!(before, after);
    }
    let (settled, expected) = match bf16_is_native() {
        true => (Precision::Bf16, PrecisionConfig::Bf16),
        false => (Precision::F32, PrecisionConfig::F32),
    };
    let (outcome, _, weights) = run(PrecisionConfig::Bf16OrF32);
    assert_eq!(outcome.unwrap(), settled);
    assert_eq!(weights, run(expected).2);
}
