use ndarray::ArrayView2;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::PARALLEL_MIN;

/// Columns of one block: as many as bits in a mask, and as rows of the other operand that the first-level cache holds.
pub(super) const BLOCK: usize = 64;

/// Where a matrix is not zero: a mask of bits for each row and each block of [`BLOCK`] columns.
pub(super) struct NonZeros<'a> {
    values: &'a [f32],
    masks: &'a [u64],
    count: usize,
    /// Steps from row to row and from column to column, in values; from row to row and from block to block, in masks.
    value_strides: (usize, usize),
    mask_strides: (usize, usize),
}

impl<'a> NonZeros<'a> {
    /// Looks at a matrix with rows or columns without gaps; `None` if it has any. `masks` is memory to use.
    pub(super) fn find(a: ArrayView2<'a, f32>, masks: &'a mut Vec<u64>) -> Option<Self> {
        let (rows, columns) = a.dim();
        let by_rows = a.to_slice();
        let values = by_rows.or_else(|| a.reversed_axes().to_slice())?;
        let blocks = columns.div_ceil(BLOCK);
        masks.clear();
        masks.resize(rows * blocks, 0);
        let (value_strides, mask_strides) = if by_rows.is_some() {
            let task = (PARALLEL_MIN / columns).max(1);
            masks
                .par_chunks_mut(task * blocks)
                .zip(values.par_chunks(task * columns))
                .for_each(|(masks, values)| Arch::new().dispatch(Rows { masks, values, columns }));
            ((columns, 1), (blocks, 1))
        } else {
            masks
                .par_chunks_mut(rows)
                .zip(values.par_chunks(BLOCK * rows))
                .for_each(|(masks, values)| Arch::new().dispatch(Columns { masks, values }));
            ((1, rows), (1, rows))
        };
        let count = masks.iter().map(|mask| mask.count_ones() as usize).sum();
        Some(Self { values, masks, count, value_strides, mask_strides })
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// How many blocks are summed before the result is written: so many that a row has some values in them.
    ///
    /// The result is the same for any number. More of them do not fit the first-level cache, but the fewer values there
    /// are, the less is read of them.
    pub(super) fn blocks_at_a_time(&self) -> usize {
        const VALUES: usize = 16;
        const MAX_BLOCKS: usize = 4;
        let values_of_a_block = self.count.div_ceil(self.masks.len().max(1)).max(1);
        (VALUES / values_of_a_block).clamp(1, MAX_BLOCKS)
    }

    /// The values of a row in a block, and their columns within it.
    #[inline(always)]
    pub(super) fn row(&self, row: usize, block: usize) -> Row<'_> {
        let mask = self.masks[row * self.mask_strides.0 + block * self.mask_strides.1];
        let values = &self.values[row * self.value_strides.0 + block * BLOCK * self.value_strides.1..];
        Row { mask, values, step: self.value_strides.1 }
    }
}

/// One row of a block: the values that are not zero and their columns within the block.
pub(super) struct Row<'a> {
    mask: u64,
    values: &'a [f32],
    step: usize,
}

impl Iterator for Row<'_> {
    type Item = (usize, f32);

    #[inline(always)]
    fn next(&mut self) -> Option<(usize, f32)> {
        if self.mask == 0 {
            return None;
        }
        let at = self.mask.trailing_zeros() as usize;
        self.mask &= self.mask - 1;
        Some((at, self.values[at * self.step]))
    }
}

/// The masks of some rows, which lie one after the other.
struct Rows<'a> {
    masks: &'a mut [u64],
    values: &'a [f32],
    columns: usize,
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let blocks = self.columns.div_ceil(BLOCK);
        for (masks, row) in self.masks.chunks_exact_mut(blocks).zip(self.values.chunks_exact(self.columns)) {
            for (mask, values) in masks.iter_mut().zip(row.chunks(BLOCK)) {
                let (eights, rest) = values.as_chunks::<8>();
                *mask = 0;
                for (i, eight) in eights.iter().enumerate() {
                    *mask |= bits(*eight) << (8 * i);
                }
                for (j, &x) in rest.iter().enumerate() {
                    *mask |= u64::from(x != 0.0) << (8 * eights.len() + j);
                }
            }
        }
    }
}

/// Bit `j` is set where value `j` is not zero, which NaN is not.
#[inline(always)]
fn bits(values: [f32; 8]) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if let Some(pulp::x86::V3 { avx, .. }) = pulp::x86::V3::try_new() {
        use std::arch::x86_64::{__m256, _CMP_NEQ_UQ};
        let values: __m256 = pulp::bytemuck::cast(values);
        let different = avx._mm256_cmp_ps::<_CMP_NEQ_UQ>(values, avx._mm256_setzero_ps());
        return u64::from(avx._mm256_movemask_ps(different).cast_unsigned());
    }
    (0..8).fold(0, |bits, j| bits | u64::from(values[j] != 0.0) << j)
}

/// The masks of one block of columns, which lie one after the other.
struct Columns<'a> {
    masks: &'a mut [u64],
    values: &'a [f32],
}

impl WithSimd for Columns<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (bit, column) in self.values.chunks_exact(self.masks.len()).enumerate() {
            self.masks.iter_mut().zip(column).for_each(|(mask, &x)| *mask |= u64::from(x != 0.0) << bit);
        }
    }
}
