//! The one place where a matrix product leaves safe Rust.
//!
//! `faer` multiplies matrices given by pointer and strides; ndarray views are exactly
//! that. Everything around this call, how the work is cut and who runs it, is safe code
//! in `matmul`.
#![expect(
    unsafe_code,
    reason = "ndarray views go to faer by pointer and strides, and one instruction cleans up after it"
)]

use faer::{Accum, MatMut, MatRef, Par};
use ndarray::{ArrayView2, ArrayViewMut2};

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
