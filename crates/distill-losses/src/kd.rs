use distill_tensor::{Real, exp, exp_tail};
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::batch::{Batch, Block, Scratch};
use crate::row;
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
    grad: ArrayViewMut2<'_, F>,
) -> Result<KdValue, LossError> {
    let t = temperature.get();
    let batch = Batch { logits, teacher: Some(teacher_logits), labels: None, grad };
    let [kl] = batch.means(&|block| [add_kd(block, temperature, 1.0)])?;
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
    let t = temperature.get();
    let batch = Batch { logits, teacher: Some(teacher_logits), labels: None, grad };
    let [kl, entropy] = batch.means(&|block| [add_kd(block, temperature, 1.0), teacher_entropy(block, temperature)])?;
    Ok(KdValue { loss: t * t * (kl + entropy), kl })
}

/// `Σ_b H(p_b)` over the examples of the block: what soft cross entropy has more than the divergence.
pub(crate) fn teacher_entropy(block: &mut Block<'_>, temperature: Temperature) -> f64 {
    let (n, inverse_t, exps) = (block.n_classes, temperature.get().recip(), &mut block.scratch.exps);
    teacher_exps(block.teacher, n, inverse_t, exps);
    let rows = block.teacher.chunks_exact(n).zip(exps.chunks_exact(n));
    rows.map(|(v, exps)| {
        let (max, sum) = (row::max(v), row::sum(exps));
        let log_sum = sum.ln();
        // `p log p` has the limit 0 at `p = 0`.
        let term = |[v, exp]: [f64; 2]| if exp == 0.0 { 0.0 } else { exp * (log_sum - (v - max) * inverse_t) };
        row::sum_of([v, exps], term) / sum
    })
    .sum()
}

/// `exp((v - max) / T)` of all rows.
fn teacher_exps(teacher: &[f64], n_classes: usize, inverse_t: f64, exps: &mut Vec<f64>) {
    exps.clear();
    teacher.chunks_exact(n_classes).for_each(|v| row::extend_scaled(exps, v, inverse_t));
    exp(exps);
}

/// Adds `weight` times the gradient, `T²` included, to that of the block and returns the sum of `KL(p ‖ q)`.
pub(crate) fn add_kd(block: &mut Block<'_>, temperature: Temperature, weight: f64) -> f64 {
    let (n, t) = (block.n_classes, temperature.get());
    let inverse_t = t.recip();
    let Block { logits, teacher, grad, scratch, .. } = block;
    let Scratch { exps: p, near, far, tails } = &mut **scratch;
    near.clear(logits.len(), n);
    far.clear(logits.len(), n);
    tails.clear();
    tails.reserve(n);

    teacher_exps(teacher, n, inverse_t, p);
    let rows = logits.chunks_exact(n).zip(teacher.chunks_exact(n)).zip(p.chunks_exact_mut(n));
    for (row, ((z, v), p)) in rows.enumerate() {
        let sum = row::sum(p);
        let inverse_sum = sum.recip();
        p.iter_mut().for_each(|p| *p *= inverse_sum);
        // A class that the teacher rules out has no part in the mean, even where its logit is an infinity.
        let shift = row::sum_of([z, v, p], |[z, v, p]| if p == 0.0 { 0.0 } else { p * (z - v) });
        // NaN is not near.
        let n_far = row::sum_of([z, v], |[z, v]| if (z - v - shift).abs() < NEAR * t { 0.0 } else { 1.0 });
        if n_far == 0.0 {
            near.rows.push((row, shift));
            near.values.extend(z.iter().zip(v).map(|(z, v)| (z - v - shift) * inverse_t));
        } else {
            far.rows.push((row, sum));
            row::extend_scaled(&mut far.values, z, inverse_t);
        }
    }
    exp_tail(&mut near.values);
    exp(&mut far.values);

    // T² of the loss times the 1/T of the chain rule.
    let scale = weight * t;
    let mut kl = 0.0;
    let at = |row: usize| row * n..(row + 1) * n;
    let example = |row| Example { z: &logits[at(row)], v: &teacher[at(row)], p: &p[at(row)], inverse_t, scale };
    for (&(row, shift), tails) in near.rows.iter().zip(near.values.chunks_exact(n)) {
        kl += example(row).add_near(shift, tails, &mut grad[at(row)]);
    }
    for (&(row, sum_p), exps) in far.rows.iter().zip(far.values.chunks_exact(n)) {
        kl += example(row).add_far(sum_p, exps, tails, &mut grad[at(row)]);
    }
    kl
}

/// Up to this `|(z - v - shift) / T|` teacher and student are close, and [`exp_tail`] serves.
const NEAR: f64 = 0.5;

/// Below it the terms of `Σ p (log p - log q)` cancel for more than two digits.
const SMALL: f64 = 0.01;

/// One row: the logits of student and teacher and `p`.
struct Example<'a> {
    z: &'a [f64],
    v: &'a [f64],
    p: &'a [f64],
    inverse_t: f64,
    scale: f64,
}

impl Example<'_> {
    /// Adds `scale * (q - p)` to `grad` and returns `KL(p ‖ q)`, where `log q - log p` is so small that the difference
    /// of two rounded logarithms would lose its digits.
    ///
    /// ```text
    /// u = (z - v - Σ p (z - v)) / T        tail(u) = exp(u) - 1 - u        so Σ p u = 0
    /// KL = log Σ p exp(u) = log(1 + Σ p tail(u))
    /// q - p = p (exp(u) - Σ p exp(u)) / Σ p exp(u)
    /// ```
    ///
    /// All terms of `KL` have one sign, and an error of the shift has no effect of first order.
    fn add_near(&self, shift: f64, tails: &[f64], grad: &mut [f64]) -> f64 {
        let &Self { z, v, p, inverse_t, scale } = self;
        let exp_m1 = |z: f64, v: f64, tail: f64| (z - v - shift) * inverse_t + tail;
        let mean = row::sum_of([z, v, p, tails], |[z, v, p, tail]| p * exp_m1(z, v, tail));
        let factor = scale / (1.0 + mean);
        for ((((grad, z), v), p), tail) in grad.iter_mut().zip(z).zip(v).zip(p).zip(tails) {
            *grad += factor * p * (exp_m1(*z, *v, *tail) - mean);
        }
        row::sum_of([p, tails], |[p, tail]| p * tail).ln_1p()
    }

    /// The same anywhere else, from `exps = exp((z - max) / T)`.
    ///
    /// ```text
    /// KL = Σ p (log p - log q)
    /// ```
    ///
    /// One improbable class makes a row far where all others agree. `KL` may then be smaller than the rounding errors of
    /// this sum, and is taken from terms of one sign, see [`sum_of_tails`](Self::sum_of_tails).
    fn add_far(&self, sum_p: f64, exps: &[f64], tails: &mut Vec<f64>, grad: &mut [f64]) -> f64 {
        let &Self { z, v, p, inverse_t, scale } = self;
        let (z_max, v_max, sum_q) = (row::max(z), row::max(v), row::sum(exps));
        let (log_sums, inverse_sum) = ((sum_q / sum_p).ln(), sum_q.recip());
        for ((grad, exp), p) in grad.iter_mut().zip(exps).zip(p) {
            *grad += scale * (exp * inverse_sum - p);
        }
        let log_ratio = |z: f64, v: f64| ((v - v_max) - (z - z_max)) * inverse_t + log_sums;
        // A class that the teacher rules out adds nothing, however sure the student is.
        let kl = row::sum_of([z, v, p], |[z, v, p]| if p == 0.0 { 0.0 } else { p * log_ratio(z, v) });
        // NaN stays.
        if kl < SMALL { self.sum_of_tails(inverse_sum, exps, tails, log_ratio) } else { kl }
    }

    /// `KL(p ‖ q)` of terms that are not negative.
    ///
    /// ```text
    /// u = log q - log p        KL = Σ p (exp(u) - 1 - u)        as Σ p exp(u) = Σ q = 1 = Σ p
    /// ```
    ///
    /// An error that all `u` share has no effect of first order. What the teacher rules out adds `q`.
    fn sum_of_tails(
        &self,
        inverse_sum: f64,
        exps: &[f64],
        tails: &mut Vec<f64>,
        log_ratio: impl Fn(f64, f64) -> f64,
    ) -> f64 {
        let &Self { z, v, p, .. } = self;
        tails.clear();
        tails.extend(z.iter().zip(v).map(|(&z, &v)| (-log_ratio(z, v)).clamp(-NEAR, NEAR)));
        exp_tail(tails);
        row::sum_of([z, v, p, exps, tails], |[z, v, p, exp, tail]| {
            let (ratio, q) = (log_ratio(z, v), exp * inverse_sum);
            if p == 0.0 {
                q
            } else if ratio.abs() < NEAR {
                p * tail
            } else {
                q - p + p * ratio
            }
        })
    }
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
    fn nan_is_not_hidden() {
        for row in [[f64::NAN, 1.0, -1.0], [1.0, f64::NAN, -1.0], [1.0, -1.0, f64::NAN]] {
            let (nan, other) = (array![row], array![[0.5, 0.25, -0.5]]);
            for (z, v) in [(&nan, &other), (&other, &nan), (&nan, &nan)] {
                let (value, grad) = evaluate(z, v, 4.0);
                assert!(value.kl.is_nan() && grad.iter().any(|g| g.is_nan()), "{value:?} {grad}");
            }
        }
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

    #[test]
    fn one_improbable_class_that_is_far_costs_no_digit() {
        // Python's decimal with 60 digits. The sum of `p (log p - log q)` has errors of 1e-16 and more.
        for (v, z, t, expected) in [
            (array![[0.0, -20.7, -26.0]], array![[0.0, -22.0, -25.0]], 1.0, 5.896_781_535_462_74e-10),
            (array![[0.0, -20.0, -21.0]], array![[0.0, -19.0, -21.0]], 1.0, 1.480_489_182_214_429_5e-9),
            (array![[12.0, -9.5, -10.0, -9.0]], array![[12.0, -10.5, -9.25, -11.0]], 1.0, 1.132_438_113_115_216e-9),
            (array![[0.0, -30.0, -60.0]], array![[0.0, -31.0, -50.0]], 2.0, 3.260_128_528_237_371e-8),
            (array![[0.0, -50.0]], array![[0.0, -52.0]], 4.0, 3.970_002_664_096_800_7e-7),
            // On both sides of the bound.
            (array![[0.0, -4.5, -5.0]], array![[0.0, -5.5, -4.25]], 1.0, 6.444_459_425_118_428e-3),
            (array![[0.0, -4.0, -3.0]], array![[0.0, -5.0, -4.25]], 1.0, 3.031_437_524_181_917_7e-2),
        ] {
            let (value, _) = evaluate(&z, &v, t);
            assert!((value.kl / expected - 1.0).abs() < 1e-13, "{v} {z}: {:e} {expected:e}", value.kl);
        }
        // A class that the teacher rules out and the student nearly does: -log(1 / (1 + e^-21)).
        let (value, _) = evaluate(&array![[0.0, -21.0]], &array![[0.0, f64::NEG_INFINITY]], 1.0);
        assert!((value.kl / (-21.0_f64).exp().ln_1p() - 1.0).abs() < 1e-13, "{:e}", value.kl);
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
