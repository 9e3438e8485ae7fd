//! The one place where a matrix product leaves safe Rust.
//!
//! `faer` and, for bf16 that is emulated, `gemmkit` multiply matrices given by pointer and strides; ndarray
//! views are exactly that. Everything around these calls, how the work is cut and who runs
//! it, is safe code in `matmul` and `bf16`. `pairs` has sums by an instruction for bf16, for the
//! convolutions, and `tiles` those by matrix registers.
#![expect(
    unsafe_code,
    reason = "ndarray views go to the kernels by pointer and strides, and some instructions are not on every processor"
)]

mod pairs;
#[cfg(target_arch = "x86_64")]
mod tile_products;
#[cfg(target_arch = "x86_64")]
mod tile_sums;
#[cfg_attr(not(target_arch = "x86_64"), path = "kernel/no_tiles.rs")]
mod tiles;

use std::cell::RefCell;
use std::ops::Range;

use faer::{Accum, MatMut, MatRef, Par};
use gemmkit::kernel::{KernelFamily, MixedGemmF32};
use gemmkit::simd::KernelSimd;
use gemmkit::{Parallelism, Workspace, bf16, driver};
use ndarray::{ArrayView2, ArrayViewMut2};

pub(crate) use self::pairs::{
    PixelSums, Segment, TermSums, TransposedTermSums, Walk, join, join_pixels, pair, round, transpose,
};
pub(crate) use self::tiles::{Tiles, has_tiles};

/// `out = a * b` on the calling thread.
///
/// # Panics
/// If the shapes do not fit.
pub(crate) fn multiply(a: &ArrayView2<'_, f32>, b: &ArrayView2<'_, f32>, out: &mut ArrayViewMut2<'_, f32>) {
    let (m, k) = a.dim();
    let (k_b, n) = b.dim();
    assert_eq!(k, k_b, "inner dimensions of a product");
    assert_eq!(out.dim(), (m, n), "shape of a product");

    let (a_strides, b_strides) = (a.strides(), b.strides());
    let out_strides = [out.strides()[0], out.strides()[1]];

    // SAFETY: ndarray guarantees that every index inside a view's shape, scaled by its
    // strides (in elements, as in faer), is in bounds and initialised for as long as the
    // view lives, and the three views outlive this call. `out` is a mutable view: its
    // elements are distinct and nothing else, `a` and `b` included, can refer to them.
    unsafe {
        let a = MatRef::from_raw_parts(a.as_ptr(), m, k, a_strides[0], a_strides[1]);
        let b = MatRef::from_raw_parts(b.as_ptr(), k, n, b_strides[0], b_strides[1]);
        let out = MatMut::from_raw_parts_mut(out.as_mut_ptr(), m, n, out_strides[0], out_strides[1]);
        faer::linalg::matmul::matmul(out, Accum::Replace, a, b, 1.0_f32, Par::Seq);
    }
    leave_vector_unit_clean();
}

/// Whether the processor multiplies pairs of bf16 in one instruction that the kernel knows.
pub(crate) fn bf16_is_native() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected;
        is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512bf16")
    }
    // On aarch64 gemmkit 0.1.2 widens to f32 and has no kernel for `bfmmla`.
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// `out = a * b` on the calling thread, summed in f32, by tiles.
///
/// Where the processor has none, or the numbers of an operand do not lie side by side, this is [`multiply_bf16_widened`].
///
/// # Panics
/// If the shapes do not fit.
pub(crate) fn multiply_bf16(a: &ArrayView2<'_, bf16>, b: &ArrayView2<'_, bf16>, out: &mut ArrayViewMut2<'_, f32>) {
    #[cfg(target_arch = "x86_64")]
    if has_tiles() && tile_products::multiply(a, b, out) {
        return leave_vector_unit_clean();
    }
    multiply_bf16_widened(a, b, out);
}

/// `out = a * b` on the calling thread, by f32 instructions on operands that are widened as they are read.
///
/// # Panics
/// If the shapes do not fit.
pub(crate) fn multiply_bf16_widened(
    a: &ArrayView2<'_, bf16>,
    b: &ArrayView2<'_, bf16>,
    out: &mut ArrayViewMut2<'_, f32>,
) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected;
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has AVX-512F.
            return unsafe { multiply_with::<MixedGemmF32<bf16>, _, 2, 12>(gemmkit::simd::Avx512F, a, b, out) };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor has AVX2 and FMA.
            return unsafe { multiply_with::<MixedGemmF32<bf16>, _, 2, 6>(gemmkit::simd::Fma, a, b, out) };
        }
    }
    #[cfg(target_arch = "aarch64")]
    let unit = gemmkit::simd::Neon;
    #[cfg(not(target_arch = "aarch64"))]
    let unit = gemmkit::simd::ScalarTok;
    // SAFETY: NEON is part of every aarch64 that Rust knows, and the scalar unit needs nothing.
    unsafe { multiply_with::<MixedGemmF32<bf16>, _, 4, 4>(unit, a, b, out) }
}

/// `out = a * b` by a kernel with register tiles of `MR` vectors by `NR` columns, those that gemmkit
/// itself chooses for the vector unit.
///
/// # Safety
/// The processor must have the instructions of `unit`.
///
/// # Panics
/// If the shapes do not fit.
unsafe fn multiply_with<K, S, const MR: usize, const NR: usize>(
    unit: S,
    a: &ArrayView2<'_, bf16>,
    b: &ArrayView2<'_, bf16>,
    out: &mut ArrayViewMut2<'_, f32>,
) where
    K: KernelFamily<Lhs = bf16, Rhs = bf16, Acc = f32, Out = f32>,
    S: KernelSimd<bf16, bf16, f32, f32>,
{
    thread_local! {
        /// What the kernel packs goes here, so that it is taken once.
        static PACKED: RefCell<Workspace> = const { RefCell::new(Workspace::new()) };
    }
    // The kernel writes whole columns. Of a row-major `out` they are the rows: outᵀ = bᵀ · aᵀ.
    let row_major = out.strides()[1].unsigned_abs() < out.strides()[0].unsigned_abs();
    let (a, b, mut out) =
        if row_major { (b.t(), a.t(), out.view_mut().reversed_axes()) } else { (a.view(), b.view(), out.view_mut()) };

    let (m, k) = a.dim();
    let n = b.ncols();
    assert_eq!(k, b.nrows(), "inner dimensions of a product");
    assert_eq!(out.dim(), (m, n), "shape of a product");
    assert!(m > 0 && k > 0 && n > 0, "an empty product has no kernel");
    let (a_strides, b_strides) = (a.strides(), b.strides());
    let out_strides = [out.strides()[0], out.strides()[1]];

    PACKED.with_borrow_mut(|packed| {
        // SAFETY: the views are valid for their shapes and strides, in elements as in gemmkit, and
        // `out` refers to nothing that `a` and `b` do, as in `multiply`; no side is empty; the
        // caller says that the processor has the instructions. The kernel is serial and calls
        // nothing of ours, so nobody else asks this thread for its workspace meanwhile.
        unsafe {
            driver::run::<K, S, MR, NR>(
                unit,
                m,
                k,
                n,
                1.0,
                a.as_ptr(),
                a_strides[0],
                a_strides[1],
                b.as_ptr(),
                b_strides[0],
                b_strides[1],
                0.0,
                out.as_mut_ptr(),
                out_strides[0],
                out_strides[1],
                Parallelism::Serial,
                packed,
            );
        }
    });
    leave_vector_unit_clean();
}

/// Clears the upper halves of the vector registers, which the kernel leaves in use.
///
/// While they are, every older vector instruction of the code around (the baseline of x86-64)
/// waits for a merge: the loss after a product took 1,600 microseconds in place of 75.
fn leave_vector_unit_clean() {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx") {
        // SAFETY: the processor has AVX, which is all that the instruction needs; the compiler
        // keeps no value in the upper halves across a call in code built without AVX, and
        // accounts for the clobber in code built with it.
        unsafe { std::arch::x86_64::_mm256_zeroupper() };
    }
}

/// `P` runs of `len` numbers in one array, whose beginnings are as far apart each time.
///
/// Slices of them would be `P` addresses, which are more than there are registers for, and as many checks.
#[derive(Clone, Copy)]
pub(crate) struct Runs<'a, T, const P: usize> {
    values: &'a [T],
    step: usize,
    len: usize,
}

impl<'a, T: Copy, const P: usize> Runs<'a, T, P> {
    /// # Panics
    /// If one does not lie in the array.
    #[inline(always)]
    pub(crate) fn new(values: &'a [T], step: usize, len: usize) -> Self {
        let end = (P - 1).saturating_mul(step).saturating_add(len);
        assert!(end <= values.len(), "all runs lie in the array");
        Self { values, step, len }
    }

    /// Number `i` of each run.
    ///
    /// # Panics
    /// If runs are shorter.
    #[inline(always)]
    pub(crate) fn at(&self, i: usize) -> [T; P] {
        assert!(i < self.len, "a number of each run");
        // SAFETY: the last run ends within the array, as `new` asserts, the others before it, and `i` lies in a run.
        std::array::from_fn(|run| unsafe { *self.values.get_unchecked(run * self.step + i) })
    }
}

/// Cuts `len` into as few ranges of at most `most` as there can be, whose lengths differ by one at most.
///
/// A kernel is slow on the one or two pixels that are left over when all others fill its registers.
#[inline(always)]
pub(crate) fn pieces(len: usize, most: usize) -> impl Iterator<Item = Range<usize>> {
    let n = len.div_ceil(most).max(1);
    let (size, longer) = (len / n, len % n);
    let begin = move |i: usize| i * size + i.min(longer);
    (0..len.min(n)).map(move |i| begin(i)..begin(i + 1))
}

#[cfg(test)]
mod tests {
    use gemmkit::simd::ScalarTok;
    use ndarray::Array2;

    use super::*;

    #[test]
    fn pieces_are_few_of_nearly_one_length_and_cover_all() {
        let lengths = |len, most| pieces(len, most).map(|piece| piece.len()).collect::<Vec<_>>();
        assert_eq!(lengths(31, 8), [8, 8, 8, 7]);
        assert_eq!(lengths(9, 8), [5, 4]);
        assert_eq!(lengths(7, 16), [7]);
        assert_eq!(lengths(0, 8), [0; 0]);
        for (len, most) in (0..70).flat_map(|len| (1..17).map(move |most| (len, most))) {
            let all: Vec<_> = pieces(len, most).flatten().collect();
            assert_eq!(all, (0..len).collect::<Vec<_>>(), "{len} in pieces of {most}");
        }
    }

    #[test]
    #[should_panic(expected = "all runs lie in the array")]
    fn runs_end_within_the_array() {
        Runs::<_, 3>::new(&[1.0_f32; 10], 4, 3);
    }

    #[test]
    fn runs_give_a_number_of_each() {
        let values: Vec<_> = (0..10).collect();
        let runs = Runs::<_, 3>::new(&values, 4, 2);
        assert_eq!([runs.at(0), runs.at(1)], [[0, 4, 8], [1, 5, 9]]);
    }

    /// The unit of processors that have no other, which tests would not reach elsewhere.
    #[test]
    fn the_scalar_unit_gives_the_bits_of_the_vector_units() {
        let waves = |rows, columns| {
            Array2::from_shape_fn((rows, columns), |(i, j)| bf16::from_f32(((i * columns + j) as f32 * 0.37).sin()))
        };
        for (m, k, n) in [(1, 1, 1), (5, 7, 3), (33, 300, 70), (130, 65, 31)] {
            let (a, b_t) = (waves(m, k), waves(n, k));
            let [mut vector, mut scalar] = [(); 2].map(|()| Array2::from_elem((m, n), f32::NAN));
            multiply_bf16_widened(&a.view(), &b_t.t(), &mut vector.view_mut());
            // SAFETY: the scalar unit needs no instructions.
            unsafe {
                multiply_with::<MixedGemmF32<bf16>, _, 4, 4>(ScalarTok, &a.view(), &b_t.t(), &mut scalar.view_mut());
            }
            assert_eq!(vector, scalar, "{m}x{k}x{n}");
        }
    }
}
