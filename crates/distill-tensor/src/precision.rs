use ndarray::{ArrayView2, ArrayViewMut2};

use crate::bf16::matmul_bf16_emulated;
use crate::{matmul_bf16, matmul_skip_zeros};

/// How the operands of a product, or of a [`Convolution`](crate::Convolution), are rounded. The sums are f32 in each case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Not at all: products are [`matmul_skip_zeros`].
    #[default]
    F32,
    /// To bf16, for the instructions that the processor has: products are [`matmul_bf16`]. Convolutions whose shape makes that no
    /// faster are f32, see [`Convolution::precision`](crate::Convolution::precision).
    Bf16,
    /// To bf16, and multiplied by f32 instructions, as any processor can. A pair of bf16 has an exact
    /// product in f32, so only the order and the rounding of the sums differ from `Bf16`.
    Bf16Emulated,
}

impl Precision {
    /// `f32`, `bf16` or `bf16-emulated`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Bf16Emulated => "bf16-emulated",
        }
    }

    /// The matrix product `out = a · b` of training, shapes `(m, k) · (k, n) = (m, n)`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn matmul(self, a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>, out: ArrayViewMut2<'_, f32>) {
        match self {
            Self::F32 => matmul_skip_zeros(a, b, out),
            Self::Bf16 => matmul_bf16(a, b, out),
            Self::Bf16Emulated => matmul_bf16_emulated(a, b, out),
        }
    }
}
