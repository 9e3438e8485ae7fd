use pulp::Arch;

/// Runs `f` as compiled for the widest vectors that this processor has.
///
/// Loops that are inlined into `f` then become vector instructions of that width, where the baseline of the target has narrower
/// ones. Operations are neither reordered nor fused, so results keep their bits.
///
/// # Examples
/// ```
/// let (mut y, x) = (vec![1.0_f32; 100], vec![2.0_f32; 100]);
/// distill_tensor::with_vectors(|| y.iter_mut().zip(&x).for_each(|(y, x)| *y += x));
/// assert_eq!(y, [3.0; 100]);
/// ```
#[inline(always)]
pub fn with_vectors<T>(f: impl FnOnce() -> T) -> T {
    Arch::new().dispatch(f)
}
