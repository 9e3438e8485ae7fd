/// The type of the numbers of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `u1`, and `b1` as 0 and 1.
    U8,
    /// `i1`.
    I8,
    /// `u2`.
    U16,
    /// `i2`.
    I16,
    /// `u4`.
    U32,
    /// `i4`.
    I32,
    /// `u8`.
    U64,
    /// `i8`.
    I64,
    /// `f2`.
    F16,
    /// `f4`.
    F32,
    /// `f8`.
    F64,
}

impl Kind {
    /// As NumPy's headers name it.
    pub(crate) fn named(descr: &str) -> Option<Self> {
        Some(match descr {
            "|u1" | "<u1" | "|b1" => Self::U8,
            "|i1" | "<i1" => Self::I8,
            "<u2" => Self::U16,
            "<i2" => Self::I16,
            "<u4" => Self::U32,
            "<i4" => Self::I32,
            "<u8" => Self::U64,
            "<i8" => Self::I64,
            "<f2" => Self::F16,
            "<f4" => Self::F32,
            "<f8" => Self::F64,
            _ => return None,
        })
    }

    /// Bytes of a number.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 | Self::F16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    /// Whether its numbers are whole.
    pub fn is_whole(self) -> bool {
        !matches!(self, Self::F16 | Self::F32 | Self::F64)
    }

    /// Writes numbers as f32. Whole numbers beyond 2²⁴ are rounded.
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "inputs are f32")]
    pub(crate) fn write_f32<'a>(self, bytes: &[u8], out: impl Iterator<Item = &'a mut f32>) {
        fn each<'a, const N: usize>(
            bytes: &[u8],
            out: impl Iterator<Item = &'a mut f32>,
            number: impl Fn([u8; N]) -> f32,
        ) {
            out.zip(bytes.as_chunks().0).for_each(|(out, &bytes)| *out = number(bytes));
        }
        match self {
            Self::U8 => each(bytes, out, |[byte]| f32::from(byte)),
            Self::I8 => each(bytes, out, |bytes| f32::from(i8::from_le_bytes(bytes))),
            Self::U16 => each(bytes, out, |bytes| f32::from(u16::from_le_bytes(bytes))),
            Self::I16 => each(bytes, out, |bytes| f32::from(i16::from_le_bytes(bytes))),
            Self::U32 => each(bytes, out, |bytes| u32::from_le_bytes(bytes) as f32),
            Self::I32 => each(bytes, out, |bytes| i32::from_le_bytes(bytes) as f32),
            Self::U64 => each(bytes, out, |bytes| u64::from_le_bytes(bytes) as f32),
            Self::I64 => each(bytes, out, |bytes| i64::from_le_bytes(bytes) as f32),
            Self::F16 => each(bytes, out, |bytes| half::f16::from_le_bytes(bytes).to_f32()),
            Self::F32 => each(bytes, out, f32::from_le_bytes),
            Self::F64 => each(bytes, out, |bytes| f64::from_le_bytes(bytes) as f32),
        }
    }
}
