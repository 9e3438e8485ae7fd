use ndarray::{ArrayView2, ArrayViewMut2};

use crate::cross_entropy::add_cross_entropy;
use crate::kd::{add_kd, mean_scaled_entropy};
use crate::logit_matching::add_logit_matching;
use crate::{Loss, LossError, LossValue, Targets, Temperature};

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
/// transfer set without labels the soft term stands alone, with weight 1.
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
/// let (hard, soft) = (value.hard.unwrap(), value.soft.unwrap());
/// assert_eq!(value.total, (1.0 - 0.9) * hard + 0.9 * soft);
/// assert_eq!(soft, 16.0 * value.kl.unwrap());
/// # Ok::<(), distill_losses::LossError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distillation {
    soft: SoftTerm,
    alpha: f64,
}

impl Distillation {
    /// `alpha` is the weight of the soft term, `1 - alpha` the weight of the labels.
    ///
    /// # Errors
    /// [`LossError::Alpha`] outside `[0, 1]`.
    pub fn new(soft: SoftTerm, alpha: f64) -> Result<Self, LossError> {
        if (0.0..=1.0).contains(&alpha) { Ok(Self { soft, alpha }) } else { Err(LossError::Alpha { value: alpha }) }
    }
}

impl Loss for Distillation {
    fn value_and_grad(
        &self,
        logits: ArrayView2<'_, f32>,
        targets: &Targets<'_>,
        mut grad: ArrayViewMut2<'_, f32>,
    ) -> Result<LossValue, LossError> {
        grad.fill(0.0);
        let alpha = if targets.labels.is_some() { self.alpha } else { 1.0 };
        let mut value = LossValue::default();
        if let Some(labels) = targets.labels.filter(|_| alpha < 1.0) {
            let hard = add_cross_entropy(logits, labels, 1.0 - alpha, &mut grad)?;
            value.hard = Some(hard);
            value.total += (1.0 - alpha) * hard;
        }
        if alpha > 0.0 {
            let teacher = targets.teacher_logits.ok_or(LossError::MissingTeacher)?;
            let (soft, kl) = self.soft.add(logits, teacher, alpha, &mut grad)?;
            value.soft = Some(soft);
            value.kl = kl;
            value.total += alpha * soft;
        }
        Ok(value)
    }

    fn needs_teacher(&self) -> bool {
        self.alpha > 0.0
    }
}

impl SoftTerm {
    /// Adds the weighted gradient to `grad` and returns the unweighted value and, where it has one, the divergence.
    fn add(
        self,
        logits: ArrayView2<'_, f32>,
        teacher: ArrayView2<'_, f32>,
        weight: f64,
        grad: &mut ArrayViewMut2<'_, f32>,
    ) -> Result<(f64, Option<f64>), LossError> {
        match self {
            Self::Kd(t) => {
                let kl = add_kd(logits, teacher, t, weight, grad)?;
                Ok((t.get() * t.get() * kl, Some(kl)))
            }
            Self::SoftCrossEntropy(t) => {
                let kl = add_kd(logits, teacher, t, weight, grad)?;
                Ok((t.get() * t.get() * kl + mean_scaled_entropy(teacher, t), Some(kl)))
            }
            Self::LogitMatching => Ok((add_logit_matching(logits, teacher, weight, grad)?, None)),
        }
    }
}
