//! A product that skips the zeros of its left operand.

mod nonzeros;
mod pack;
mod tile;
mod weights;

use std::cell::Cell;

use ndarray::{ArrayView2, ArrayViewMut2};

use self::nonzeros::NonZeros;
pub use self::weights::Weights;
use crate::matmul;

/// Fewer rows do not pay for packing the other operand.
const MIN_ROWS: usize = 24;
/// Products with fewer multiplications are over before the zeros are found.
const MIN_MULTIPLICATIONS: usize = 400_000;
/// Skipping pays up to this share of values that are not zero: a multiplication that is done takes almost twice the
/// time that it takes in a dense product.
const MAX_DENSITY: f64 = 0.6;

/// The matrix product `out = a · b` as [`matmul`](crate::matmul()), without the multiplications by zeros of `a`.
///
/// Inputs with a background, units that a rectifier or dropout has silenced, and the gradients behind them are mostly
/// zeros. Where more than about half of `a` is zero this is faster than the dense product; else, and for small
/// products, it is the dense product. Which of the two is a function of the operands alone, and so is the
/// result: it is the same, bit for bit, for any number of threads.
///
/// The two sum in different orders, so their results differ by rounding. A zero of `a` is taken to give zero, also
/// where `b` is infinite or not a number.
///
/// # Panics
/// If the shapes do not fit.
///
/// # Examples
/// ```
/// use ndarray::{Array2, array};
/// let a = array![[0.0_f32, 2.0], [3.0, 0.0]];
/// let b = array![[1.0_f32], [2.0]];
/// let mut out = Array2::zeros((2, 1));
/// distill_tensor::matmul_skip_zeros(a.view(), b.view(), out.view_mut());
/// assert_eq!(out, array![[4.0], [3.0]]);
/// ```
pub fn matmul_skip_zeros(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>, mut out: ArrayViewMut2<'_, f32>) {
    let (m, k) = a.dim();
    let n = b.ncols();
    assert_eq!(k, b.nrows(), "inner dimensions of a product");
    assert_eq!(out.dim(), (m, n), "shape of a product");
    let worth_it = m >= MIN_ROWS && m * k * n >= MIN_MULTIPLICATIONS;
    let possible = b.strides().contains(&1) && out.strides()[1] == 1;
    if !(worth_it && possible && multiply(a, b, out.view_mut())) {
        matmul(a, b, out);
    }
}

/// Whether it was worth it; if not, nothing was done.
fn multiply(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>, out: ArrayViewMut2<'_, f32>) -> bool {
    find(a, |nonzeros| match nonzeros {
        Some(nonzeros) if nonzeros.count() as f64 <= MAX_DENSITY * a.len() as f64 => {
            tile::multiply(&nonzeros, b, out);
            true
        }
        _ => false,
    })
}

/// Finds the non-zeros in memory that is used again.
fn find<T>(a: ArrayView2<'_, f32>, then: impl FnOnce(Option<NonZeros<'_>>) -> T) -> T {
    thread_local! {
        // Taken out while it is in use: a thread that waits for others may be given another product.
        static MASKS: Cell<Vec<u64>> = Cell::default();
    }
    let mut masks = MASKS.take();
    let result = then(NonZeros::find(a, &mut masks));
    MASKS.set(masks);
    result
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, ShapeBuilder, s};

    use super::*;

    /// Small whole numbers of which about one in `one_in` is not zero: their sums are exact in any order.
    fn sparse(rows: usize, columns: usize, one_in: usize) -> Array2<f32> {
        let value = |i: usize| if i * 7919 % 101 < 101 / one_in { (i % 13) as f32 - 6.0 } else { 0.0 };
        Array2::from_shape_fn((rows, columns), |(i, j)| value(i * columns + j))
    }

    fn naive(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>) -> Array2<f32> {
        Array2::from_shape_fn((a.nrows(), b.ncols()), |(i, j)| (0..a.ncols()).map(|k| a[[i, k]] * b[[k, j]]).sum())
    }

    /// Fails if the product would be the dense one.
    fn skip(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>, out: ArrayViewMut2<'_, f32>) {
        assert!(multiply(a, b, out), "worth it");
    }

    #[test]
    fn every_layout_equals_the_definition() {
        for (m, k, n) in [(24, 64, 8), (40, 784, 30), (128, 100, 130), (33, 65, 17), (200, 128, 784), (5, 1, 1)] {
            let (a, b) = (sparse(m, k, 4), sparse(k, n, 1));
            let expected = naive(a.view(), b.view());
            let (a_t, b_t) = (a.t().as_standard_layout().into_owned(), b.t().as_standard_layout().into_owned());
            for (form, a) in [("a", a.view()), ("a transposed", a_t.t())] {
                for b in [b.view(), b_t.t()] {
                    let mut out = Array2::from_elem((m, n), f32::NAN);
                    skip(a, b, out.view_mut());
                    assert!(out == expected, "{form} {m}x{k}x{n}");
                }
            }
        }
    }

    #[test]
    fn what_lies_beside_the_result_is_left_alone() {
        let (a, b) = (sparse(30, 70, 3), sparse(70, 21, 1));
        let mut wide = Array2::from_elem((32, 40), -1.0_f32);
        skip(a.view(), b.view(), wide.slice_mut(s![1..31, 5..26]));
        assert_eq!(wide.slice(s![1..31, 5..26]), naive(a.view(), b.view()));
        wide.slice_mut(s![1..31, 5..26]).fill(-1.0);
        assert!(wide.iter().all(|&x| x == -1.0));
    }

    #[test]
    fn a_product_that_gains_nothing_is_the_dense_one() {
        let (a, b) = (sparse(128, 200, 1), sparse(200, 64, 1));
        let mut out = Array2::zeros((128, 64));
        assert!(!multiply(a.view(), b.view(), out.view_mut()), "hardly a zero");
        let sparse = sparse(128, 200, 5);
        let gaps = Array2::from_shape_fn((128, 400), |(i, j)| if j % 2 == 0 { sparse[[i, j / 2]] } else { 0.0 });
        for a in [a.view(), sparse.slice(s![..3, ..]), gaps.slice(s![.., ..;2])] {
            let mut out = Array2::from_elem((a.nrows(), 64).f(), f32::NAN);
            matmul_skip_zeros(a, b.view(), out.view_mut());
            assert_eq!(out, naive(a, b.view()));
        }
    }

    #[test]
    fn a_number_that_is_none_is_found() {
        let (mut a, b) = (sparse(32, 64, 8), sparse(64, 16, 1));
        a[[3, 5]] = f32::NAN;
        let mut out = Array2::zeros((32, 16));
        skip(a.view(), b.view(), out.view_mut());
        assert!(out.row(3).iter().all(|x| x.is_nan()));
        assert!(out.row(4).iter().all(|x| x.is_finite()));
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let a = sparse(128, 784, 5).mapv(f32::sin);
        let b = Array2::from_shape_fn((784, 1200), |(i, j)| ((i + j * 17) as f32).cos());
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut out = Array2::zeros((128, 1200));
            pool.install(|| skip(a.view(), b.view(), out.view_mut()));
            out
        };
        let one = run(1);
        for threads in [2, 3, 5] {
            assert!(one == run(threads), "{threads} threads");
        }
        let mut dense = Array2::zeros((128, 1200));
        matmul(a.view(), b.view(), dense.view_mut());
        let furthest = (&one - &dense).iter().fold(0.0_f32, |max, x| max.max(x.abs()));
        assert!(furthest < 1e-4, "{furthest}");
    }
}
