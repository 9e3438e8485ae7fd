use pulp::{Arch, Simd, WithSimd};

/// Bytes as numbers from 0 to 1: `out = byte / 255`, rounded to nearest.
///
/// # Panics
/// If the lengths differ.
///
/// # Examples
/// ```
/// let mut out = [f32::NAN; 3];
/// distill_tensor::unit_from_bytes(&[0, 51, 255], &mut out);
/// assert_eq!(out, [0.0, 0.2, 1.0]);
/// ```
pub fn unit_from_bytes(bytes: &[u8], out: &mut [f32]) {
    assert_eq!(bytes.len(), out.len(), "one number for every byte");
    Arch::new().dispatch(Bytes { bytes, out });
}

struct Bytes<'a> {
    bytes: &'a [u8],
    out: &'a mut [f32],
}

impl WithSimd for Bytes<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (out, &byte) in self.out.iter_mut().zip(self.bytes) {
            *out = f32::from(byte) / 255.0;
        }
    }
}
