use distill_tensor::Real;
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, Zip};

use crate::LossError;
use crate::loss::check_shape;

/// Mean squared difference of the logits; `grad` is overwritten.
///
/// ```text
/// L = 1/(B C) Σ_b Σ_i (z_bi - v_bi)²
/// ∂L/∂z_bi = 2 (z_bi - v_bi) / (B C)
/// ```
///
/// A constant added to all logits of an example changes this loss but not the prediction;
/// [`logit_matching()`] is free of that. Source: Ba and Caruana, 2014, equation 1.
///
/// # Errors
/// If shapes differ or the batch is empty.
///
/// # Examples
/// ```
/// use distill_losses::logit_mse;
/// use ndarray::{Array2, array};
/// let mut grad = Array2::zeros((1, 2));
/// let loss = logit_mse(array![[1.0_f64, 5.0]].view(), array![[0.0, 2.0]].view(), grad.view_mut())?;
/// assert_eq!((loss, grad), (5.0, array![[1.0, 3.0]]));
/// # Ok::<(), distill_losses::LossError>(())
/// ```
pub fn logit_mse<F: Real>(
    logits: ArrayView2<'_, F>,
    teacher_logits: ArrayView2<'_, F>,
    mut grad: ArrayViewMut2<'_, F>,
) -> Result<f64, LossError> {
    grad.fill(F::from_f64(0.0));
    add_squares(logits, teacher_logits, false, 2.0, &mut grad)
}

/// Half the mean squared difference of centred logits; `grad` is overwritten.
///
/// ```text
/// L = 1/(2 B C) Σ_b Σ_i d_bi²          d = z - v less its mean over the classes
/// ∂L/∂z_bi = d_bi / (B C)
/// ```
///
/// This is what [`kd`](crate::kd()) tends to as `T` grows.
/// Source: Hinton, Vinyals, Dean, 2015, section 2.1, equation 4, times `T²`.
///
/// # Errors
/// If shapes differ or the batch is empty.
///
/// # Examples
/// ```
/// use distill_losses::logit_matching;
/// use ndarray::{Array2, array};
/// let mut grad = Array2::zeros((1, 2));
/// let loss = logit_matching(array![[1.0_f64, 5.0]].view(), array![[0.0, 2.0]].view(), grad.view_mut())?;
/// assert_eq!((loss, grad), (0.5, array![[-0.5, 0.5]]));
/// # Ok::<(), distill_losses::LossError>(())
/// ```
pub fn logit_matching<F: Real>(
    logits: ArrayView2<'_, F>,
    teacher_logits: ArrayView2<'_, F>,
    mut grad: ArrayViewMut2<'_, F>,
) -> Result<f64, LossError> {
    grad.fill(F::from_f64(0.0));
    add_logit_matching(logits, teacher_logits, 1.0, &mut grad)
}

/// Adds `weight` times the gradient of [`logit_matching()`] and returns the unweighted value.
pub(crate) fn add_logit_matching<F: Real>(
    logits: ArrayView2<'_, F>,
    teacher_logits: ArrayView2<'_, F>,
    weight: f64,
    grad: &mut ArrayViewMut2<'_, F>,
) -> Result<f64, LossError> {
    Ok(add_squares(logits, teacher_logits, true, weight, grad)? / 2.0)
}

/// Adds `weight * d / (B C)` to `grad` and returns the mean of `d²`.
fn add_squares<F: Real>(
    logits: ArrayView2<'_, F>,
    teacher_logits: ArrayView2<'_, F>,
    centred: bool,
    weight: f64,
    grad: &mut ArrayViewMut2<'_, F>,
) -> Result<f64, LossError> {
    let others = [("teacher's logits", teacher_logits.dim()), ("gradients", grad.dim())];
    let (examples, classes) = check_shape(logits.dim(), &others)?;
    let n = examples as f64 * classes as f64;
    let mut sum = 0.0;
    for ((z, v), mut grad) in logits.rows().into_iter().zip(teacher_logits.rows()).zip(grad.rows_mut()) {
        let shift = if centred { mean_difference(z, v) } else { 0.0 };
        Zip::from(&mut grad).and(z).and(v).for_each(|grad, &z, &v| {
            let d = z.to_f64() - v.to_f64() - shift;
            sum += d * d;
            *grad = F::from_f64(grad.to_f64() + weight * d / n);
        });
    }
    Ok(sum / n)
}

fn mean_difference<F: Real>(z: ArrayView1<'_, F>, v: ArrayView1<'_, F>) -> f64 {
    z.iter().zip(v).map(|(z, v)| z.to_f64() - v.to_f64()).sum::<f64>() / z.len() as f64
}
