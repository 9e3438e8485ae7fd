/// How well a score tells examples of the known classes from others: the probability that one of the first has the larger score, a
/// half where both are the same. 1 is a score that always does, 0.5 one that says nothing. NaN where there are none of either.
///
/// It is the area under the receiver operating characteristic; as the largest probability of a classifier is used in Hendrycks and
/// Gimpel, *A baseline for detecting misclassified and out-of-distribution examples in neural networks*, ICLR 2017.
///
/// # Examples
/// ```
/// use distill_train::auroc;
/// assert_eq!(auroc(&[0.9, 0.6], &[0.5, 0.7]), 0.75);
/// ```
pub fn auroc(inside: &[f64], outside: &[f64]) -> f64 {
    let mut all: Vec<(f64, bool)> = inside.iter().map(|&score| (score, true)).collect();
    all.extend(outside.iter().map(|&score| (score, false)));
    all.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let (mut below, mut wins) = (0_u64, 0_u64);
    for tied in all.chunk_by(|(a, _), (b, _)| a == b) {
        let n_outside = tied.iter().filter(|(_, is_inside)| !is_inside).count() as u64;
        let n_inside = tied.len() as u64 - n_outside;
        // In halves, so that ties are whole numbers too.
        wins += n_inside * (2 * below + n_outside);
        below += n_outside;
    }
    wins as f64 / 2.0 / (inside.len() as f64 * outside.len() as f64)
}

/// The part of the others that pass where `share` of the examples of the known classes do: those whose score is at least the
/// least of that share. NaN where there are none of either.
///
/// # Examples
/// ```
/// use distill_train::passing;
/// assert_eq!(passing(0.5, &[0.9, 0.6, 0.8, 0.7], &[0.5, 0.85]), 0.5);
/// ```
pub fn passing(share: f64, inside: &[f64], outside: &[f64]) -> f64 {
    let mut inside = inside.to_vec();
    inside.sort_by(|a, b| b.total_cmp(a));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most their number")]
    let n = (share * inside.len() as f64).ceil() as usize;
    let Some(least) = inside.get(n.saturating_sub(1)) else { return f64::NAN };
    outside.iter().filter(|score| *score >= least).count() as f64 / outside.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_compared_pair_by_pair() {
        let inside = [0.3, 0.9, 0.5, 0.5, 1.0];
        let outside = [0.5, 0.1, 0.3, 0.95];
        let pair = |a: f64, b: f64| {
            if a > b {
                1.0
            } else if a == b {
                0.5
            } else {
                0.0
            }
        };
        let plain: f64 = inside.iter().flat_map(|&a| outside.iter().map(move |&b| pair(a, b))).sum::<f64>() / 20.0;
        assert_eq!(auroc(&inside, &outside), plain);
        assert_eq!((auroc(&[2.0], &[1.0]), auroc(&[1.0], &[2.0]), auroc(&[1.0; 3], &[1.0; 2])), (1.0, 0.0, 0.5));
        assert!(auroc(&[], &[1.0]).is_nan() && auroc(&[1.0], &[]).is_nan());
        assert_eq!(passing(0.8, &inside, &outside), 0.5);
        assert_eq!((passing(1.0, &inside, &outside), passing(0.2, &inside, &outside)), (0.75, 0.0));
        assert!(passing(0.95, &[], &outside).is_nan());
    }
}
