/// p-values of several comparisons, adjusted by Holm's method for their number.
///
/// With the `m` p-values in ascending order, the i-th of them from 1 becomes
///
/// ```text
/// adjusted_i = min(1, max over j <= i of (m - j + 1) p_j)
/// ```
///
/// Whoever calls a difference real where the adjusted value is below 0.05 is wrong about any of them with a probability
/// of at most 5 %, whatever they have to do with each other. The result has the order of the input. A NaN, which is no
/// p-value, counts as 1.
///
/// Holm, *A simple sequentially rejective multiple test procedure*, 1979.
///
/// # Examples
/// ```
/// use distill_train::holm;
/// // 0.01 times 3; 0.03 times 2; 0.04 times 1 is less than that, and cannot fall below it.
/// let adjusted = holm(&[0.04, 0.01, 0.03]);
/// for (found, expected) in adjusted.iter().zip([0.06, 0.03, 0.06]) {
///     assert!((found - expected).abs() < 1e-12);
/// }
/// ```
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let p = |i: usize| if p_values[i].is_nan() { 1.0 } else { p_values[i] };
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p(a).total_cmp(&p(b)));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut least: f64 = 0.0;
    for (rank, &i) in order.iter().enumerate() {
        least = least.max(((p_values.len() - rank) as f64 * p(i)).min(1.0));
        adjusted[i] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use distill_tensor::{Philox, Stream};

    use super::*;

    #[test]
    fn adjusted_values_equal_those_of_r() {
        // R: p.adjust(c(0.001, 0.2, 0.012, 0.04, 0.9, 0.0004), "holm")
        let found = holm(&[0.001, 0.2, 0.012, 0.04, 0.9, 0.0004]);
        for (found, expected) in found.iter().zip([0.005, 0.4, 0.048, 0.12, 0.9, 0.0024]) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
        assert_eq!(holm(&[]), Vec::<f64>::new());
        assert_eq!(holm(&[0.3]), [0.3]);
        assert_eq!(holm(&[0.7, f64::NAN]), [1.0, 1.0]);
    }

    #[test]
    fn one_of_many_true_hypotheses_is_rejected_as_rarely_as_promised() {
        let n_families = 4000_u32;
        let n_wrong = |adjust: fn(&[f64]) -> Vec<f64>| {
            let family = |index: u32| {
                let mut rng = Philox::new(9, Stream::Bootstrap, 2, index);
                let p: Vec<f64> = (0..7).map(|_| f64::from(rng.next_block()[0]) / f64::from(u32::MAX)).collect();
                adjust(&p).iter().any(|&p| p < 0.05)
            };
            (0..n_families).filter(|&index| family(index)).count() as f64 / f64::from(n_families)
        };
        // 1 - 0.95⁷ without, and 1 - (1 - 0.05 / 7)⁷ with it, each with a standard error below 0.0075.
        assert!((n_wrong(<[f64]>::to_vec) - 0.302).abs() < 0.03);
        assert!((n_wrong(holm) - 0.049).abs() < 0.015);
    }
}
