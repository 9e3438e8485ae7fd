use rayon::join;

use crate::row_parts::{PIECE, for_each_row, split};
use crate::{Layout, PARALLEL_MIN, Params, SliceKind};

impl Params {
    /// Runs `f(kind, piece of the gradient, same pieces of the buffers)` on all that may be other than zero in this gradient: each
    /// element once, rows that are not [touched](Params::touched) never. Buffers have the layout of the gradient.
    ///
    /// Pieces are cut by layout and touched rows alone, so that each is of one kind, and run on several threads where it pays.
    ///
    /// # Panics
    /// If a buffer has another length than the gradient.
    pub fn for_each_part<const N: usize>(
        &self,
        buffers: [&mut [f32]; N],
        f: impl Fn(SliceKind, &[f32], [&mut [f32]; N]) + Sync,
    ) {
        let (layout, grads) = (&**self.layout(), self.as_slice());
        assert!(buffers.iter().all(|buffer| buffer.len() == grads.len()), "buffers of another layout");
        let Some(touched) = self.touched() else { return pieces(layout, 0, grads, buffers, &f) };
        let (range, width, rows) = (touched.range, touched.width, touched.rows);
        let (before, rest) = split(buffers, range.start);
        let (table, after) = split(rest, range.len());
        pieces(layout, 0, &grads[..range.start], before, &f);
        let (kind, of_table) = (touched.kind, &grads[range.clone()]);
        for_each_row(rows, width, table, |i, parts| f(kind, &of_table[rows[i] as usize * width..][..width], parts));
        pieces(layout, range.end, &grads[range.end..], after, &f);
    }
}

/// The part of the buffers that begins at `at`.
fn pieces<const N: usize>(
    layout: &Layout,
    at: usize,
    grads: &[f32],
    buffers: [&mut [f32]; N],
    f: &(impl Fn(SliceKind, &[f32], [&mut [f32]; N]) + Sync),
) {
    if grads.len() < PARALLEL_MIN {
        return by_kind(layout, at, grads, buffers, f);
    }
    let middle = grads.len() / 2 / PIECE * PIECE;
    let ((grads, more_grads), (buffers, more_buffers)) = (grads.split_at(middle), split(buffers, middle));
    join(|| pieces(layout, at, grads, buffers, f), || pieces(layout, at + middle, more_grads, more_buffers, f));
}

fn by_kind<const N: usize>(
    layout: &Layout,
    at: usize,
    mut grads: &[f32],
    mut buffers: [&mut [f32]; N],
    f: &impl Fn(SliceKind, &[f32], [&mut [f32]; N]),
) {
    for (kind, stretch) in layout.stretches_in(at..at + grads.len()) {
        let (of_kind, more) = grads.split_at(stretch.len());
        let (parts, rest) = split(buffers, stretch.len());
        f(kind, of_kind, parts);
        (grads, buffers) = (more, rest);
    }
}

#[cfg(test)]
mod tests {
    use crate::{LayoutBuilder, ParamId, Params, SliceKind};

    fn grads(rows: usize, width: usize, around: usize) -> (Params, ParamId) {
        let mut builder = LayoutBuilder::new();
        builder.push("before", &[around]).unwrap();
        builder.push_as("state", &[around / 3], SliceKind::State).unwrap();
        let table = builder.push("table", &[rows, width]).unwrap();
        builder.push_as("after", &[around], SliceKind::NoDecay).unwrap();
        builder.push_as("more state", &[around / 2], SliceKind::State).unwrap();
        builder.push("last", &[around]).unwrap();
        (Params::zeros(builder.build()), table)
    }

    /// Counts how often each element is met, and checks that gradient and buffers are cut alike and a piece is of one kind.
    fn visits(grads: &Params, threads: usize) -> Vec<f32> {
        let n = grads.as_slice().len();
        let (mut counts, mut copies, mut places) = (vec![0.0; n], vec![0.0; n], Params::zeros(grads.layout().clone()));
        let of_kind = |kind: SliceKind| f32::from(kind as u8) + 1.0;
        for (id, ..) in grads.layout().iter() {
            places.vector_mut(id).fill(of_kind(grads.layout().kind(id)));
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let buffers = [&mut counts[..], &mut copies, places.as_mut_slice()];
            grads.for_each_part(buffers, |kind, grads, [counts, copies, kinds]| {
                assert!(kinds.iter().all(|&found| found == of_kind(kind)), "a piece of several kinds");
                counts.iter_mut().for_each(|count| *count += 1.0);
                copies.copy_from_slice(grads);
            });
        });
        for ((&grad, &copy), &count) in grads.as_slice().iter().zip(&copies).zip(&counts) {
            assert_eq!(copy, if count > 0.0 { grad } else { 0.0 });
        }
        counts
    }

    #[test]
    fn every_element_is_met_once_and_untouched_rows_never() {
        for (rows, width, around) in [(5, 3, 4), (3000, 50, 100_000), (4, 20_000, 0), (40_000, 1, 1)] {
            let (mut grads, table) = grads(rows, width, around);
            let n = grads.as_slice().len();
            assert_eq!(visits(&grads, 2), vec![1.0; n]);
            let touched: Vec<u32> = (0..rows as u32).filter(|row| row % 3 != 1).collect();
            grads.overwrite_rows(table, &touched, |i, row| row.fill(touched[i] as f32 + 1.0));
            let first = around + around / 3;
            for threads in [1, 3] {
                let counts = visits(&grads, threads);
                for (i, &count) in counts.iter().enumerate() {
                    let row = i.checked_sub(first).map(|i| i / width).filter(|&row| row < rows);
                    assert_eq!(count, if row.is_some_and(|row| row % 3 == 1) { 0.0 } else { 1.0 }, "{i}");
                }
            }
        }
    }
}
