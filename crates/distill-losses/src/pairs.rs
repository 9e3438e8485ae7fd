//! Numbers of every pair of examples, and sums of rows weighed by such numbers.

use distill_tensor::{PARALLEL_MIN, Real};
use ndarray::{ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

use crate::LossError;

/// Sums that do not wait for each other, and the rows that are compared with one at a time.
const LANES: usize = 4;
const ROWS: usize = 4;

/// Columns of a row that are summed up at a time, in memory of their own.
const COLUMNS: usize = 64;

/// Checks that the values of student and teacher have as many rows, and returns their number.
pub(crate) fn check_rows(
    student: (usize, usize),
    teacher: (usize, usize),
    grad: (usize, usize),
) -> Result<usize, LossError> {
    let shapes = |reason| LossError::InnerShapes {
        student: vec![student.0, student.1],
        teacher: vec![teacher.0, teacher.1],
        reason,
    };
    match student {
        _ if student.0 != teacher.0 => Err(shapes("both must have the same examples")),
        _ if student != grad => Err(LossError::InnerShapes {
            student: vec![student.0, student.1],
            teacher: vec![grad.0, grad.1],
            reason: "the second shape is that of the gradient, which must be the student's",
        }),
        (0, _) | (_, 0) => Err(shapes("a loss needs at least one example and one number of it")),
        _ if teacher.1 == 0 => Err(shapes("a loss needs at least one example and one number of it")),
        (examples, _) => Ok(examples),
    }
}

/// Writes `Σ_k term(x_ik, x_jk)` to `out[i n + j]`, for a term that is the same with both exchanged.
///
/// Each number is summed up in one order by one thread, so any number of threads gives the same bits.
pub(crate) fn sums<F: Real>(x: ArrayView2<'_, F>, out: &mut Vec<f64>, term: impl Fn(f64, f64) -> f64 + Sync) {
    let n = x.nrows();
    out.clear();
    out.resize(n * n, 0.0);
    let x = x.as_standard_layout();
    let row = |i: usize| {
        let start = i * x.ncols();
        x.as_slice().map_or(&[][..], |all| &all[start..start + x.ncols()])
    };
    let fill = |(i, out): (usize, &mut [f64])| {
        let a = row(i);
        for (block, out) in out[..=i].chunks_mut(ROWS).enumerate() {
            let first = block * ROWS;
            if let Ok(out) = <&mut [f64; ROWS]>::try_from(&mut *out) {
                *out = sums_of(a, std::array::from_fn(|k| row(first + k)), &term);
            } else {
                out.iter_mut().enumerate().for_each(|(k, out)| [*out] = sums_of(a, [row(first + k)], &term));
            }
        }
    };
    if n * x.len() < PARALLEL_MIN {
        out.chunks_mut(n).enumerate().for_each(fill);
    } else {
        out.par_chunks_mut(n).enumerate().for_each(fill);
    }
    for i in 0..n {
        for j in 0..i {
            out[j * n + i] = out[i * n + j];
        }
    }
}

/// `Σ term` of a row with each of some others.
#[inline(always)]
fn sums_of<F: Real, const N: usize>(a: &[F], others: [&[F]; N], term: &impl Fn(f64, f64) -> f64) -> [f64; N] {
    let (chunks, rest) = a.as_chunks::<LANES>();
    let others = others.map(|row| row.as_chunks::<LANES>());
    // Slices of one length, so that nothing is checked inside.
    let of_others = others.map(|(others, _)| &others[..chunks.len()]);
    let mut lanes = [[0.0; LANES]; N];
    for (i, a) in chunks.iter().enumerate() {
        let a = a.map(F::to_f64);
        for (lanes, others) in lanes.iter_mut().zip(&of_others) {
            let b = others[i].map(F::to_f64);
            for k in 0..LANES {
                lanes[k] += term(a[k], b[k]);
            }
        }
    }
    for (k, a) in rest.iter().enumerate() {
        for (lanes, (_, rest)) in lanes.iter_mut().zip(&others) {
            lanes[k] += term(a.to_f64(), rest[k].to_f64());
        }
    }
    lanes.map(|lanes| (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]))
}

/// Adds `Σ_j weights[i n + j] x_j` to row `i` of `grad`.
pub(crate) fn add_weighted_rows<F: Real>(mut grad: ArrayViewMut2<'_, F>, x: ArrayView2<'_, F>, weights: &[f64]) {
    let n = x.nrows();
    let x = x.as_standard_layout();
    let (n_columns, in_parallel) = (x.ncols(), n * x.len() >= PARALLEL_MIN);
    let all = x.as_slice().unwrap_or_default();
    let add = |(mut grad, weights): (ndarray::ArrayViewMut1<'_, F>, &[f64])| {
        for start in (0..n_columns).step_by(COLUMNS) {
            let end = (start + COLUMNS).min(n_columns);
            let mut sums = [0.0; COLUMNS];
            let sums = &mut sums[..end - start];
            let row = |j: usize| &all[j * n_columns + start..j * n_columns + end];
            let (blocks, rest) = weights.as_chunks::<ROWS>();
            for (block, w) in blocks.iter().enumerate() {
                let [a, b, c, d] = std::array::from_fn(|k| row(block * ROWS + k));
                for ((((sum, a), b), c), d) in sums.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                    *sum += (w[0] * a.to_f64() + w[1] * b.to_f64()) + (w[2] * c.to_f64() + w[3] * d.to_f64());
                }
            }
            for (k, weight) in rest.iter().enumerate() {
                let row = row(blocks.len() * ROWS + k);
                sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += weight * x.to_f64());
            }
            let grad = grad.iter_mut().skip(start).take(end - start);
            grad.zip(&*sums).for_each(|(grad, sum)| *grad = F::from_f64(grad.to_f64() + sum));
        }
    };
    if in_parallel {
        (grad.axis_iter_mut(Axis(0)).into_par_iter(), weights.par_chunks_exact(n)).into_par_iter().for_each(add);
    } else {
        grad.outer_iter_mut().zip(weights.chunks_exact(n)).for_each(add);
    }
}
