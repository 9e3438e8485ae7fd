use rayon::join;

use crate::row_parts::{PIECE, for_each_row, split};
use crate::{PARALLEL_MIN, Params};

impl Params {
    /// Runs `f(piece of the gradient, same pieces of the buffers)` on all that may be other than zero in this gradient: each
    /// element once, rows that are not [touched](Params::touched) never. Buffers have the layout of the gradient.
    ///
    /// Pieces are cut by shape and touched rows alone, and run on several threads where it pays.
    ///
    /// # Panics
    /// If a buffer has another length than the gradient.
    pub fn for_each_part<const N: usize>(&self, buffers: [&mut [f32]; N], f: impl Fn(&[f32], [&mut [f32]; N]) + Sync) {
        let grads = self.as_slice();
        assert!(buffers.iter().all(|buffer| buffer.len() == grads.len()), "buffers of another layout");
        let Some(touched) = self.touched() else { return pieces(grads, buffers, &f) };
        let (range, width, rows) = (touched.range, touched.width, touched.rows);
        let (before, rest) = split(buffers, range.start);
        let (table, after) = split(rest, range.len());
        pieces(&grads[..range.start], before, &f);
        let of_table = &grads[range.clone()];
        for_each_row(rows, width, table, |i, parts| f(&of_table[rows[i] as usize * width..][..width], parts));
        pieces(&grads[range.end..], after, &f);
    }
}

fn pieces<const N: usize>(grads: &[f32], buffers: [&mut [f32]; N], f: &(impl Fn(&[f32], [&mut [f32]; N]) + Sync)) {
    if grads.len() < PARALLEL_MIN {
        return f(grads, buffers);
    }
    let middle = grads.len() / 2 / PIECE * PIECE;
    let ((grads, more_grads), (buffers, more_buffers)) = (grads.split_at(middle), split(buffers, middle));
    join(|| pieces(grads, buffers, f), || pieces(more_grads, more_buffers, f));
}

#[cfg(test)]
mod tests {
    use crate::{LayoutBuilder, ParamId, Params};

    fn grads(rows: usize, width: usize, around: usize) -> (Params, ParamId) {
        let mut builder = LayoutBuilder::new();
        builder.push("before", &[around]).unwrap();
        let table = builder.push("table", &[rows, width]).unwrap();
        builder.push("after", &[around]).unwrap();
        (Params::zeros(builder.build()), table)
    }

    /// Counts how often each element is met, and checks that gradient and buffers are cut alike.
    fn visits(grads: &Params, threads: usize) -> Vec<f32> {
        let n = grads.as_slice().len();
        let (mut counts, mut copies) = (vec![0.0; n], vec![0.0; n]);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            grads.for_each_part([&mut counts, &mut copies], |grads, [counts, copies]| {
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
            for threads in [1, 3] {
                let counts = visits(&grads, threads);
                for (i, &count) in counts.iter().enumerate() {
                    let row = i.checked_sub(around).map(|i| i / width).filter(|&row| row < rows);
                    assert_eq!(count, if row.is_some_and(|row| row % 3 == 1) { 0.0 } else { 1.0 }, "{i}");
                }
            }
        }
    }
}
