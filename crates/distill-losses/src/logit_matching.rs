use distill_tensor::Real;
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::batch::{Batch, Block};
use crate::{LossError, row};

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
    grad: ArrayViewMut2<'_, F>,
) -> Result<f64, LossError> {
    let batch = Batch { logits, teacher: Some(teacher_logits), labels: None, grad };
    let [mean] = batch.means(&|block| [add_squares(block, false, 2.0)])?;
    Ok(mean)
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
    grad: ArrayViewMut2<'_, F>,
) -> Result<f64, LossError> {
    let batch = Batch { logits, teacher: Some(teacher_logits), labels: None, grad };
    let [mean] = batch.means(&|block| [add_logit_matching(block, 1.0)])?;
    Ok(mean)
}

/// Adds `weight` times the gradient of [`logit_matching()`] to that of the block and returns the unweighted sum.
pub(crate) fn add_logit_matching(block: &mut Block<'_>, weight: f64) -> f64 {
    add_squares(block, true, weight) / 2.0
}

/// Adds `weight * d / C` to the gradient and returns the sum over the examples of the mean of `d²`.
fn add_squares(block: &mut Block<'_>, centred: bool, weight: f64) -> f64 {
    let n = block.n_classes;
    let rows = block.logits.chunks_exact(n).zip(block.teacher.chunks_exact(n)).zip(block.grad.chunks_exact_mut(n));
    let scale = weight / n as f64;
    let mut sum = 0.0;
    for ((z, v), grad) in rows {
        let shift = if centred { row::sum_of([z, v], |[z, v]| z - v) / n as f64 } else { 0.0 };
        sum += row::sum_of([z, v], |[z, v]| (z - v - shift).powi(2)) / n as f64;
        for ((grad, z), v) in grad.iter_mut().zip(z).zip(v) {
            *grad += scale * (z - v - shift);
        }
    }
    sum
}
