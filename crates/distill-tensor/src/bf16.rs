mod packed;

use std::cell::Cell;

use gemmkit::bf16;
use ndarray::{ArrayView2, ArrayViewMut2, ShapeBuilder as _};
use rayon::prelude::*;

use crate::matmul::{Kernel, multiply};
use crate::{PARALLEL_MIN, kernel};

/// Whether this processor multiplies bf16 in instructions of its own: AVX512-BF16 on x86-64.
///
/// On aarch64 the kernels have none so far, so there it is always false.
pub fn bf16_is_native() -> bool {
    kernel::bf16_is_native()
}

/// Whether it multiplies whole tiles of them at once, by AMX: where Linux permits it on Intel's processors since Sapphire Rapids.
///
/// Then [`bf16_is_native`] too. The process asks Linux for the permission when this, or a product in bf16, is first called.
pub fn bf16_by_tiles() -> bool {
    kernel::has_tiles()
}

/// The matrix product `out = a · b` of operands rounded to bf16, shapes `(m, k) · (k, n) = (m, n)`.
///
/// bf16 has the range of f32 and 8 bits of precision. Every operand is rounded once, to nearest and
/// ties to even; products and sums are f32, and `out` is not rounded further. Where
/// [`bf16_is_native`], pairs are multiplied and summed by `vdpbf16ps`, or by `tdpbf16ps` where
/// [`bf16_by_tiles`]; both take numbers below 2⁻¹²⁶ for zero. Elsewhere it is f32 instructions, with the same
/// meaning. The last bits differ between the three.
///
/// The result is the same, bit for bit, for any number of threads, as that of [`matmul`](crate::matmul()). The
/// rounded operands are kept in memory of the calling thread, which grows to the largest product.
///
/// # Panics
/// If the shapes do not fit.
///
/// # Examples
/// ```
/// use ndarray::{Array2, array};
/// let a = array![[1.0_f32, 1.0 + 1.0 / 512.0]];
/// let b = array![[2.0_f32], [3.0]];
/// let mut out = Array2::zeros((1, 1));
/// // 1 + 1/512 lies between 1 and 1 + 1/128, the next number of bf16, and nearer to 1.
/// distill_tensor::matmul_bf16(a.view(), b.view(), out.view_mut());
/// assert_eq!(out, array![[5.0]]);
/// ```
pub fn matmul_bf16(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>, out: ArrayViewMut2<'_, f32>) {
    if kernel::bf16_is_native() && !kernel::has_tiles() {
        packed::multiply(a, b, out);
    } else {
        multiply_rounded(a, b, out, kernel::multiply_bf16);
    }
}

/// The same by f32 instructions.
pub(crate) fn matmul_bf16_emulated(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>, out: ArrayViewMut2<'_, f32>) {
    multiply_rounded(a, b, out, kernel::multiply_bf16_widened);
}

fn multiply_rounded(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>, out: ArrayViewMut2<'_, f32>, kernel: Kernel<bf16>) {
    thread_local! {
        static ROUNDED: Cell<[Vec<bf16>; 2]> = const { Cell::new([vec![], vec![]]) };
    }
    // Taken, not borrowed: while this thread waits for blocks, rayon may give it another product.
    let mut buffers = ROUNDED.take();
    let [buffer_a, buffer_b] = &mut buffers;
    multiply(rounded(a, buffer_a), rounded(b, buffer_b), out, kernel);
    ROUNDED.set(buffers);
}

/// A matrix in bf16, in the order in which it lies in memory.
fn rounded<'a>(matrix: ArrayView2<'_, f32>, buffer: &'a mut Vec<bf16>) -> ArrayView2<'a, bf16> {
    let (rows, columns) = matrix.dim();
    if buffer.len() < matrix.len() {
        buffer.resize(matrix.len(), bf16::ZERO);
    }
    let buffer = &mut buffer[..matrix.len()];
    let shape = if let Some(values) = matrix.to_slice() {
        round_all(values, buffer);
        (rows, columns).into_shape_with_order()
    } else if let Some(values) = matrix.reversed_axes().to_slice() {
        round_all(values, buffer);
        (rows, columns).f()
    } else {
        buffer.iter_mut().zip(&matrix).for_each(|(rounded, &value)| *rounded = round(value));
        (rows, columns).into_shape_with_order()
    };
    ArrayView2::from_shape(shape, buffer).expect("a buffer of the length of the shape")
}

fn round_all(values: &[f32], rounded: &mut [bf16]) {
    const BLOCK: usize = 8 * 1024;
    let run = |(rounded, values): (&mut [bf16], &[f32])| {
        rounded.iter_mut().zip(values).for_each(|(rounded, &value)| *rounded = round(value));
    };
    if values.len() >= PARALLEL_MIN {
        rounded.par_chunks_mut(BLOCK).zip(values.par_chunks(BLOCK)).for_each(run);
    } else {
        run((rounded, values));
    }
}

/// Rounds to nearest, ties to even, without a branch, so that it becomes vector instructions.
#[inline]
pub(crate) fn round(value: f32) -> bf16 {
    let bits = value.to_bits();
    // Half of the last place, less one where the last bit is 0: a tie then goes to the even one.
    let nearest = bits.wrapping_add(0x7FFF + ((bits >> 16) & 1));
    // A NaN keeps its sign and becomes a quiet one; its lower bits alone could round to infinity.
    let bits = if value.is_nan() { bits | 0x40_0000 } else { nearest };
    bf16::from_bits((bits >> 16) as u16)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, s};

    use super::*;
    use crate::Precision;

    const BOTH: [Precision; 2] = [Precision::Bf16, Precision::Bf16Emulated];

    fn waves(rows: usize, columns: usize, phase: f32) -> Array2<f32> {
        Array2::from_shape_fn((rows, columns), |(i, j)| ((i * columns + j) as f32 * 0.37 + phase).sin())
    }

    fn product(precision: Precision, a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>) -> Array2<f32> {
        let mut out = Array2::from_elem((a.nrows(), b.ncols()), f32::NAN);
        precision.matmul(a, b, out.view_mut());
        out
    }

    /// Compares with sums in f64 of the rounded operands, whose products are exact there.
    ///
    /// A sum of `k` terms with a rounding at each has an error of at most `k u Σ|a b|` and terms of
    /// the order `u²`, with `u = 2⁻²⁴` (Higham, Accuracy and Stability, section 3.1). The bound here
    /// is twice that.
    fn assert_near(out: ArrayView2<'_, f32>, a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>, what: &str) {
        let exact = |value: f32| f64::from(bf16::from_f32(value));
        for ((i, j), &actual) in out.indexed_iter() {
            let terms = || a.row(i).into_iter().zip(b.column(j)).map(|(&a, &b)| exact(a) * exact(b));
            let bound = a.ncols() as f64 * 2.0_f64.powi(-23) * terms().map(f64::abs).sum::<f64>();
            let error = (f64::from(actual) - terms().sum::<f64>()).abs();
            assert!(error <= bound, "{what} at {i}, {j}: off by {error}, at most {bound}");
        }
    }

    #[test]
    fn rounds_as_ieee_says() {
        for high in 0..=u16::MAX {
            for low in [0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF] {
                let value = f32::from_bits(u32::from(high) << 16 | low);
                let (actual, expected) = (round(value), bf16::from_f32(value));
                assert_eq!(actual.to_bits(), expected.to_bits(), "{value:e}, {:x}", value.to_bits());
            }
        }
    }

    #[test]
    fn every_form_is_near_the_exact_product() {
        for (m, k, n) in [(1, 1, 1), (1, 7, 5), (3, 5, 7), (33, 2, 1), (64, 33, 65), (130, 101, 128), (17, 785, 10)] {
            let (a, b) = (waves(m, k, 0.1), waves(k, n, 0.7));
            for precision in BOTH {
                let what = |form| format!("{} {form} {m}x{k}x{n}", precision.name());
                assert_near(product(precision, a.view(), b.view()).view(), a.view(), b.view(), &what("plain"));

                let (a_t, b_t) = (waves(k, m, 0.3), waves(n, k, 0.9));
                let out = product(precision, a.view(), b_t.t());
                assert_near(out.view(), a.view(), b_t.t(), &what("b transposed"));
                let out = product(precision, a_t.t(), b.view());
                assert_near(out.view(), a_t.t(), b.view(), &what("a transposed"));

                let wide = waves(2 * m, 3 * k, 0.5);
                let strided = wide.slice(s![..;2, ..;-3]);
                let mut out = Array2::from_elem((m, n).f(), f32::NAN);
                precision.matmul(strided, b_t.t(), out.view_mut());
                assert_near(out.view(), strided, b_t.t(), &what("a strided, out column-major"));
            }
        }
    }

    /// So it gives the same bits on processors with other vector units.
    #[test]
    fn the_emulated_sums_are_one_chain_in_order() {
        let (a, b) = (waves(70, 1500, 0.1), waves(1500, 45, 0.7));
        let exact = |value: f32| bf16::from_f32(value).to_f32();
        let chain = Array2::from_shape_fn((70, 45), |(i, j)| {
            a.row(i).iter().zip(b.column(j)).fold(0.0, |sum: f32, (&a, &b)| exact(a).mul_add(exact(b), sum))
        });
        assert_eq!(product(Precision::Bf16Emulated, a.view(), b.view()), chain);
    }

    #[test]
    fn strided_output_leaves_the_gaps_alone() {
        let (a, b) = (waves(4, 6, 0.0), waves(6, 5, 0.0));
        for precision in BOTH {
            let mut wide = Array2::from_elem((8, 10), -1.0_f32);
            precision.matmul(a.view(), b.view(), wide.slice_mut(s![..;2, ..;2]));
            assert_near(wide.slice(s![..;2, ..;2]), a.view(), b.view(), precision.name());
            assert!(wide.slice(s![1..;2, ..]).iter().all(|&x| x == -1.0));
            assert!(wide.slice(s![.., 1..;2]).iter().all(|&x| x == -1.0));
        }
    }

    #[test]
    fn empty_sides() {
        for precision in BOTH {
            let of = |m, k, n| product(precision, Array2::zeros((m, k)).view(), Array2::zeros((k, n)).view());
            assert_eq!(of(2, 0, 3), Array2::<f32>::zeros((2, 3)));
            assert_eq!(of(0, 4, 3).dim(), (0, 3));
            assert_eq!(of(3, 4, 0).dim(), (3, 0));
        }
    }

    #[test]
    fn what_is_no_number_is_not_hidden() {
        for value in [f32::NAN, f32::INFINITY, f32::MAX] {
            let mut a = waves(3, 9, 0.1);
            a[[1, 8]] = value;
            for precision in BOTH {
                let out = product(precision, a.view(), waves(9, 4, 0.2).view());
                assert!(out.row(1).iter().all(|x| !x.is_finite()), "{value} {out}");
                assert!(out.row(0).iter().chain(out.row(2)).all(|x| x.is_finite()), "{value} {out}");
            }
        }
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let (a, b) = (waves(128, 784, 0.1), waves(784, 1200, 0.7));
        for precision in BOTH {
            let run = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| product(precision, a.view(), b.view()))
            };
            let one = run(1);
            for threads in [2, 3, 5] {
                assert_eq!(one, run(threads), "{} {threads} threads", precision.name());
            }
        }
    }

    #[test]
    fn products_at_the_same_time_do_not_share_their_buffers() {
        let operands: Vec<_> = (0..12).map(|i| (waves(200, 300 + i, i as f32), waves(300 + i, 250, 0.7))).collect();
        let run = |(a, b): &(Array2<f32>, Array2<f32>)| product(Precision::Bf16, a.view(), b.view());
        let alone: Vec<_> = operands.iter().map(run).collect();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let together: Vec<_> = pool.install(|| operands.par_iter().map(run).collect());
        assert_eq!(alone, together);
    }
}
