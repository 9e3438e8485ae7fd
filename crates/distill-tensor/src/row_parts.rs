use rayon::join;

use crate::PARALLEL_MIN;

/// Elements of each buffer from which on a piece is cut in two.
pub(crate) const PIECE: usize = 16 * 1024;

/// Runs `f(i, row rows[i] of each matrix)` for rows that ascend, on several threads where it pays.
pub(crate) fn for_each_row<const N: usize>(
    rows: &[u32],
    width: usize,
    matrices: [&mut [f32]; N],
    f: impl Fn(usize, [&mut [f32]; N]) + Sync,
) {
    let at_once = if rows.len() * width < PARALLEL_MIN { rows.len() } else { (PIECE / 2 / width.max(1)).max(1) };
    Rows { width, at_once, f }.run((0, rows), 0, matrices);
}

struct Rows<F> {
    width: usize,
    /// Rows that one thread takes.
    at_once: usize,
    f: F,
}

impl<F> Rows<F> {
    /// `matrices` start at row `first`, and `rows` are those from number `start` on.
    fn run<const N: usize>(&self, (start, rows): (usize, &[u32]), first: usize, matrices: [&mut [f32]; N])
    where
        F: Fn(usize, [&mut [f32]; N]) + Sync,
    {
        if rows.len() > self.at_once {
            let middle = rows.len() / 2;
            let first_of_more = rows[middle] as usize;
            let (matrices, more) = split(matrices, (first_of_more - first) * self.width);
            let (rows, more_rows) = rows.split_at(middle);
            join(
                || self.run((start, rows), first, matrices),
                || self.run((start + middle, more_rows), first_of_more, more),
            );
            return;
        }
        let (mut next, mut rest) = (first, matrices);
        for (i, &row) in (start..).zip(rows) {
            let (_, from_here) = split(rest, (row as usize - next) * self.width);
            let (here, after) = split(from_here, self.width);
            (self.f)(i, here);
            (next, rest) = (row as usize + 1, after);
        }
    }
}

pub(crate) fn split<const N: usize>(mut tails: [&mut [f32]; N], middle: usize) -> ([&mut [f32]; N], [&mut [f32]; N]) {
    let heads = tails.each_mut().map(|tail| {
        let (head, rest) = std::mem::take(tail).split_at_mut(middle);
        *tail = rest;
        head
    });
    (heads, tails)
}
