use distill_tensor::{LogPartition, Real};
use ndarray::{ArrayView2, ArrayViewMut2, Zip};

use crate::loss::check_shape;
use crate::{Loss, LossError, LossValue, Targets};

/// Cross entropy with the labels at `T = 1`; `grad` is overwritten.
///
/// ```text
/// L = -1/B Σ_b log q_b[y_b]            q = softmax(z)
/// ∂L/∂z_b = (q_b - onehot(y_b)) / B
/// ```
///
/// Shapes: `logits` and `grad` `(examples, classes)`, `labels` one for each example.
///
/// # Errors
/// If shapes differ, the batch is empty or a label names no class.
///
/// # Examples
/// ```
/// use distill_losses::cross_entropy;
/// use ndarray::{Array2, array};
/// let logits = array![[0.0_f64, 3.0_f64.ln()]];
/// let mut grad = Array2::zeros((1, 2));
/// let loss = cross_entropy(logits.view(), &[0], grad.view_mut())?;
/// assert!((loss - 4.0_f64.ln()).abs() < 1e-15);
/// assert!((grad[[0, 0]] + 0.75).abs() < 1e-15 && (grad[[0, 1]] - 0.75).abs() < 1e-15);
/// # Ok::<(), distill_losses::LossError>(())
/// ```
pub fn cross_entropy<F: Real>(
    logits: ArrayView2<'_, F>,
    labels: &[u32],
    mut grad: ArrayViewMut2<'_, F>,
) -> Result<f64, LossError> {
    grad.fill(F::from_f64(0.0));
    add_cross_entropy(logits, labels, 1.0, &mut grad)
}

/// Adds `weight` times the gradient to `grad` and returns the unweighted value.
pub(crate) fn add_cross_entropy<F: Real>(
    logits: ArrayView2<'_, F>,
    labels: &[u32],
    weight: f64,
    grad: &mut ArrayViewMut2<'_, F>,
) -> Result<f64, LossError> {
    let (examples, classes) = check_shape(logits.dim(), &[("gradients", grad.dim())])?;
    if labels.len() != examples {
        return Err(LossError::LabelCount { examples, labels: labels.len() });
    }
    if let Some((row, &label)) = labels.iter().enumerate().find(|&(_, &label)| label as usize >= classes) {
        return Err(LossError::LabelOutOfRange { row, label, classes });
    }
    let scale = weight / examples as f64;
    let mut sum = 0.0;
    for ((z, mut grad), &label) in logits.rows().into_iter().zip(grad.rows_mut()).zip(labels) {
        let label = label as usize;
        let q = LogPartition::new(z.iter().copied(), 1.0);
        sum -= q.log_prob(z[label]);
        Zip::indexed(&mut grad).and(z).for_each(|class, grad, &z| {
            let target = f64::from(u8::from(class == label));
            *grad = F::from_f64(grad.to_f64() + scale * (q.prob(z) - target));
        });
    }
    Ok(sum / examples as f64)
}

/// The loss on labels alone: what a baseline and a teacher train on.
#[derive(Debug, Clone, Copy, Default)]
pub struct CrossEntropy;

impl Loss for CrossEntropy {
    fn value_and_grad(
        &self,
        logits: ArrayView2<'_, f32>,
        targets: &Targets<'_>,
        grad: ArrayViewMut2<'_, f32>,
    ) -> Result<LossValue, LossError> {
        let labels = targets.labels.ok_or(LossError::MissingLabels)?;
        let hard = cross_entropy(logits, labels, grad)?;
        Ok(LossValue { total: hard, hard: Some(hard), ..LossValue::default() })
    }

    fn needs_teacher(&self) -> bool {
        false
    }
}
