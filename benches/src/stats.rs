//! Medians and spreads.

use serde::{Deserialize, Serialize};

/// The middle of some measurements and how far they reach.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Spread {
    /// None without measurements.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (&low, &high) = (sorted.first()?, sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len().is_multiple_of(2) {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        } else {
            sorted[middle]
        };
        Some(Self { median, low, high })
    }
}

/// Which of two numbers is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Better {
    Higher,
    Lower,
}

/// How many times better the first is, for each pair of neighbours in time.
///
/// What slows the machine down for a moment hits both of a pair, so their ratio is steadier than the ratio of medians.
pub(crate) fn ratios(ours: &[f64], other: &[f64], better: Better) -> Vec<f64> {
    let ratio = |(a, b): (&f64, &f64)| match better {
        Better::Higher => a / b,
        Better::Lower => b / a,
    };
    ours.iter().zip(other).map(ratio).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_middle_ones() {
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of(&[3.0]), Some(Spread { median: 3.0, low: 3.0, high: 3.0 }));
        assert_eq!(Spread::of(&[9.0, 1.0, 2.0]), Some(Spread { median: 2.0, low: 1.0, high: 9.0 }));
        assert_eq!(Spread::of(&[4.0, 1.0, 9.0, 2.0]), Some(Spread { median: 3.0, low: 1.0, high: 9.0 }));
    }

    #[test]
    fn a_ratio_above_one_is_in_our_favour() {
        assert_eq!(ratios(&[6.0, 8.0], &[3.0, 2.0], Better::Higher), [2.0, 4.0]);
        assert_eq!(ratios(&[3.0], &[6.0], Better::Lower), [2.0]);
        assert_eq!(ratios(&[1.0, 1.0], &[1.0], Better::Higher), [1.0], "an unfinished round makes no pair");
    }
}
