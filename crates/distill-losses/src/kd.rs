use distill_tensor::{LogPartition, Real};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Zip};

use crate::loss::check_shape;
use crate::{LossError, Temperature};

/// The value of [`kd`] or [`soft_cross_entropy`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KdValue {
    /// The loss, with its factor `T²`.
    pub loss: f64,
    /// `KL(p ‖ q)` in nats, mean over the examples, without `T²`.
    pub kl: f64,
}

/// Kullback-Leibler divergence from the teacher at temperature `T`, times `T²`; `grad` is overwritten.
///
/// ```text
/// L = T²/B Σ_b Σ_i p_bi (log p_bi - log q_bi)     p = softmax(v/T), q = softmax(z/T)
/// ∂L/∂z_b = T (q_b - p_b) / B
/// ```
///
/// The gradient of the plain divergence shrinks as `1/T²`; the factor keeps the balance with
/// the labels when `T` changes. As `T` grows, `L` tends to `1/(2 B C) Σ ‖centred z - centred v‖²`,
/// the loss of [`logit_matching`](crate::logit_matching()).
///
/// It stays exact in that limit: where `p` and `q` are close, their difference is taken before
/// the exponential, not after, and no digit cancels.
///
/// Shapes: all `(examples, classes)`. Source: Hinton, Vinyals, Dean, 2015, section 2, equations 2 to 4.
///
/// # Errors
/// If shapes differ or the batch is empty.
///
/// # Examples
/// ```
/// use distill_losses::{Temperature, kd};
/// use ndarray::{Array2, array};
/// let student = array![[0.0_f64, 0.0]];
/// let teacher = array![[0.0_f64, 2.0 * 3.0_f64.ln()]];
/// let mut grad = Array2::zeros((1, 2));
/// // At T = 2: p = (1/4, 3/4), q = (1/2, 1/2).
/// let value = kd(student.view(), teacher.view(), Temperature::new(2.0)?, grad.view_mut())?;
/// let kl = 0.25 * 0.5_f64.ln() + 0.75 * 1.5_f64.ln();
/// assert!((value.kl - kl).abs() < 1e-15 && (value.loss - 4.0 * kl).abs() < 1e-15);
/// assert!((grad[[0, 0]] - 0.5).abs() < 1e-15 && (grad[[0, 1]] + 0.5).abs() < 1e-15);
/// # Ok::<(), distill_losses::LossError>(())
/// ```
pub fn kd<F: Real>(
    logits: ArrayView2<'_, F>,
    teacher_logits: ArrayView2<'_, F>,
    temperature: Temperature,
    mut grad: ArrayViewMut2<'_, F>,
) -> Result<KdValue, LossError> {
    grad.fill(F::from_f64(0.0));
    let t = temperature.get();
    let kl = add_kd(logits, teacher_logits, temperature, 1.0, &mut grad)?;
    Ok(KdValue { loss: t * t * kl, kl })
}

/// Cross entropy with the teacher's soft targets at temperature `T`, times `T²`; `grad` is overwritten.
///
/// ```text
/// L = -T²/B Σ_b Σ_i p_bi log q_bi = kd + T²/B Σ_b H(p_b)
/// ```
///
/// This is how the paper writes the objective. It differs from [`kd`] by the entropy of the soft
/// targets, a constant, so the gradient is the same; only `kd` is zero when the student is perfect.
///
/// # Errors
/// If shapes differ or the batch is empty.
///
/// # Examples
/// ```
/// use distill_losses::{Temperature, soft_cross_entropy};
/// use ndarray::{Array2, array};
/// let logits = array![[1.0_f64, 1.0]];
/// let mut grad = Array2::zeros((1, 2));
/// let value = soft_cross_entropy(logits.view(), logits.view(), Temperature::ONE, grad.view_mut())?;
/// assert!((value.loss - 2.0_f64.ln()).abs() < 1e-15 && value.kl == 0.0);
/// # Ok::<(), distill_losses::LossError>(())
/// ```
pub fn soft_cross_entropy<F: Real>(
    logits: ArrayView2<'_, F>,
    teacher_logits: ArrayView2<'_, F>,
    temperature: Temperature,
    grad: ArrayViewMut2<'_, F>,
) -> Result<KdValue, LossError> {
    let KdValue { loss, kl } = kd(logits, teacher_logits, temperature, grad)?;
    Ok(KdValue { loss: loss + mean_scaled_entropy(teacher_logits, temperature), kl })
}

/// `T²/B Σ_b H(p_b)`: what soft cross entropy has more than the divergence.
pub(crate) fn mean_scaled_entropy<F: Real>(teacher_logits: ArrayView2<'_, F>, temperature: Temperature) -> f64 {
    let t = temperature.get();
    let entropy = |v: ArrayView1<'_, F>| -> f64 {
        let p = LogPartition::new(v.iter().copied(), t);
        v.iter().map(|&v| plogp(p.log_prob(v))).sum::<f64>()
    };
    let sum: f64 = teacher_logits.rows().into_iter().map(entropy).sum();
    -t * t * sum / teacher_logits.nrows() as f64
}

/// Adds `weight` times the gradient, `T²` included, to `grad` and returns the mean `KL(p ‖ q)`.
pub(crate) fn add_kd<F: Real>(
    logits: ArrayView2<'_, F>,
    teacher_logits: ArrayView2<'_, F>,
    temperature: Temperature,
    weight: f64,
    grad: &mut ArrayViewMut2<'_, F>,
) -> Result<f64, LossError> {
    let others = [("teacher's logits", teacher_logits.dim()), ("gradients", grad.dim())];
    let (examples, _) = check_shape(logits.dim(), &others)?;
    let t = temperature.get();
    // T² of the loss times the 1/T of the chain rule.
    let scale = weight * t / examples as f64;
    let mut sum = 0.0;
    for ((z, v), grad) in logits.rows().into_iter().zip(teacher_logits.rows()).zip(grad.rows_mut()) {
        sum += add_row(z, v, t, scale, grad);
    }
    Ok(sum / examples as f64)
}

/// One example: adds `scale * (q - p)` to `grad` and returns `KL(p ‖ q)`.
fn add_row<F: Real>(
    z: ArrayView1<'_, F>,
    v: ArrayView1<'_, F>,
    t: f64,
    scale: f64,
    mut grad: ArrayViewMut1<'_, F>,
) -> f64 {
    let p = LogPartition::new(v.iter().copied(), t);
    let q = LogPartition::new(z.iter().copied(), t);
    let log_ratio = |z: F, v: F| q.log_prob(z) - p.log_prob(v);
    let mut kl = 0.0;

    let close = z.iter().zip(v).all(|(&z, &v)| log_ratio(z, v).abs() < 0.5);
    if !close {
        Zip::from(&mut grad).and(z).and(v).for_each(|grad, &z, &v| {
            let (log_p, log_q) = (p.log_prob(v), q.log_prob(z));
            // A class that the teacher rules out adds nothing, however sure the student is.
            let p = log_p.exp();
            if p > 0.0 {
                kl += p * (log_p - log_q);
            }
            *grad = F::from_f64(grad.to_f64() + scale * (log_q.exp() - p));
        });
        // Where both rule out the same classes, rounding can leave the sum a hair below zero.
        return if kl < 0.0 { 0.0 } else { kl };
    }

    // Here log q - log p is small and the difference of two rounded logarithms would lose
    // its digits. With u = (z - v)/T less a common shift, it is u - log Σ p exp(u) exactly.
    let shift = z.iter().zip(v).map(|(&z, &v)| p.prob(v) * (z.to_f64() - v.to_f64())).sum::<f64>();
    let u = |z: F, v: F| (z.to_f64() - v.to_f64() - shift) / t;
    let log_normaliser = z.iter().zip(v).map(|(&z, &v)| p.prob(v) * u(z, v).exp_m1()).sum::<f64>().ln_1p();
    Zip::from(&mut grad).and(z).and(v).for_each(|grad, &z, &v| {
        let log_ratio = u(z, v) - log_normaliser;
        let p = p.prob(v);
        let difference = p * log_ratio.exp_m1();
        // Σ (q - p) = 0, so adding it changes nothing but leaves only terms of one sign.
        kl += p * exp_m1_minus(log_ratio);
        *grad = F::from_f64(grad.to_f64() + scale * difference);
    });
    kl
}

/// `exp(x) - 1 - x`, by its series where the subtraction would cancel.
fn exp_m1_minus(x: f64) -> f64 {
    if x.abs() < 1e-3 { x * x * (1.0 / 2.0 + x * (1.0 / 6.0 + x * (1.0 / 24.0 + x / 120.0))) } else { x.exp_m1() - x }
}

/// `p log p` with its limit 0 at `p = 0`.
fn plogp(log_p: f64) -> f64 {
    let p = log_p.exp();
    if p > 0.0 { p * log_p } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    use super::*;

    fn evaluate(z: &Array2<f64>, v: &Array2<f64>, t: f64) -> (KdValue, Array2<f64>) {
        let mut grad = Array2::from_elem(z.dim(), f64::NAN);
        let value = kd(z.view(), v.view(), Temperature::new(t).unwrap(), grad.view_mut()).unwrap();
        (value, grad)
    }

    #[test]
    fn a_class_the_teacher_rules_out_adds_nothing() {
        let (value, grad) = evaluate(&array![[0.0, 0.0]], &array![[0.0, f64::NEG_INFINITY]], 1.0);
        assert!((value.kl - 2.0_f64.ln()).abs() < 1e-15);
        assert_eq!(grad, array![[-0.5, 0.5]]);
    }

    #[test]
    fn the_two_ways_meet() {
        // The largest log ratio passes 0.5 between these two: no step may show.
        let v = array![[1.0, -0.5, 0.25]];
        let steps: Vec<_> =
            (0..200).map(|i| evaluate(&array![[1.0 + f64::from(i) * 0.01, -0.5, 0.25]], &v, 1.0)).collect();
        for pair in steps.windows(3) {
            let second_difference = pair[0].0.kl - 2.0 * pair[1].0.kl + pair[2].0.kl;
            assert!((0.0..4e-5).contains(&second_difference), "{second_difference}");
        }
    }

    proptest! {
        #[test]
        fn is_a_divergence(
            pairs in prop::collection::vec((-30.0_f64..30.0, -30.0_f64..30.0), 2..12),
            t in prop::sample::select(vec![0.05, 1.0, 4.0, 20.0, 1e4]),
            shift in -50.0_f64..50.0,
        ) {
            let n = pairs.len();
            let z = Array2::from_shape_fn((1, n), |(_, i)| pairs[i].0);
            let v = Array2::from_shape_fn((1, n), |(_, i)| pairs[i].1);
            let (value, grad) = evaluate(&z, &v, t);
            prop_assert!(value.kl >= 0.0 && value.kl.is_finite());
            prop_assert!(grad.sum().abs() < 1e-9 * t.max(1.0), "rows of the gradient sum to 0");

            let (shifted, _) = evaluate(&z.mapv(|z| z + shift), &v, t);
            prop_assert!((shifted.kl - value.kl).abs() <= 1e-9 * value.kl + 1e-12, "a shift means nothing");

            let (same, grad) = evaluate(&v.mapv(|v| v + shift), &v, t);
            prop_assert!(same.kl < 1e-25 && grad.iter().all(|g| g.abs() < 1e-9), "zero only for equal distributions");

            let reversed = |a: &Array2<f64>| a.slice(ndarray::s![.., ..;-1]).to_owned();
            let (backwards, _) = evaluate(&reversed(&z), &reversed(&v), t);
            prop_assert!((backwards.kl - value.kl).abs() <= 1e-12 * value.kl.max(1e-3), "the order of the classes means nothing");
        }
    }
}
