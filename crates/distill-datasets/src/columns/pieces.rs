//! Numbers as several features, each of which tells a stretch of them apart.

/// Features of a number between `edges`, which ascend and are two at least: the part of each piece that lies below it,
///
/// ```text
/// v_t = (x - e_t) / (e_{t+1} - e_t)      between 0 and 1, but for the first below and the last above
/// ```
///
/// Gorishniy, Rubachev, Babenko, *On embeddings for numerical features in tabular deep learning*, 2022, section 3.2.
#[expect(clippy::cast_possible_truncation, reason = "inputs are f32")]
pub(super) fn write<'a>(edges: &[f32], x: f32, out: impl Iterator<Item = &'a mut f32>) {
    let last = edges.len() - 2;
    for (t, (pair, out)) in edges.windows(2).zip(out).enumerate() {
        let [low, high] = [pair[0], pair[1]].map(f64::from);
        let part = (f64::from(x) - low) / (high - low);
        let part = if t == 0 { part } else { part.max(0.0) };
        *out = if t == last { part } else { part.min(1.0) } as f32;
    }
}

/// The number that has these features, up to rounding.
#[expect(clippy::cast_possible_truncation, reason = "inputs are f32")]
pub(super) fn read<'a>(edges: &[f32], features: impl Iterator<Item = &'a f32>) -> f32 {
    let pieces = edges.windows(2).zip(features);
    let above = pieces.map(|(pair, &part)| f64::from(part) * (f64::from(pair[1]) - f64::from(pair[0]))).sum::<f64>();
    (f64::from(edges[0]) + above) as f32
}

/// Edges of at most `n` pieces, half of them between equally many numbers, and half between equally many different ones, so that
/// those that most rows have do not hide the others. Nothing for fewer than two different numbers.
pub(super) fn edges(mut values: Vec<f32>, n: usize) -> Vec<f32> {
    values.sort_by(f32::total_cmp);
    let mut different = values.clone();
    different.dedup();
    if different.len() < 2 {
        return vec![];
    }
    let at = |values: &[f32], i: usize, n: usize| values[i * (values.len() - 1) / n];
    let (half, rest) = (n.div_ceil(2), n - n.div_ceil(2));
    let mut edges: Vec<f32> = (0..=half).map(|i| at(&values, i, half)).collect();
    edges.extend((1..=rest).map(|i| at(&different, i, rest + 1)));
    edges.sort_by(f32::total_cmp);
    edges.dedup();
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(edges: &[f32], x: f32) -> Vec<f32> {
        let mut out = vec![9.0; edges.len() - 1];
        write(edges, x, out.iter_mut());
        out
    }

    #[test]
    fn a_number_fills_the_pieces_below_it() {
        let edges = [0.0, 10.0, 30.0, 40.0];
        for (x, expected) in [
            (0.0, [0.0, 0.0, 0.0]),
            (5.0, [0.5, 0.0, 0.0]),
            (10.0, [1.0, 0.0, 0.0]),
            (25.0, [1.0, 0.75, 0.0]),
            (40.0, [1.0, 1.0, 1.0]),
            (-20.0, [-2.0, 0.0, 0.0]),
            (60.0, [1.0, 1.0, 3.0]),
        ] {
            assert_eq!(features(&edges, x), expected, "{x}");
            assert_eq!(read(&edges, expected.iter()), x);
        }
        assert_eq!((features(&[2.0, 4.0], 1.0), features(&[2.0, 4.0], 5.0)), (vec![-0.5], vec![1.5]));
        // What cannot be told apart in f32 is not far away.
        for x in [0.1, 9.99, 10.01, 29.3, 39.9, 1e6] {
            assert!((read(&edges, features(&edges, x).iter()) - x).abs() <= 2e-7 * x.abs().max(10.0), "{x}");
        }
    }

    #[test]
    fn edges_are_where_numbers_are_and_where_different_ones_are() {
        let even: Vec<f32> = (0..=100).map(|i| i as f32).collect();
        assert_eq!(edges(even, 4), [0.0, 33.0, 50.0, 66.0, 100.0]);
        // Nine of ten are 0: the quantiles alone would see no others.
        let rare: Vec<f32> = (0..1000).map(|i| if i % 10 == 0 { i as f32 } else { 0.0 }).collect();
        let found = edges(rare, 16);
        assert!(found.len() >= 9 && found[0] == 0.0 && found[found.len() - 1] == 990.0, "{found:?}");
        assert!(found.is_sorted_by(|a, b| a < b));
        assert_eq!(edges(vec![0.0, 1.0, 1.0], 16), [0.0, 1.0]);
        assert_eq!((edges(vec![3.0; 9], 4), edges(vec![], 4)), (vec![], vec![]));
    }
}
