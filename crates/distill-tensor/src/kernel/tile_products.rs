//! Matrix products by tiles, of operands that are copied into rows of pairs first.

use std::cell::Cell;

use gemmkit::bf16;
use ndarray::{ArrayView2, ArrayViewMut2, s};

use super::pairs::{pair, transpose};
use super::tiles::{Rows, SIDE, Tiles};

/// Rows, and columns, that four sums have together.
const BLOCK: usize = 2 * SIDE;

/// What is copied: the first operand, a panel of the second, and either on its way.
#[derive(Default)]
struct Buffers {
    first: Vec<u32>,
    panel: Vec<u32>,
    on_its_way: Vec<u32>,
}

/// `out = a · b` on the calling thread, if each operand has rows or columns without gaps; else returns false.
pub(super) fn multiply(a: &ArrayView2<'_, bf16>, b: &ArrayView2<'_, bf16>, out: &mut ArrayViewMut2<'_, f32>) -> bool {
    thread_local! {
        static BUFFERS: Cell<Buffers> = const { Cell::new(Buffers { first: vec![], panel: vec![], on_its_way: vec![] }) };
    }
    if !(has_lines(a) && has_lines(b)) {
        return false;
    }
    if out.strides()[1] != 1 {
        if out.strides()[0] != 1 {
            return false;
        }
        // outᵀ = bᵀ · aᵀ
        return multiply(&b.t(), &a.t(), &mut out.view_mut().reversed_axes());
    }
    let mut buffers = BUFFERS.take();
    multiply_rows(a, b, out, &mut buffers);
    BUFFERS.set(buffers);
    true
}

fn has_lines(matrix: &ArrayView2<'_, bf16>) -> bool {
    matrix.strides().contains(&1)
}

fn multiply_rows(
    a: &ArrayView2<'_, bf16>,
    b: &ArrayView2<'_, bf16>,
    out: &mut ArrayViewMut2<'_, f32>,
    buffers: &mut Buffers,
) {
    let ((m, k), n) = (a.dim(), b.ncols());
    assert_eq!(k, b.nrows(), "inner dimensions of a product");
    assert_eq!(out.dim(), (m, n), "shape of a product");
    let pairs = k.div_ceil(2).next_multiple_of(SIDE);
    let Buffers { first, panel, on_its_way } = buffers;
    by_row(a, pairs, m.next_multiple_of(SIDE), first, on_its_way);
    Tiles::with([SIDE; 3], |tiles| {
        for column in (0..n).step_by(BLOCK) {
            let columns = BLOCK.min(n - column);
            // The columns of `b` are the rows of its transpose, whose pairs become columns again.
            let of_panel = b.slice(s![.., column..column + columns]);
            by_pair(&of_panel.t(), pairs, BLOCK, panel, on_its_way);
            for row in (0..m).step_by(BLOCK) {
                let rows = BLOCK.min(m - row);
                let first = &first[row * pairs..];
                let to = out.slice_mut(s![row..row + rows, column..column + columns]);
                match (rows > SIDE, columns > SIDE) {
                    (true, true) => block::<2, 2>(tiles, first, panel, pairs, to),
                    (true, false) => block::<2, 1>(tiles, first, panel, pairs, to),
                    (false, true) => block::<1, 2>(tiles, first, panel, pairs, to),
                    (false, false) => block::<1, 1>(tiles, first, panel, pairs, to),
                }
            }
        }
    });
}

/// `R` tiles of rows by `C` tiles of columns.
#[inline(always)]
fn block<const R: usize, const C: usize>(
    tiles: &Tiles,
    first: &[u32],
    panel: &[u32],
    pairs: usize,
    mut to: ArrayViewMut2<'_, f32>,
) {
    for i in 0..R * C {
        tiles.load_sum(2 * (i / C) + i % C, Rows { values: &[0.0; SIDE], step: 0 });
    }
    for pair in (0..pairs).step_by(SIDE) {
        for r in 0..R {
            tiles.load_first(r, Rows { values: &first[r * SIDE * pairs + pair..], step: pairs });
        }
        for c in 0..C {
            tiles.load_second(c, Rows { values: &panel[pair * BLOCK + c * SIDE..], step: BLOCK });
        }
        for i in 0..R * C {
            tiles.multiply_add(i / C, i % C);
        }
    }
    for i in 0..R * C {
        let (r, c) = (i / C, i % C);
        let mut sums = [0.0; SIDE * SIDE];
        tiles.store_sum(2 * r + c, &mut sums, SIDE);
        let rows = to.outer_iter_mut().skip(r * SIDE);
        for (mut to, sums) in rows.zip(sums.chunks_exact(SIDE)) {
            let to = to.as_slice_mut().expect("rows of the result have no gaps");
            to[c * SIDE..].iter_mut().zip(sums).for_each(|(to, &sum)| *to = sum);
        }
    }
}

/// Rows of pairs, with zeros up to `pairs` and up to `rows`.
fn by_row(matrix: &ArrayView2<'_, bf16>, pairs: usize, rows: usize, to: &mut Vec<u32>, on_its_way: &mut Vec<u32>) {
    to.resize(to.len().max(rows * pairs), 0);
    let to = &mut to[..rows * pairs];
    if matrix.strides()[1] == 1 || matrix.ncols() == 1 {
        copy_rows(matrix, pairs, to);
    } else {
        on_its_way.resize(on_its_way.len().max(rows * pairs), 0);
        let by_pair = &mut on_its_way[..rows * pairs];
        join_columns(matrix, rows, by_pair);
        transpose(by_pair, rows, to);
    }
}

/// For each pair of columns all rows, with zeros up to `pairs` and up to `rows`.
fn by_pair(matrix: &ArrayView2<'_, bf16>, pairs: usize, rows: usize, to: &mut Vec<u32>, on_its_way: &mut Vec<u32>) {
    to.resize(to.len().max(rows * pairs), 0);
    let to = &mut to[..rows * pairs];
    if matrix.strides()[1] == 1 || matrix.ncols() == 1 {
        on_its_way.resize(on_its_way.len().max(rows * pairs), 0);
        let by_row = &mut on_its_way[..rows * pairs];
        copy_rows(matrix, pairs, by_row);
        transpose(by_row, pairs, to);
    } else {
        join_columns(matrix, rows, to);
    }
}

/// Copies rows without gaps.
fn copy_rows(matrix: &ArrayView2<'_, bf16>, pairs: usize, to: &mut [u32]) {
    let to = numbers_mut(to);
    let (whole, rest) = to.split_at_mut(2 * pairs * matrix.nrows());
    for (to, row) in whole.chunks_exact_mut(2 * pairs).zip(matrix.outer_iter()) {
        let (to, rest) = to.split_at_mut(row.len());
        match row.to_slice() {
            Some(row) => to.copy_from_slice(numbers(row)),
            None => to.iter_mut().zip(row).for_each(|(to, from)| *to = from.to_bits()),
        }
        rest.fill(0);
    }
    rest.fill(0);
}

/// Joins columns without gaps, two at a time.
fn join_columns(matrix: &ArrayView2<'_, bf16>, rows: usize, to: &mut [u32]) {
    let mut columns = matrix.axis_iter(ndarray::Axis(1));
    for to in to.chunks_exact_mut(rows) {
        let [first, second] =
            [columns.next(), columns.next()].map(|column| column.and_then(|column| column.to_slice()));
        let (joined, rest) = to.split_at_mut(first.map_or(0, <[_]>::len));
        match (first, second) {
            (Some(first), Some(second)) => pair(numbers(first), numbers(second), joined),
            (Some(first), None) => joined.iter_mut().zip(first).for_each(|(to, from)| *to = from.to_bits().into()),
            (None, _) => {}
        }
        rest.fill(0);
    }
}

/// The bits of numbers.
fn numbers(values: &[bf16]) -> &[u16] {
    // SAFETY: `bf16` is a `u16` in all but its name (`repr(transparent)`).
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), values.len()) }
}

/// The numbers of pairs.
fn numbers_mut(pairs: &mut [u32]) -> &mut [u16] {
    // SAFETY: each pair has two numbers side by side, and any bits are a number.
    unsafe { std::slice::from_raw_parts_mut(pairs.as_mut_ptr().cast(), 2 * pairs.len()) }
}
