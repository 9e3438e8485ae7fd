//! Losses and gradients against PyTorch and against 40-digit arithmetic, see `golden/losses.py`.

use distill_losses::{
    Distillation, Loss, LossError, Smoothing, SoftTerm, Targets, Temperature, cross_entropy, kd, logit_matching,
    logit_mse, smoothed_cross_entropy, soft_cross_entropy,
};
use distill_tensor::Real;
use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use serde_json::Value;

const LABELS: [u32; 4] = [0, 3, 1, 4];

/// The student's and the teacher's logits of `golden/losses.py`.
fn logits<F: Real>() -> [Array2<F>; 2] {
    let index = |b, c| (5 * b + c) as f64;
    [
        Array2::from_shape_fn((4, 5), |(b, c)| F::from_f64(2.0 * (1.0 + index(b, c)).sin())),
        Array2::from_shape_fn((4, 5), |(b, c)| F::from_f64(3.0 * (2.0 + index(b, c)).cos())),
    ]
}

fn golden(table: &str, name: &str) -> (f64, Vec<f64>) {
    let document: Value = serde_json::from_str(include_str!("../golden/losses.json")).unwrap();
    let entry = &document[table][name];
    let grad = entry["grad"].as_array().unwrap_or_else(|| panic!("no golden {table}/{name}"));
    (entry["value"].as_f64().unwrap(), grad.iter().map(|g| g.as_f64().unwrap()).collect())
}

/// The distance in units of the largest expected number of its kind.
fn distance<F: Real>(value: f64, grad: &Array2<F>, expected: &(f64, Vec<f64>)) -> f64 {
    let scale = expected.1.iter().fold(0.0_f64, |scale, g| scale.max(g.abs()));
    let grad = grad.iter().zip(&expected.1).map(|(g, e)| (g.to_f64() - e).abs() / scale);
    grad.fold((value - expected.0).abs() / expected.0.abs(), f64::max)
}

type LossFn<F> = fn(ArrayView2<'_, F>, ArrayView2<'_, F>, f64, ArrayViewMut2<'_, F>) -> Result<f64, LossError>;

fn check<F: Real>(table: &str, name: &str, loss: LossFn<F>, t: f64, tolerance: f64) {
    let [student, teacher] = logits::<F>();
    let mut grad = Array2::from_elem((4, 5), F::from_f64(f64::NAN));
    let value = loss(student.view(), teacher.view(), t, grad.view_mut()).unwrap();
    let distance = distance(value, &grad, &golden(table, name));
    assert!(distance <= tolerance, "{table}/{name}: {distance:e} is more than {tolerance:e}");
}

fn check_kd<F: Real>(t: u32, table: &str, tolerance: f64) {
    let loss: LossFn<F> = |s, v, t, g| Ok(kd(s, v, Temperature::new(t)?, g)?.loss);
    check(table, &format!("kd_T{t}"), loss, f64::from(t), tolerance);
}

fn check_rest<F: Real>(tolerance: f64) {
    check::<F>("losses", "cross_entropy", |s, _, _, g| cross_entropy(s, &LABELS, g), 1.0, tolerance);
    for smoothing in ["0.1", "0.6"] {
        let loss: LossFn<F> = |s, _, by, g| smoothed_cross_entropy(s, &LABELS, Smoothing::new(by)?, g);
        check("losses", &format!("cross_entropy_s{smoothing}"), loss, smoothing.parse().unwrap(), tolerance);
    }
    check::<F>("losses", "mse_logits", |s, v, _, g| logit_mse(s, v, g), 1.0, tolerance);
    check::<F>("losses", "logit_matching", |s, v, _, g| logit_matching(s, v, g), 1.0, tolerance);
    let soft: LossFn<F> = |s, v, t, g| Ok(soft_cross_entropy(s, v, Temperature::new(t)?, g)?.loss);
    check("losses", "soft_cross_entropy_T1", soft, 1.0, tolerance);
    check("losses", "soft_cross_entropy_T4", soft, 4.0, tolerance);
}

#[test]
fn f64_equals_pytorch_to_1e_12() {
    for t in [1, 2, 4, 20] {
        check_kd::<f64>(t, "losses", 1e-12);
    }
    // Here PyTorch's own value is up to 1.5e-11 off, and differs from machine to machine.
    check_kd::<f64>(1000, "losses", 2e-11);
    check_rest::<f64>(1e-12);
}

#[test]
fn f64_equals_exact_arithmetic_to_1e_12_at_every_temperature() {
    for t in [1, 2, 4, 20, 1000, 1_000_000] {
        check_kd::<f64>(t, "exact", 1e-12);
    }
}

#[test]
fn f32_equals_pytorch_to_1e_5() {
    for t in [1, 2, 4, 20, 1000] {
        check_kd::<f32>(t, "losses", 1e-5);
    }
    check_kd::<f32>(1_000_000, "exact", 1e-5);
    check_rest::<f32>(1e-5);
}

#[test]
fn the_weighted_average_equals_pytorch() {
    let [student, teacher] = logits::<f32>();
    for (alpha, smoothing, name) in [(0.9, 0.0, "hinton_T4_a0.9"), (0.3, 0.1, "hinton_T4_a0.3_s0.1")] {
        let mut grad = Array2::zeros((4, 5));
        let loss = Distillation::new(SoftTerm::Kd(Temperature::new(4.0).unwrap()), alpha).unwrap();
        let loss = loss.with_smoothing(Smoothing::new(smoothing).unwrap());
        let targets = Targets { labels: Some(&LABELS), teacher_logits: Some(teacher.view()) };
        let value = loss.value_and_grad(student.view(), &targets, grad.view_mut()).unwrap();
        assert!(distance(value.total, &grad, &golden("losses", name)) < 1e-5, "{name}");
    }
}

#[test]
fn kd_tends_to_logit_matching_as_the_temperature_grows() {
    let [student, teacher] = logits::<f64>();
    let mut matching = Array2::zeros((4, 5));
    let value = logit_matching(student.view(), teacher.view(), matching.view_mut()).unwrap();
    let error = |t: f64| {
        let mut grad = Array2::zeros((4, 5));
        let kd = kd(student.view(), teacher.view(), Temperature::new(t).unwrap(), grad.view_mut()).unwrap();
        distance(kd.loss, &grad, &(value, matching.iter().copied().collect()))
    };
    let errors = [10.0, 100.0, 1e3, 1e4, 1e5].map(error);
    for pair in errors.windows(2) {
        // The next term of the expansion is of order 1/T.
        assert!((8.0..12.0).contains(&(pair[0] / pair[1])), "{errors:?}");
    }
}
