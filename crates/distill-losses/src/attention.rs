use distill_tensor::{PARALLEL_MIN, Real};
use ndarray::{ArrayView3, ArrayView4, ArrayViewMut3, ArrayViewMut4, Axis, s};
use rayon::prelude::*;

use crate::row::{SMALLEST_NORM, normalise};
use crate::{LossError, row};

/// The attention transfer loss: the student is to look where the teacher looks.
///
/// The attention of a map `A` at a pixel is the sum of its squares over the channels, so that models may have different
/// numbers of channels. With `P` pixels and `B` examples,
///
/// ```text
/// q_p = Σ_c A_cp²        Q = q / ‖q‖₂        L = 1/(B P) Σ_b Σ_p (Qˢ_bp - Qᵗ_bp)²
/// ∂L/∂A_cp = 2 A_cp h_p,  h = (g - (g·Qˢ) Qˢ) / ‖qˢ‖₂,  g = 2 (Qˢ - Qᵗ) / (B P)
/// ```
///
/// Where one map has a multiple of the other's rows or columns, its attention `q` is averaged over them first. A map that is
/// zero all over counts as zero and has no gradient.
///
/// Source: Zagoruyko and Komodakis, *Paying More Attention to Attention*, 2017, `F²_sum` of section 3.1 and equation 2. The
/// value is the mean of squares that the authors compute; their equation has the norm of the difference in its place.
///
/// # Examples
/// ```
/// use distill_losses::Attention;
/// use ndarray::{Array4, array};
/// // One channel of two pixels: the student looks at the first, the teacher at the second.
/// let map = |pixels: [f64; 2]| Array4::from_shape_vec((1, 1, 1, 2), pixels.to_vec());
/// let (student, teacher) = (map([2.0, 0.0])?, map([0.0, 5.0])?);
/// let mut grad = Array4::zeros((1, 1, 1, 2));
/// let loss = Attention::default().value_and_grad(student.view(), teacher.view(), 1.0, grad.view_mut())?;
/// assert_eq!(loss, 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Attention {
    of_student: Vec<f64>,
    of_teacher: Vec<f64>,
    losses: Vec<f64>,
}

impl Attention {
    /// Rows and columns at which two maps of these `(rows, columns)` are compared, if one's are a multiple of the other's.
    pub fn common_size(a: (usize, usize), b: (usize, usize)) -> Option<(usize, usize)> {
        let side = |a: usize, b: usize| {
            let (small, large) = (a.min(b), a.max(b));
            (small > 0 && large.is_multiple_of(small)).then_some(small)
        };
        Some((side(a.0, b.0)?, side(a.1, b.1)?))
    }

    /// Returns the loss and adds `weight` times its gradient by the student's map to `grad`.
    ///
    /// All have shape `(examples, channels, rows, columns)`, in memory in any order; student and teacher may have different
    /// channels, and rows and columns as [`common_size`](Self::common_size) says. The teacher is a constant. The struct keeps
    /// its memory, so that the next batch of that size takes none.
    ///
    /// # Errors
    /// [`LossError::InnerShapes`] if the shapes do not fit, or one has nothing in it.
    pub fn value_and_grad<F: Real>(
        &mut self,
        student: ArrayView4<'_, F>,
        teacher: ArrayView4<'_, F>,
        weight: f64,
        mut grad: ArrayViewMut4<'_, F>,
    ) -> Result<f64, LossError> {
        let size = check(&student, &teacher, &grad)?;
        let (n, pixels) = (student.dim().0, size.0 * size.1);
        let scale = 1.0 / (n * pixels) as f64;
        for buffer in [&mut self.of_student, &mut self.of_teacher] {
            buffer.clear();
            buffer.resize(n * pixels, 0.0);
        }
        self.losses.clear();
        self.losses.resize(n, 0.0);
        let min_examples = PARALLEL_MIN.div_ceil(((student.len() + teacher.len()) / n).max(1));
        let maps = (student.axis_iter(Axis(0)), teacher.axis_iter(Axis(0)), grad.axis_iter_mut(Axis(0)));
        let (students, teachers, grads) = maps;
        let buffers = (self.of_student.par_chunks_exact_mut(pixels), self.of_teacher.par_chunks_exact_mut(pixels));
        let maps = (students.into_par_iter(), teachers.into_par_iter(), grads.into_par_iter());
        let all = maps.into_par_iter().zip(buffers.into_par_iter()).zip(self.losses.par_iter_mut());
        all.with_min_len(min_examples).for_each(|(((student, teacher, grad), (s, t)), loss)| {
            add_attention(student, size, s);
            add_attention(teacher, size, t);
            let norm = normalise(s);
            normalise(t);
            *loss = row::sum_of([s, t], |[s, t]| (s - t).powi(2));
            let along = row::sum_of([s, t], |[s, t]| s * (s - t));
            let factor = if norm < SMALLEST_NORM { 0.0 } else { 2.0 * scale * weight / norm };
            s.iter_mut().zip(&*t).for_each(|(s, t)| *s = factor * ((*s - t) - along * *s));
            add_gradient(student, size, s, grad);
        });
        // In the order of the examples, whoever has computed them.
        Ok(scale * self.losses.iter().sum::<f64>())
    }
}

/// Checks the shapes, and returns the rows and columns at which they are compared.
fn check<F>(
    student: &ArrayView4<'_, F>,
    teacher: &ArrayView4<'_, F>,
    grad: &ArrayViewMut4<'_, F>,
) -> Result<(usize, usize), LossError> {
    let (of_student, of_teacher) = (student.dim(), teacher.dim());
    let refused = |other: &[usize], reason| {
        Err(LossError::InnerShapes { student: student.shape().to_vec(), teacher: other.to_vec(), reason })
    };
    if of_student != grad.dim() {
        return refused(grad.shape(), "the second shape is that of the gradient, which must be the student's");
    }
    if of_student.0 != of_teacher.0 {
        return refused(teacher.shape(), "both must have the same examples");
    }
    if student.is_empty() || teacher.is_empty() {
        return refused(teacher.shape(), "a loss needs at least one example and one number of it");
    }
    match Attention::common_size((of_student.2, of_student.3), (of_teacher.2, of_teacher.3)) {
        Some(size) => Ok(size),
        None => refused(teacher.shape(), "rows and columns of one must be a multiple of the other's"),
    }
}

/// Adds the attention of a map `(channels, rows, columns)`, averaged to that size.
fn add_attention<F: Real>(map: ArrayView3<'_, F>, size: (usize, usize), out: &mut [f64]) {
    let (_, rows, columns) = map.dim();
    let window = (rows / size.0, columns / size.1);
    let share = 1.0 / (window.0 * window.1) as f64;
    for y in 0..rows {
        for x in 0..columns {
            let sum: f64 = map.slice(s![.., y, x]).iter().map(|a| a.to_f64() * a.to_f64()).sum();
            out[y / window.0 * size.1 + x / window.1] += share * sum;
        }
    }
}

/// Adds the gradient of a map, given that of its attention.
fn add_gradient<F: Real>(map: ArrayView3<'_, F>, size: (usize, usize), by: &[f64], mut grad: ArrayViewMut3<'_, F>) {
    let (_, rows, columns) = map.dim();
    let window = (rows / size.0, columns / size.1);
    let share = 2.0 / (window.0 * window.1) as f64;
    for y in 0..rows {
        for x in 0..columns {
            let by = share * by[y / window.0 * size.1 + x / window.1];
            let pixel = grad.slice_mut(s![.., y, x]);
            ndarray::Zip::from(pixel).and(map.slice(s![.., y, x])).for_each(|grad, a| {
                *grad = F::from_f64(grad.to_f64() + by * a.to_f64());
            });
        }
    }
}
