use ndarray::{ArrayView2, ArrayViewMut2};

use crate::{LossError, Term, Terms};

/// What a batch of logits is compared with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Targets<'a> {
    /// The class of each example, or of a regression the row of its numbers; `None` for a transfer set without labels.
    pub labels: Option<&'a [u32]>,
    /// The teacher's logits, shape `(examples, classes)`, from a cache or computed live.
    pub teacher_logits: Option<ArrayView2<'a, f32>>,
}

/// The value of a loss and the terms it is made of, each a mean over the examples.
///
/// # Examples
/// ```
/// use distill_losses::{LossValue, Term};
/// let value = LossValue::new(0.75).with(Term::of_labelled("hard", 1.0)).with(Term::new("soft", 0.5));
/// assert_eq!((value.total, value.hard(), value.soft(), value.kl()), (0.75, Some(1.0), Some(0.5), None));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LossValue {
    /// What is minimised.
    pub total: f64,
    /// What it is made of, before weights, and whatever else is worth watching.
    pub terms: Terms,
}

impl LossValue {
    /// A loss without terms.
    pub fn new(total: f64) -> Self {
        Self { total, terms: Terms::default() }
    }

    /// The same with one more term.
    #[must_use]
    pub fn with(mut self, term: Term) -> Self {
        self.terms.set(term);
        self
    }

    /// Adds another loss, whose terms come to those that are there.
    pub fn add(&mut self, other: &Self) {
        self.total += other.total;
        other.terms.iter().for_each(|&term| self.terms.set(term));
    }

    /// The terms besides `hard`, `soft` and `kl`, such as those on inner values.
    pub fn other_terms(&self) -> impl Iterator<Item = &Term> {
        self.terms.iter().filter(|term| !["hard", "soft", "kl"].contains(&term.name()))
    }

    /// Cross entropy with the labels, or smoothed ones, at `T = 1`, before its weight: the term `hard`.
    pub fn hard(&self) -> Option<f64> {
        self.terms.get("hard")
    }

    /// The soft term with its factor `T²`, before its weight: the term `soft`.
    pub fn soft(&self) -> Option<f64> {
        self.terms.get("soft")
    }

    /// `KL(p ‖ q)` at the loss's temperature without `T²`, the number to compare between temperatures: the term `kl`.
    pub fn kl(&self) -> Option<f64> {
        self.terms.get("kl")
    }
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
