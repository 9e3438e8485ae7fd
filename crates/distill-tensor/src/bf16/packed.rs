//! Products in pairs of bf16, two terms of a sum at a time: operands are rounded into the order in which they are read.

use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use pulp::bytemuck::cast_slice_mut;
use rayon::prelude::*;

use crate::buffer::with_buffer;
use crate::kernel::{self, PixelSums, Segment};
use crate::matmul::MIN_BLOCK_FLOPS;

/// Rows of the first operand that a thread takes at once: those of a vector.
const ROWS: usize = 16;
/// Columns of the second operand whose sums registers hold: two vectors.
const COLUMNS: usize = 32;

/// `out = a · b`. A row of `out` does not depend on how many there are, if there are more than three.
///
/// # Panics
/// If the processor has no instructions for bf16, or the shapes do not fit.
pub(super) fn multiply(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>, mut out: ArrayViewMut2<'_, f32>) {
    let ((m, k), n) = (a.dim(), b.ncols());
    assert_eq!(k, b.nrows(), "inner dimensions of a product");
    assert_eq!(out.dim(), (m, n), "shape of a product");
    if k == 0 || out.is_empty() {
        return out.fill(0.0);
    }
    let Some(to) = out.as_slice_mut() else {
        if out.t().is_standard_layout() {
            return multiply(b.reversed_axes(), a.reversed_axes(), out.reversed_axes());
        }
        let mut whole = Array2::zeros((m, n));
        multiply(a, b, whole.view_mut());
        return out.assign(&whole);
    };
    let pairs = k.div_ceil(2);
    let of_panel = pairs.next_multiple_of(ROWS) * COLUMNS;
    // Waking other threads would take longer than a small product.
    let parallel = 2 * m * k * n >= 2 * MIN_BLOCK_FLOPS;
    with_buffer(m.next_multiple_of(ROWS) * pairs, |rows| {
        let rows: &mut [u32] = cast_slice_mut(rows);
        with_lines(a, |lines| pack_rows(lines, pairs, parallel, rows));
        with_buffer(n.div_ceil(COLUMNS) * of_panel, |panels| {
            let panels: &mut [u32] = cast_slice_mut(panels);
            with_lines(b, |lines| pack_panels(lines, pairs, parallel, panels));
            for_each_chunk(to, ROWS * n, parallel, |i, to| {
                for (panel, first) in panels.chunks_exact(of_panel).zip((0..n).step_by(COLUMNS)) {
                    PixelSums {
                        map: &rows[i * ROWS * pairs..][..ROWS * pairs],
                        pixels: [1, to.len() / n],
                        steps: [0, pairs],
                        segments: &[Segment { offset: 0, len: 2 * pairs }],
                        weights: &panel[..pairs * COLUMNS],
                        bias: &[0.0; COLUMNS],
                        out: &mut to[first..],
                        out_steps: [0, n],
                        results: COLUMNS.min(n - first),
                        add: false,
                        tiles: None,
                    }
                    .run();
                }
            });
        });
    });
}

/// Runs `f(number, chunk)` for every chunk, the last of which may be shorter.
fn for_each_chunk<T: Send>(values: &mut [T], len: usize, parallel: bool, f: impl Fn(usize, &mut [T]) + Sync) {
    if parallel {
        values.par_chunks_mut(len).enumerate().for_each(|(i, chunk)| f(i, chunk));
    } else {
        values.chunks_mut(len).enumerate().for_each(|(i, chunk)| f(i, chunk));
    }
}

/// Numbers side by side in a matrix: its rows, or its columns.
#[derive(Clone, Copy)]
enum Lines<'a> {
    Rows(ArrayView2<'a, f32>),
    /// Of the transposed matrix they are the rows.
    Columns(ArrayView2<'a, f32>),
}

/// The lines of a matrix, or of a copy that has some.
fn with_lines(matrix: ArrayView2<'_, f32>, run: impl FnOnce(Lines<'_>)) {
    let has_rows = |matrix: &ArrayView2<'_, f32>| matrix.strides()[1] == 1 || matrix.ncols() == 1;
    if has_rows(&matrix) {
        run(Lines::Rows(matrix));
    } else if has_rows(&matrix.t()) {
        run(Lines::Columns(matrix.reversed_axes()));
    } else {
        run(Lines::Rows(matrix.as_standard_layout().view()));
    }
}

/// Number `i` of the rows, or nothing behind the last.
fn line<'a>(matrix: &'a ArrayView2<'_, f32>, i: usize) -> &'a [f32] {
    if i >= matrix.nrows() {
        return &[];
    }
    matrix.row(i).to_slice().expect("lines have no gaps")
}

/// Rows of pairs of columns, up to a multiple of 16.
fn pack_rows(lines: Lines<'_>, pairs: usize, parallel: bool, to: &mut [u32]) {
    for_each_chunk(to, ROWS * pairs, parallel, |i, to| match lines {
        Lines::Rows(matrix) => round_rows(&matrix, i * ROWS, pairs, to),
        Lines::Columns(matrix) => with_buffer(to.len(), |by_pair| {
            let by_pair: &mut [u32] = cast_slice_mut(by_pair);
            for (pair, to) in by_pair.chunks_exact_mut(ROWS).enumerate() {
                join_rows(&matrix, pair, i * ROWS, to);
            }
            kernel::transpose(by_pair, ROWS, to);
        }),
    });
}

/// For each pair of rows 32 columns, and zeros behind the last: one panel after the other, each up to a multiple of 16 pairs.
fn pack_panels(lines: Lines<'_>, pairs: usize, parallel: bool, to: &mut [u32]) {
    let rows = pairs.next_multiple_of(ROWS);
    for_each_chunk(to, rows * COLUMNS, parallel, |i, to| match lines {
        Lines::Rows(matrix) => {
            for (pair, to) in to.chunks_exact_mut(COLUMNS).enumerate().take(pairs) {
                join_rows(&matrix, pair, i * COLUMNS, to);
            }
        }
        Lines::Columns(matrix) => with_buffer(to.len(), |by_column| {
            let by_column: &mut [u32] = cast_slice_mut(by_column);
            round_rows(&matrix, i * COLUMNS, rows, by_column);
            kernel::transpose(by_column, rows, to);
        }),
    });
}

/// Rows from `first` on, each as `pairs` pairs of numbers side by side, with zeros behind the last.
fn round_rows(matrix: &ArrayView2<'_, f32>, first: usize, pairs: usize, to: &mut [u32]) {
    for (i, to) in to.chunks_exact_mut(pairs).enumerate() {
        let line = line(matrix, first + i);
        let to: &mut [u16] = cast_slice_mut(to);
        let (to, rest) = to.split_at_mut(line.len());
        kernel::round(line, to);
        rest.fill(0);
    }
}

/// A pair of rows, of each as many columns from `first` on, with zeros behind the last.
fn join_rows(matrix: &ArrayView2<'_, f32>, pair: usize, first: usize, to: &mut [u32]) {
    let end = matrix.ncols().min(first + to.len());
    let part = |i| line(matrix, i).get(first..end).unwrap_or_default();
    let (to, rest) = to.split_at_mut(end.saturating_sub(first));
    kernel::join(part(2 * pair), part(2 * pair + 1), to);
    rest.fill(0);
}
