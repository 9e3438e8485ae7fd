use super::ln_choose;
use crate::TrainError;

/// McNemar's exact test: do two models make equally many errors on one labelled set?
///
/// Only the examples count on which one model is right and the other wrong. If both are as good as each other, each of
/// the `n = only_a + only_b` falls to either side like a coin:
///
/// ```text
/// k = min(only_a, only_b),  X ~ Binomial(n, 1/2)
/// p = min(1, 2 P(X <= k)),  mid-p = 2 P(X < k) + P(X = k)
/// ```
///
/// It measures these two networks on other examples of the same kind. It says nothing about networks that the same
/// methods would give with another seed: for that see [`PairedDifference`](crate::PairedDifference).
///
/// McNemar, *Note on the sampling error of the difference between correlated proportions or percentages*, 1947;
/// Lancaster, *Significance tests in discrete distributions*, 1961, for mid-p.
///
/// # Examples
/// ```
/// use distill_train::McNemar;
/// // One coin shows heads 0 times of 4: p = 2 / 2⁴, mid-p = 1 / 2⁴.
/// let found = McNemar::from_counts(0, 4);
/// assert!((found.p_value - 0.125).abs() < 1e-12);
/// assert!((found.mid_p_value - 0.0625).abs() < 1e-12);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct McNemar {
    /// Examples on which only the first model is right, often called b.
    pub only_a: usize,
    /// Examples on which only the second model is right, often called c.
    pub only_b: usize,
    /// The exact two-sided p-value.
    pub p_value: f64,
    /// The two-sided mid-p value, less cautious than the exact one.
    pub mid_p_value: f64,
}

impl McNemar {
    /// Compares two lists of predicted classes with the labels.
    ///
    /// # Errors
    /// [`TrainError::Unpaired`] if the lists have different lengths.
    ///
    /// # Examples
    /// ```
    /// use distill_train::McNemar;
    /// let found = McNemar::new(&[0, 1, 1, 2], &[0, 1, 1, 0], &[0, 1, 0, 1])?;
    /// assert_eq!((found.only_a, found.only_b), (1, 0));
    /// # Ok::<(), distill_train::TrainError>(())
    /// ```
    pub fn new(labels: &[u32], a: &[u32], b: &[u32]) -> Result<Self, TrainError> {
        for list in [a, b] {
            if list.len() != labels.len() {
                return Err(TrainError::Unpaired { expected: labels.len(), actual: list.len() });
            }
        }
        let (mut only_a, mut only_b) = (0, 0);
        for ((label, a), b) in labels.iter().zip(a).zip(b) {
            only_a += usize::from(a == label && b != label);
            only_b += usize::from(b == label && a != label);
        }
        Ok(Self::from_counts(only_a, only_b))
    }

    /// The test from the two counts alone.
    pub fn from_counts(only_a: usize, only_b: usize) -> Self {
        let (p_value, mid_p_value) = if only_a == only_b {
            (1.0, 1.0)
        } else {
            let (k, n) = (only_a.min(only_b) as u64, (only_a + only_b) as u64);
            let (at, below) = lower_tail(k, n);
            ((2.0 * (below + at)).min(1.0), 2.0 * below + at)
        };
        Self { only_a, only_b, p_value, mid_p_value }
    }
}

/// `P(X = k)` and `P(X < k)` for `X ~ Binomial(n, 1/2)` and `k < n / 2`.
fn lower_tail(k: u64, n: u64) -> (f64, f64) {
    let at = libm::exp(ln_choose(n, k) - n as f64 * std::f64::consts::LN_2);
    let (mut term, mut below) = (at, 0.0);
    for i in (1..=k).rev() {
        term *= i as f64 / (n - i + 1) as f64;
        below += term;
        // The terms fall faster and faster: what is left is less than the last digit.
        if term < 1e-18 * below {
            break;
        }
    }
    (at, below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_values_equal_scipy() {
        // p = scipy.stats.binomtest(a, a + b, 0.5).pvalue, and p - scipy.stats.binom.pmf(a, a + b, 0.5), SciPy 1.17.
        for (a, b, p, mid_p) in [
            (1, 0, 1.0, 0.5),
            (5, 15, 0.041_389_465_332_031_25, 0.026_603_698_730_468_753),
            (62, 37, 0.015_432_364_507_309_008, 0.012_032_975_725_363_47),
            (900, 1100, 8.457_089_535_503_81e-6, 7.656_628_347_757_322e-6),
            (0, 40, 1.818_989_403_545_856_5e-12, 9.094_947_017_729_282e-13),
            (49_000, 51_000, 2.588_716_038_346_894_3e-10, 2.536_769_446_247_996e-10),
            (501_000, 500_000, 0.318_036_540_840_338_5, 0.317_552_599_431_709_16),
        ] {
            let found = McNemar::from_counts(a, b);
            for (actual, expected) in [(found.p_value, p), (found.mid_p_value, mid_p)] {
                assert!((actual - expected).abs() < 1e-8 * expected, "{a} {b}: {actual:e} {expected:e}");
            }
        }
    }

    #[test]
    fn equal_counts_say_nothing() {
        for n in [0, 1, 10, 1_000_000] {
            let found = McNemar::from_counts(n, n);
            assert_eq!((found.p_value, found.mid_p_value), (1.0, 1.0));
        }
    }

    #[test]
    fn only_examples_that_tell_the_two_apart_count() {
        // Both right, only b, only b, only a, both wrong alike, both wrong differently.
        let found = McNemar::new(&[0, 1, 2, 0, 1, 2], &[0, 0, 0, 0, 0, 0], &[0, 1, 2, 1, 0, 1]).unwrap();
        assert_eq!((found.only_a, found.only_b), (1, 2));
    }

    #[test]
    fn lists_must_belong_together() {
        let error = McNemar::new(&[0, 1], &[0, 1], &[0]).unwrap_err();
        assert!(matches!(error, TrainError::Unpaired { expected: 2, actual: 1 }), "{error}");
    }
}
