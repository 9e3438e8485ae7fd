use distill_tensor::Real;
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::LossError;
use crate::pairs::{add_weighted_rows, check_rows, sums};

/// Distances are at least that, so that equal examples have a derivative: none.
const SMALLEST: f64 = 1e-6;

/// The relational loss on distances: examples are to be as far from each other as they are to the teacher, in units of the mean.
///
/// With the inner values `x` of a batch of `B` examples,
///
/// ```text
/// d_ij = √max(‖x_i - x_j‖², 1e-12),  d_ii = 0        μ = 1/(B (B - 1)) Σ_ij d_ij        u_ij = d_ij / μ
/// L = 1/B² Σ_ij ℓ(uˢ_ij - uᵗ_ij)        ℓ(e) = e²/2 where |e| ≤ 1, else |e| - 1/2
/// ∂L/∂d_ij = (g_ij - 1/(B (B - 1)) Σ_kl g_kl u_kl) / μ,  g_ij = ℓ'(uˢ_ij - uᵗ_ij) / B²
/// ∂L/∂x_i = 2 Σ_j ∂L/∂d_ij (x_i - x_j) / d_ij
/// ```
///
/// Values may have any width, another in each model. Of one example alone the loss is 0. It is a mean over all pairs, as the
/// authors compute it, where their equation 4 is a sum.
///
/// Source: Park, Kim, Lu, Cho, *Relational Knowledge Distillation*, 2019, equations 4 to 7.
///
/// # Examples
/// ```
/// use distill_losses::RelationalDistance;
/// use ndarray::{Array2, array};
/// // Distances 1, 1, 2 and 2, 2, 4: the same relations.
/// let (student, teacher) = (array![[0.0_f64], [1.0], [2.0]], array![[0.0], [2.0], [4.0]]);
/// let mut grad = Array2::zeros((3, 1));
/// let mut loss = RelationalDistance::default();
/// assert_eq!(loss.value_and_grad(student.view(), teacher.view(), 1.0, grad.view_mut())?, 0.0);
/// assert_eq!(grad, Array2::zeros((3, 1)));
/// # Ok::<(), distill_losses::LossError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct RelationalDistance {
    of_student: Vec<f64>,
    of_teacher: Vec<f64>,
}

impl RelationalDistance {
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
        if n < 2 {
            return Ok(0.0);
        }
        let Self { of_student, of_teacher } = self;
        let mean = distances(student, of_student);
        let mean_of_teacher = distances(teacher, of_teacher);
        let (pairs, all) = ((n * (n - 1)) as f64, (n * n) as f64);
        // What the mean distance takes back of every gradient.
        let (mut loss, mut through_mean) = (0.0, 0.0);
        for (s, t) in of_student.iter().zip(&*of_teacher) {
            let u = s / mean;
            let e = u - t / mean_of_teacher;
            loss += if e.abs() <= 1.0 { 0.5 * e * e } else { e.abs() - 0.5 };
            through_mean += derivative(e) * u;
        }
        through_mean /= pairs;
        for (i, (s, t)) in of_student.chunks_exact_mut(n).zip(of_teacher.chunks_exact(n)).enumerate() {
            let mut sum = 0.0;
            for (j, (s, t)) in s.iter_mut().zip(t).enumerate() {
                let moves = i != j && *s > SMALLEST;
                let by_distance = (derivative(*s / mean - t / mean_of_teacher) - through_mean) / (mean * all);
                let pull = if moves { 2.0 * weight * by_distance / *s } else { 0.0 };
                sum += pull;
                *s = -pull;
            }
            s[i] = sum;
        }
        add_weighted_rows(grad, student, of_student);
        Ok(loss / all)
    }
}

/// The derivative of the loss of a pair.
fn derivative(e: f64) -> f64 {
    e.clamp(-1.0, 1.0)
}

/// Writes all distances, and returns the mean of those between two.
fn distances<F: Real>(x: ArrayView2<'_, F>, out: &mut Vec<f64>) -> f64 {
    let n = x.nrows();
    sums(x, out, |a, b| (a - b) * (a - b));
    for (at, d) in out.iter_mut().enumerate() {
        // A NaN stays one, so that it is found.
        *d = match *d < SMALLEST * SMALLEST {
            _ if at / n == at % n => *d,
            true => SMALLEST,
            false => d.sqrt(),
        };
    }
    out.iter().sum::<f64>() / (n * (n - 1)) as f64
}
