use ndarray::{ArrayViewMut2, Axis};
use rayon::prelude::*;

use distill_tensor::PARALLEL_MIN;

/// Scales down every row whose Euclidean norm is above `max_norm`.
///
/// With weights of shape `(outputs, inputs)` a row holds the incoming weights of one unit.
/// Source: Srivastava et al., 2014, section 5.1.
pub(crate) fn clamp_rows(mut weights: ArrayViewMut2<'_, f32>, max_norm: f32) {
    let clamp = |row: &mut [f32]| {
        let norm = dot(row).sqrt();
        if norm > max_norm {
            let scale = max_norm / norm;
            row.iter_mut().for_each(|w| *w *= scale);
        }
    };
    let width = weights.len_of(Axis(1)).max(1);
    let large = weights.len() >= PARALLEL_MIN;
    let rows = weights.as_slice_mut().expect("parameters are contiguous");
    if large {
        rows.par_chunks_mut(width).with_min_len(16).for_each(clamp);
    } else {
        rows.chunks_mut(width).for_each(clamp);
    }
}

/// Sum of squares in eight lanes, an order that vector units can follow.
fn dot(row: &[f32]) -> f32 {
    let chunks = row.chunks_exact(8);
    let tail: f32 = chunks.remainder().iter().map(|w| w * w).sum();
    let mut lanes = [0.0_f32; 8];
    for chunk in chunks {
        for (lane, w) in lanes.iter_mut().zip(chunk) {
            *lane += w * w;
        }
    }
    lanes.iter().sum::<f32>() + tail
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn only_long_rows_change() {
        let mut weights = array![[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]];
        clamp_rows(weights.view_mut(), 2.5);
        assert_eq!(weights, array![[1.5, 2.0], [0.3, 0.4], [0.0, 0.0]]);
    }
}
