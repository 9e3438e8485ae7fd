use ndarray::{ArrayView2, ArrayViewMut2};

use crate::LossError;

/// What a batch of logits is compared with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Targets<'a> {
    /// The class of each example, or `None` for a transfer set without labels.
    pub labels: Option<&'a [u32]>,
    /// The teacher's logits, shape `(examples, classes)`, from a cache or computed live.
    pub teacher_logits: Option<ArrayView2<'a, f32>>,
}

/// The value of a loss and the terms it is made of, each a mean over the examples.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LossValue {
    /// What is minimised.
    pub total: f64,
    /// Cross entropy with the labels at `T = 1`, before its weight.
    pub hard: Option<f64>,
    /// The soft term with its factor `T²`, before its weight.
    pub soft: Option<f64>,
    /// `KL(p ‖ q)` at the loss's temperature without `T²`: the number to compare between temperatures.
    pub kl: Option<f64>,
}

/// A loss that the training loop can swap for another one.
///
/// Value and gradient come together: they share the softmax, and a value without the
/// gradient that belongs to it has no use in training.
pub trait Loss: Send + Sync {
    /// Returns the loss and overwrites `grad` with its gradient with respect to the logits.
    ///
    /// `logits` and `grad` have shape `(examples, classes)`. The teacher is a constant.
    ///
    /// # Errors
    /// If shapes do not fit, a label names no class, or a target that the loss needs is missing.
    fn value_and_grad(
        &self,
        logits: ArrayView2<'_, f32>,
        targets: &Targets<'_>,
        grad: ArrayViewMut2<'_, f32>,
    ) -> Result<LossValue, LossError>;

    /// Whether the loss reads the teacher's logits of examples that have labels.
    ///
    /// Where there are no labels, a loss that takes such examples has nothing else to learn from and needs them in any case.
    fn needs_teacher(&self) -> bool;
}

/// Checks what every loss demands of its matrices and returns `(examples, classes)`.
pub(crate) fn check_shape(
    logits: (usize, usize),
    others: &[(&'static str, (usize, usize))],
) -> Result<(usize, usize), LossError> {
    for &(what, actual) in others {
        if actual != logits {
            return Err(LossError::ShapeMismatch { what, logits, actual });
        }
    }
    match logits {
        (0, _) | (_, 0) => Err(LossError::Empty { examples: logits.0, classes: logits.1 }),
        _ => Ok(logits),
    }
}
