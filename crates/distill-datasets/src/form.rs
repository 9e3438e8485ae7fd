use distill_tensor::{PARALLEL_MIN, unit_from_bytes};
use ndarray::{ArrayViewMut1, ArrayViewMut2, Axis};
use rayon::prelude::*;

use crate::DataError;
use crate::kind::Kind;

/// What the bytes of an input are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Pixels: a number is `byte / 255`.
    Pixels,
    /// Numbers that are taken as they are.
    Numbers(Kind),
}

impl Form {
    /// Bytes of a number.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::Pixels => 1,
            Self::Numbers(kind) => kind.size(),
        }
    }

    /// Writes inputs; the bytes of row `i` are `bytes(i)`.
    pub(crate) fn write_rows<'a>(self, mut out: ArrayViewMut2<'_, f32>, bytes: impl Fn(usize) -> &'a [u8] + Sync) {
        let write = |(i, row): (usize, ArrayViewMut1<'_, f32>)| self.write(row, bytes(i));
        if out.len() < PARALLEL_MIN {
            out.outer_iter_mut().enumerate().for_each(write);
        } else {
            let min_rows = min_rows(out.ncols());
            out.axis_iter_mut(Axis(0)).into_par_iter().enumerate().with_min_len(min_rows).for_each(write);
        }
    }

    /// Writes one input, or a part of one.
    pub(crate) fn write(self, mut row: ArrayViewMut1<'_, f32>, bytes: &[u8]) {
        match (self, row.as_slice_mut()) {
            (Self::Pixels, Some(row)) => unit_from_bytes(bytes, row),
            (Self::Pixels, None) => row.iter_mut().zip(bytes).for_each(|(out, &byte)| *out = f32::from(byte) / 255.0),
            (Self::Numbers(kind), Some(row)) => kind.write_f32(bytes, row.iter_mut()),
            (Self::Numbers(kind), None) => kind.write_f32(bytes, row.iter_mut()),
        }
    }

    /// Refuses rows with numbers that are not finite; row `i` is example `indices[i]`.
    pub(crate) fn check(self, indices: &[usize], rows: &ArrayViewMut2<'_, f32>) -> Result<(), DataError> {
        if matches!(self, Self::Numbers(kind) if !kind.is_whole()) {
            for (&example, row) in indices.iter().zip(rows.outer_iter()) {
                if let Some((feature, &value)) = row.iter().enumerate().find(|(_, value)| !value.is_finite()) {
                    return Err(DataError::NonFinite { path: None, example, feature, value });
                }
            }
        }
        Ok(())
    }
}

/// The rows that are worth a task of their own.
pub(crate) fn min_rows(features: usize) -> usize {
    (PARALLEL_MIN / 4).div_ceil(features.max(1))
}
