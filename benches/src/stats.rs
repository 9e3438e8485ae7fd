//! Medians and spreads.

use serde::{Deserialize, Serialize};

/// The middle of some measurements, and the quartiles: what half of them lie between.
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
        let last = sorted.len().checked_sub(1)?;
        // Between two measurements in proportion, as numpy does it.
        let quantile = |quarters: usize| {
            let (below, rest) = (quarters * last / 4, (quarters * last % 4) as f64 / 4.0);
            let above = sorted[(below + 1).min(last)];
            sorted[below] + rest * (above - sorted[below])
        };
        Some(Self { median: quantile(2), low: quantile(1), high: quantile(3) })
    }
}

/// None without measurements.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    Spread::of(values).map(|spread| spread.median)
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
    fn median_and_quartiles_are_those_of_numpy() {
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of(&[3.0]), Some(Spread { median: 3.0, low: 3.0, high: 3.0 }));
        assert_eq!(Spread::of(&[9.0, 1.0, 2.0]), Some(Spread { median: 2.0, low: 1.5, high: 5.5 }));
        assert_eq!(Spread::of(&[4.0, 1.0, 9.0, 2.0]), Some(Spread { median: 3.0, low: 1.75, high: 5.25 }));
        assert_eq!(median(&[3.0, 1.0, 9.0, 5.0, 7.0]), Some(5.0));
    }

    #[test]
    fn a_ratio_above_one_is_in_our_favour() {
        assert_eq!(ratios(&[6.0, 8.0], &[3.0, 2.0], Better::Higher), [2.0, 4.0]);
        assert_eq!(ratios(&[3.0], &[6.0], Better::Lower), [2.0]);
        assert_eq!(ratios(&[1.0, 1.0], &[1.0], Better::Higher), [1.0], "an unfinished round makes no pair");
    }
}
