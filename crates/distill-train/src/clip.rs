use std::ops::Range;

use distill_tensor::{PARALLEL_MIN, Params, SliceKind, TouchedRows};
use rayon::prelude::*;

/// Elements summed at a time. Fixed, so that the sum does not depend on the threads.
const BLOCK: usize = 32 * 1024;
/// Blocks whose sums are kept at a time, so that nothing is allocated.
const GROUP: usize = 64;

/// The Euclidean norm of a gradient, of which only [touched](Params::touched) rows are read, and the factor that brings it down to
/// `max_norm`. A [`SliceKind::State`] holds no gradient and is left out.
///
/// # Examples
/// ```
/// use distill_tensor::{LayoutBuilder, Params};
/// let mut builder = LayoutBuilder::new();
/// builder.push("w", &[2])?;
/// let grads = Params::from_vec(builder.build(), vec![3.0, 4.0])?;
/// assert_eq!(distill_train::clip_factor(&grads, 1.0), (5.0, 0.2));
/// assert_eq!(distill_train::clip_factor(&grads, 10.0), (5.0, 1.0));
/// # Ok::<(), distill_tensor::TensorError>(())
/// ```
pub fn clip_factor(grads: &Params, max_norm: f64) -> (f64, f64) {
    let values = grads.as_slice();
    let mut sum = 0.0;
    for stretch in trained(grads) {
        sum += match grads.touched() {
            Some(touched) if stretch.start <= touched.range.start && touched.range.end <= stretch.end => {
                let (before, after) = (stretch.start..touched.range.start, touched.range.end..stretch.end);
                sum_of_squares(&values[before]) + sum_of_touched(values, &touched) + sum_of_squares(&values[after])
            }
            _ => sum_of_squares(&values[stretch]),
        }
    }
    let norm = sum.sqrt();
    // NaN compares false and so comes back as a factor of 1, with the norm to be checked.
    (norm, if norm > max_norm { max_norm / norm } else { 1.0 })
}

/// Where the buffer has something that follows its gradient, neighbours of several kinds together: all of it, unless there is state.
fn trained(grads: &Params) -> impl Iterator<Item = Range<usize>> {
    let mut stretches = grads.layout().stretches().filter(|(kind, _)| kind.is_trained()).map(|(_, at)| at).peekable();
    std::iter::from_fn(move || {
        let mut whole = stretches.next()?;
        while let Some(next) = stretches.next_if(|next| next.start == whole.end) {
            whole.end = next.end;
        }
        Some(whole)
    })
}

/// The first state of a layer that is not finite.
pub(crate) fn bad_state(grads: &Params) -> Option<f32> {
    let mut states = grads.layout().stretches().filter(|(kind, _)| *kind == SliceKind::State);
    states.find_map(|(_, at)| grads.as_slice()[at].iter().copied().find(|value| !value.is_finite()))
}

/// Whether all numbers of a gradient are finite, with those of a [`SliceKind::State`], of which only [touched](Params::touched) rows are read. It takes a fraction
/// of the time of the norm.
pub(crate) fn is_finite(grads: &Params) -> bool {
    match grads.touched() {
        None => all_finite(grads.as_slice()),
        Some(TouchedRows { range, width, rows, .. }) => {
            let (before, rest) = grads.as_slice().split_at(range.start);
            let (table, after) = rest.split_at(range.len());
            let is_finite_row = |&row: &u32| block_finite(&table[row as usize * width..][..width]);
            let are_finite_rows = if rows.len() * width >= PARALLEL_MIN {
                rows.par_iter().with_min_len((BLOCK / width.max(1)).max(1)).all(is_finite_row)
            } else {
                rows.iter().all(is_finite_row)
            };
            are_finite_rows && all_finite(before) && all_finite(after)
        }
    }
}

fn all_finite(values: &[f32]) -> bool {
    if values.len() >= PARALLEL_MIN {
        values.par_chunks(BLOCK).all(block_finite)
    } else {
        values.chunks(BLOCK).all(block_finite)
    }
}

/// `0 x` is 0, or NaN for what is not finite, and NaN stays in a sum. Running sums as those of [`block_sum`], without a
/// branch.
fn block_finite(block: &[f32]) -> bool {
    let (chunks, rest) = block.as_chunks::<16>();
    let mut lanes = [0.0_f32; 16];
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane += 0.0 * x;
        }
    }
    lanes.iter().chain(rest).map(|x| 0.0 * x).sum::<f32>() == 0.0
}

fn sum_of_squares(values: &[f32]) -> f64 {
    let mut total = 0.0;
    for group in values.chunks(BLOCK * GROUP) {
        let mut sums = [0.0; GROUP];
        if group.len() >= PARALLEL_MIN {
            sums.par_iter_mut().zip(group.par_chunks(BLOCK)).for_each(|(sum, block)| *sum = block_sum(block));
        } else {
            sums.iter_mut().zip(group.chunks(BLOCK)).for_each(|(sum, block)| *sum = block_sum(block));
        }
        total += sums.iter().sum::<f64>();
    }
    total
}

/// As [`sum_of_squares`], of rows: whole ones make a block.
fn sum_of_touched(values: &[f32], touched: &TouchedRows<'_>) -> f64 {
    let TouchedRows { range, width, rows, .. } = touched;
    let table = &values[range.clone()];
    let sum_rows =
        |rows: &[u32]| -> f64 { rows.iter().map(|&row| block_sum(&table[row as usize * width..][..*width])).sum() };
    let in_block = (BLOCK / (*width).max(1)).max(1);
    let mut total = 0.0;
    for group in rows.chunks(in_block * GROUP) {
        let mut sums = [0.0; GROUP];
        if group.len() * width >= PARALLEL_MIN {
            sums.par_iter_mut().zip(group.par_chunks(in_block)).for_each(|(sum, rows)| *sum = sum_rows(rows));
        } else {
            sums.iter_mut().zip(group.chunks(in_block)).for_each(|(sum, rows)| *sum = sum_rows(rows));
        }
        total += sums.iter().sum::<f64>();
    }
    total
}

/// Eight running sums, an order that vector units can follow.
fn block_sum(block: &[f32]) -> f64 {
    let chunks = block.chunks_exact(8);
    let tail: f64 = chunks.remainder().iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    let mut lanes = [0.0_f64; 8];
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += f64::from(x) * f64::from(x);
        }
    }
    lanes.iter().sum::<f64>() + tail
}

#[cfg(test)]
mod tests {
    use distill_tensor::LayoutBuilder;

    use super::*;

    #[test]
    fn the_norm_is_right_and_the_same_for_any_number_of_threads() {
        let n = 3 * BLOCK * GROUP + 4321;
        let mut builder = LayoutBuilder::new();
        builder.push("w", &[n]).unwrap();
        let values = (0..n).map(|i| (i as f32).sin()).collect();
        let grads = Params::from_vec(builder.build(), values).unwrap();
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| clip_factor(&grads, 1.0))
        };
        let expected = grads.as_slice().iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
        assert!((run(1).0 / expected - 1.0).abs() < 1e-12);
        assert_eq!(run(1), run(2));
        assert_eq!(run(1), run(3));
    }

    #[test]
    fn state_is_no_part_of_the_norm_and_must_be_finite() {
        let mut builder = LayoutBuilder::new();
        builder.push("w", &[1]).unwrap();
        builder.push_as("bias", &[1], SliceKind::NoDecay).unwrap();
        let state = builder.push_as("mean", &[2], SliceKind::State).unwrap();
        let table = builder.push("table", &[2, 1]).unwrap();
        builder.push_as("more", &[1], SliceKind::State).unwrap();
        let mut grads = Params::from_vec(builder.build(), vec![1.0, 2.0, 1e30, -7.0, 4.0, 2.0, 1e9]).unwrap();
        assert_eq!(trained(&grads).collect::<Vec<_>>(), [0..2, 4..6]);
        assert_eq!(clip_factor(&grads, 1.0), (5.0, 0.2));
        grads.overwrite_rows(table, &[1], |_, row| row.fill(2.0));
        assert_eq!(clip_factor(&grads, 9.0), (3.0, 1.0));
        assert_eq!(bad_state(&grads), None);
        grads.vector_mut(state)[1] = f32::NEG_INFINITY;
        assert!(!is_finite(&grads));
        assert_eq!((bad_state(&grads), clip_factor(&grads, 9.0)), (Some(f32::NEG_INFINITY), (3.0, 1.0)));
    }

    #[test]
    fn what_is_not_finite_is_found_anywhere() {
        let n = PARALLEL_MIN + 7;
        let mut builder = LayoutBuilder::new();
        let before = builder.push("before", &[19]).unwrap();
        let table = builder.push("table", &[5, 35]).unwrap();
        let after = builder.push("after", &[n]).unwrap();
        let mut grads = Params::zeros(builder.build());
        for rows in [None, Some([1, 3])] {
            grads.as_mut_slice().fill(f32::MAX);
            if let Some(rows) = &rows {
                grads.overwrite_rows(table, rows, |_, row| row.fill(f32::MIN));
            }
            assert!(is_finite(&grads));
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                for (id, at) in [(before, 0), (before, 18), (after, 0), (after, n / 2), (after, n - 1)] {
                    grads.vector_mut(id)[at] = bad;
                    assert!(!is_finite(&grads), "{bad} at {at}");
                    grads.vector_mut(id)[at] = f32::MAX;
                }
                if let Some(rows) = &rows {
                    grads.overwrite_rows(table, rows, |i, row| row.fill(if i == 1 { bad } else { 1.0 }));
                    assert!(!is_finite(&grads), "{bad} in a touched row");
                    grads.overwrite_rows(table, rows, |_, row| row.fill(1.0));
                }
            }
        }
    }

    #[test]
    fn the_norm_of_touched_rows_is_that_of_the_whole_gradient() {
        let mut builder = LayoutBuilder::new();
        builder.push("before", &[40_000]).unwrap();
        let table = builder.push("table", &[3000, 300]).unwrap();
        builder.push("after", &[7]).unwrap();
        let mut grads = Params::zeros(builder.build());
        grads.as_mut_slice().iter_mut().enumerate().for_each(|(i, g)| *g = (i as f32).sin());
        let rows: Vec<u32> = (0..3000).filter(|row| row % 5 < 2).collect();
        grads.overwrite_rows(table, &rows, |i, row| row.fill((rows[i] as f32).cos()));
        let expected = grads.as_slice().iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| clip_factor(&grads, 1.0))
        };
        assert!((run(1).0 / expected - 1.0).abs() < 1e-12);
        assert_eq!(run(1), run(3));
    }
}
