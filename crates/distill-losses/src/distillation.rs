use ndarray::{ArrayView2, ArrayViewMut2};

use crate::batch::{Batch, Block};
use crate::cross_entropy::add_cross_entropy;
use crate::kd::{add_kd, teacher_entropy};
use crate::logit_matching::add_logit_matching;
use crate::loss::check_shape;
use crate::{ClassWeights, Loss, LossError, LossValue, Smoothing, Targets, Temperature, Term};

/// How the student is compared with the teacher.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SoftTerm {
    /// `T² KL(p ‖ q)`, see [`kd`](crate::kd()).
    Kd(Temperature),
    /// `T²` times the cross entropy with the soft targets, see [`soft_cross_entropy`](crate::soft_cross_entropy).
    SoftCrossEntropy(Temperature),
    /// Centred logits, see [`logit_matching`](crate::logit_matching()).
    LogitMatching,
}

/// Hinton's weighted average of the two objectives.
///
/// ```text
/// L = (1 - α) CE(y, softmax(z)) + α soft(v, z)
/// ```
///
/// The soft term has its factor `T²`, so `α` keeps its meaning when `T` changes; the labels are
/// compared at `T = 1` on the same logits. `α = 0` is plain cross entropy, bit for bit. On a
/// transfer set without labels the soft term stands alone, with weight 1, whatever `α` is.
///
/// Labels and logits that are given are checked even where their term has no weight.
///
/// Source: Hinton, Vinyals, Dean, 2015, section 2.
///
/// # Examples
/// ```
/// use distill_losses::{Distillation, Loss, SoftTerm, Targets, Temperature};
/// use ndarray::{Array2, array};
/// let loss = Distillation::new(SoftTerm::Kd(Temperature::new(4.0)?), 0.9)?;
/// let student = array![[0.1_f32, 0.7, 0.2]];
/// let teacher = array![[1.0_f32, 6.0, 3.0]];
/// let mut grad = Array2::zeros((1, 3));
/// let targets = Targets { labels: Some(&[1]), teacher_logits: Some(teacher.view()) };
/// let value = loss.value_and_grad(student.view(), &targets, grad.view_mut())?;
/// let (hard, soft) = (value.hard().unwrap(), value.soft().unwrap());
/// assert_eq!(value.total, (1.0 - 0.9) * hard + 0.9 * soft);
/// assert_eq!(soft, 16.0 * value.kl().unwrap());
/// # Ok::<(), distill_losses::LossError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Distillation {
    soft: SoftTerm,
    alpha: f64,
    smoothing: Smoothing,
    class_weights: ClassWeights,
}

impl Distillation {
    /// `alpha` is the weight of the soft term, `1 - alpha` the weight of the labels.
    ///
    /// # Errors
    /// [`LossError::Alpha`] outside `[0, 1]`.
    pub fn new(soft: SoftTerm, alpha: f64) -> Result<Self, LossError> {
        if !(0.0..=1.0).contains(&alpha) {
            return Err(LossError::Alpha { value: alpha });
        }
        Ok(Self { soft, alpha, smoothing: Smoothing::NONE, class_weights: ClassWeights::default() })
    }

    /// The same with smoothed labels. What the teacher says stays as it is.
    #[must_use]
    pub fn with_smoothing(self, smoothing: Smoothing) -> Self {
        Self { smoothing, ..self }
    }

    /// The same where examples count as much as their class in the loss on labels. What the teacher says counts alike.
    #[must_use]
    pub fn with_class_weights(self, class_weights: ClassWeights) -> Self {
        Self { class_weights, ..self }
    }
}

impl Loss for Distillation {
    fn value_and_grad(
        &self,
        logits: ArrayView2<'_, f32>,
        targets: &Targets<'_>,
        grad: ArrayViewMut2<'_, f32>,
    ) -> Result<LossValue, LossError> {
        self.class_weights.check(logits.ncols())?;
        let labels = targets.labels;
        let alpha = if labels.is_some() { self.alpha } else { 1.0 };
        let teacher = match targets.teacher_logits {
            None if alpha > 0.0 => return Err(LossError::MissingTeacher),
            Some(teacher) if alpha == 0.0 => {
                check_shape(logits.dim(), &[("teacher's logits", teacher.dim())])?;
                None
            }
            teacher => teacher,
        };
        let has_hard = alpha < 1.0;
        let [hard, soft, entropy] = Batch { logits, teacher, labels, grad }.means(&|block| {
            let hard =
                if has_hard { add_cross_entropy(block, self.smoothing, &self.class_weights, 1.0 - alpha) } else { 0.0 };
            let [soft, entropy] = if teacher.is_some() { self.soft.add(block, alpha) } else { [0.0; 2] };
            [hard, soft, entropy]
        })?;
        let mut value = LossValue::default();
        if has_hard {
            value.terms.set(Term::of_labelled("hard", hard));
            value.total += (1.0 - alpha) * hard;
        }
        if teacher.is_some() {
            let (soft, kl) = self.soft.value(soft, entropy);
            value.terms.set(Term::new("soft", soft));
            kl.into_iter().for_each(|kl| value.terms.set(Term::new("kl", kl)));
            value.total += alpha * soft;
        }
        Ok(value)
    }

    /// With `α = 0` for examples without labels alone, as these have no other term.
    fn needs_teacher(&self) -> bool {
        self.alpha > 0.0
    }
}

impl SoftTerm {
    /// Adds the weighted gradient to that of the block and returns sums over its examples: the divergence, or what
    /// there is in its place, and the entropy of the soft targets where the value has it.
    fn add(self, block: &mut Block<'_>, weight: f64) -> [f64; 2] {
        match self {
            Self::Kd(t) => [add_kd(block, t, weight), 0.0],
            Self::SoftCrossEntropy(t) => [add_kd(block, t, weight), teacher_entropy(block, t)],
            Self::LogitMatching => [add_logit_matching(block, weight), 0.0],
        }
    }

    /// The unweighted value and, where it has one, the divergence, from the means of what [`Self::add`] returns.
    fn value(self, mean: f64, entropy: f64) -> (f64, Option<f64>) {
        match self {
            Self::Kd(t) | Self::SoftCrossEntropy(t) => (t.get() * t.get() * (mean + entropy), Some(mean)),
            Self::LogitMatching => (mean, None),
        }
    }
}
