use distill_tensor::Real;
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::pairs::{add_weighted_rows, check_rows, sums};
use crate::row::{SMALLEST_NORM, normalise};
use crate::{LossError, row};

/// The similarity-preserving loss: examples that are alike to the teacher are to be alike to the student.
///
/// With the inner values `F` of a batch of `B` examples, one in each row,
///
/// ```text
/// G = F Fᵀ        Ĝ_i = G_i / ‖G_i‖₂        L = 1/B² Σ_ij (Ĝˢ_ij - Ĝᵗ_ij)²
/// ∂L/∂G_i = (g - (g·Ĝ_i) Ĝ_i) / ‖G_i‖₂,  g = 2 (Ĝˢ_i - Ĝᵗ_i) / B²        ∂L/∂F = (∂L/∂G + (∂L/∂G)ᵀ) F
/// ```
///
/// Values may have any width, another in each model. A row of `G` that is zero, of an example that is zero all over, counts as
/// zero and has no gradient. The loss depends on the size of the batch: it is a mean over all pairs of its examples.
///
/// Source: Tung and Mori, *Similarity-Preserving Knowledge Distillation*, 2019, equations 1 to 4.
///
/// # Examples
/// ```
/// use distill_losses::Similarity;
/// use ndarray::{Array2, array};
/// // To the student both examples are alike, to the teacher they have nothing in common.
/// let (student, teacher) = (array![[3.0_f64], [3.0]], array![[1.0, 0.0], [0.0, 1.0]]);
/// let mut grad = Array2::zeros((2, 1));
/// let loss = Similarity::default().value_and_grad(student.view(), teacher.view(), 1.0, grad.view_mut())?;
/// assert!((loss - (1.0 - 0.5_f64.sqrt())).abs() < 1e-12);
/// # Ok::<(), distill_losses::LossError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Similarity {
    of_student: Vec<f64>,
    of_teacher: Vec<f64>,
}

impl Similarity {
    /// Returns the loss and adds `weight` times its gradient by the student's values to `grad`.
    ///
    /// `student` and `grad` have shape `(examples, width)`, `teacher` has as many rows and any width. The teacher is a constant.
    /// The struct keeps its memory, so that the next batch of that size takes none.
    ///
    /// # Errors
    /// [`LossError::InnerShapes`] if there are not as many rows of each, or nothing in them.
    pub fn value_and_grad<F: Real>(
        &mut self,
        student: ArrayView2<'_, F>,
        teacher: ArrayView2<'_, F>,
        weight: f64,
        grad: ArrayViewMut2<'_, F>,
    ) -> Result<f64, LossError> {
        let n = check_rows(student.dim(), teacher.dim(), grad.dim())?;
        let pairs = (n * n) as f64;
        let Self { of_student, of_teacher } = self;
        sums(student, of_student, |a, b| a * b);
        sums(teacher, of_teacher, |a, b| a * b);
        let mut loss = 0.0;
        for (s, t) in of_student.chunks_exact_mut(n).zip(of_teacher.chunks_exact_mut(n)) {
            let norm = normalise(s);
            normalise(t);
            loss += row::sum_of([s, t], |[s, t]| (s - t).powi(2));
            let along = row::sum_of([s, t], |[s, t]| s * (s - t));
            let scale = if norm < SMALLEST_NORM { 0.0 } else { 2.0 * weight / (pairs * norm) };
            s.iter_mut().zip(&*t).for_each(|(s, t)| *s = scale * ((*s - t) - along * *s));
        }
        for i in 0..n {
            for j in 0..=i {
                let sum = of_student[i * n + j] + of_student[j * n + i];
                (of_student[i * n + j], of_student[j * n + i]) = (sum, sum);
            }
        }
        add_weighted_rows(grad, student, of_student);
        Ok(loss / pairs)
    }
}
