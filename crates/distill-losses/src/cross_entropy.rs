use distill_tensor::{Real, exp};
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::batch::{Batch, Block};
use crate::row;
use crate::{ClassWeights, Loss, LossError, LossValue, Smoothing, Targets, Term};

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
    grad: ArrayViewMut2<'_, F>,
) -> Result<f64, LossError> {
    smoothed_cross_entropy(logits, labels, Smoothing::NONE, grad)
}

/// Cross entropy with smoothed labels at `T = 1`, as that of PyTorch with `label_smoothing`; `grad` is overwritten.
///
/// ```text
/// L = -1/B Σ_b Σ_i y'_bi log q_bi      y' = (1 - ε) onehot(y) + ε / C, q = softmax(z)
/// ∂L/∂z_b = (q_b - y'_b) / B
/// ```
///
/// Shapes: as [`cross_entropy`], which is the case `ε = 0` to the bit.
///
/// # Errors
/// If shapes differ, the batch is empty or a label names no class.
///
/// # Examples
/// ```
/// use distill_losses::{Smoothing, smoothed_cross_entropy};
/// use ndarray::{Array2, array};
/// let logits = array![[0.0_f64, 3.0_f64.ln()]];
/// let mut grad = Array2::zeros((1, 2));
/// // q = (1/4, 3/4), y' = (7/8, 1/8).
/// let loss = smoothed_cross_entropy(logits.view(), &[0], Smoothing::new(0.25)?, grad.view_mut())?;
/// assert!((loss - (4.0_f64.ln() - 3.0_f64.ln() / 8.0)).abs() < 1e-15);
/// assert!((grad[[0, 0]] + 0.625).abs() < 1e-15 && (grad[[0, 1]] - 0.625).abs() < 1e-15);
/// # Ok::<(), distill_losses::LossError>(())
/// ```
pub fn smoothed_cross_entropy<F: Real>(
    logits: ArrayView2<'_, F>,
    labels: &[u32],
    smoothing: Smoothing,
    grad: ArrayViewMut2<'_, F>,
) -> Result<f64, LossError> {
    weighted_cross_entropy(logits, labels, smoothing, &ClassWeights::default(), grad)
}

/// The same with a weight for each class.
fn weighted_cross_entropy<F: Real>(
    logits: ArrayView2<'_, F>,
    labels: &[u32],
    smoothing: Smoothing,
    class_weights: &ClassWeights,
    grad: ArrayViewMut2<'_, F>,
) -> Result<f64, LossError> {
    class_weights.check(logits.ncols())?;
    let batch = Batch { logits, teacher: None, labels: Some(labels), grad };
    let [mean] = batch.means(&|block| [add_cross_entropy(block, smoothing, class_weights, 1.0)])?;
    Ok(mean)
}

/// Adds `weight` times the gradient to that of the block and returns the sum over its examples, in which each counts as much as its
/// class.
pub(crate) fn add_cross_entropy(
    block: &mut Block<'_>,
    smoothing: Smoothing,
    class_weights: &ClassWeights,
    weight: f64,
) -> f64 {
    let (n, exps) = (block.n_classes, &mut block.scratch.exps);
    let (of_label, of_each) = (1.0 - smoothing.get(), smoothing.get() / n as f64);
    let mut value = 0.0;
    exps.clear();
    for (z, &label) in block.logits.chunks_exact(n).zip(block.labels) {
        let start = exps.len();
        row::extend_scaled(exps, z, 1.0);
        let class_weight = class_weights.of(label);
        value -= class_weight * of_label * exps[start + label as usize];
        // Without smoothing a class may be impossible, and 0 times an infinity is not a number.
        if of_each > 0.0 {
            value -= class_weight * of_each * row::sum(&exps[start..]);
        }
    }
    exp(exps);
    for ((exps, grad), &label) in exps.chunks_exact(n).zip(block.grad.chunks_exact_mut(n)).zip(block.labels) {
        let sum = row::sum(exps);
        let class_weight = class_weights.of(label);
        value += class_weight * sum.ln();
        let weight = weight * class_weight;
        let (factor, of_each) = (weight / sum, weight * of_each);
        grad.iter_mut().zip(exps).for_each(|(grad, exp)| *grad += factor * exp - of_each);
        grad[label as usize] -= weight * of_label;
    }
    value
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
        SmoothedCrossEntropy::default().value_and_grad(logits, targets, grad)
    }

    fn needs_teacher(&self) -> bool {
        false
    }
}

/// The same with smoothed labels, and with a weight for each class.
#[derive(Debug, Clone, Default)]
pub struct SmoothedCrossEntropy {
    smoothing: Smoothing,
    class_weights: ClassWeights,
}

impl SmoothedCrossEntropy {
    /// Labels are smoothed, and examples count as much as their class.
    pub fn new(smoothing: Smoothing, class_weights: ClassWeights) -> Self {
        Self { smoothing, class_weights }
    }
}

impl Loss for SmoothedCrossEntropy {
    fn value_and_grad(
        &self,
        logits: ArrayView2<'_, f32>,
        targets: &Targets<'_>,
        grad: ArrayViewMut2<'_, f32>,
    ) -> Result<LossValue, LossError> {
        let labels = targets.labels.ok_or(LossError::MissingLabels)?;
        let hard = weighted_cross_entropy(logits, labels, self.smoothing, &self.class_weights, grad)?;
        Ok(LossValue::new(hard).with(Term::of_labelled("hard", hard)))
    }

    fn needs_teacher(&self) -> bool {
        false
    }
}
