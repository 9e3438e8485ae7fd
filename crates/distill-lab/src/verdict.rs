//! A comparison in words, for the last lines of a run and for its report.

use distill_train::{Comparison, Verdict};

/// The verdict alone.
pub fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Better => "better",
        Verdict::Worse => "worse",
        Verdict::NotDistinguishable => "not distinguishable",
    }
}

/// How many decimals the interval needs. Errors of one seed are whole and means of several are not, and no end is rounded
/// to 0 that is not 0: whether the interval holds it is what the reader looks for.
pub fn decimals(comparison: &Comparison) -> usize {
    const MOST: usize = 6;
    let is_hidden =
        |end: f64, decimals: usize| end != 0.0 && format!("{:.decimals$}", end.abs()).parse::<f64>() == Ok(0.0);
    let least = usize::from(comparison.n_seeds > 1);
    (least..MOST).find(|&n| !comparison.interval.iter().any(|&end| is_hidden(end, n))).unwrap_or(MOST)
}

/// The same as a difference of R², with the decimals that it needs: what one leaves less unexplained it explains more.
pub fn of_r2(comparison: &Comparison) -> (f64, [f64; 2], usize) {
    let [high, low] = comparison.interval.map(|end| -end);
    (-comparison.difference, [low, high], decimals(comparison).max(4))
}

/// What left the question open: the interval, or the p-value beside an interval that leaves out 0. Nothing where it was
/// decided.
pub fn open(comparison: &Comparison) -> String {
    let [low, high] = comparison.interval;
    match comparison.verdict {
        Verdict::Better | Verdict::Worse => String::new(),
        Verdict::NotDistinguishable if low <= 0.0 && high >= 0.0 => ", which holds 0".to_owned(),
        Verdict::NotDistinguishable => format!(", but {}", p_value(comparison.p_value)),
    }
}

/// `p = 0.019`, with one more decimal where three would move it over 0.05.
pub fn p_value(p: f64) -> String {
    let text = format!("{p:.3}");
    match text.parse::<f64>() {
        _ if p < 0.001 => "p < 0.001".to_owned(),
        Ok(rounded) if (rounded < 0.05) == (p < 0.05) => format!("p = {text}"),
        _ => format!("p = {p:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use distill_train::{Outcomes, compare};

    use super::*;

    fn comparison(n_seeds: usize, interval: [f64; 2]) -> Comparison {
        let verdict = Verdict::NotDistinguishable;
        Comparison { n_seeds, difference: -1.0, interval, method: String::new(), p_value: 0.2, verdict }
    }

    #[test]
    fn five_against_none_are_left_open_by_the_p_value() {
        let alone: Vec<bool> = (0..100).map(|i| i >= 5).collect();
        let found = compare(&[Outcomes { alone: &alone, distilled: &[true; 100] }], 1).unwrap();
        assert!(found.interval[1] < 0.0 && found.verdict == Verdict::NotDistinguishable, "{found:?}");
        assert_eq!(open(&found), ", but p = 0.062");
        assert_eq!(open(&comparison(1, [-3.0, 0.0])), ", which holds 0");
        assert_eq!(open(&Comparison { verdict: Verdict::Better, ..found }), "");
    }

    #[test]
    fn rounding_does_not_move_an_end_to_0() {
        assert_eq!(decimals(&comparison(1, [-97.0, 9.0])), 0);
        assert_eq!(decimals(&comparison(1, [-97.0, 0.0])), 0);
        assert_eq!(decimals(&comparison(1, [-3.2, -0.4])), 1);
        assert_eq!(decimals(&comparison(3, [-3.2, -0.4])), 1);
        assert_eq!(decimals(&comparison(3, [-3.2, -0.04])), 2);
        assert_eq!(decimals(&comparison(3, [0.004, 7.0])), 3);
        assert_eq!(decimals(&comparison(3, [-1e-12, 7.0])), 6);
    }

    #[test]
    fn rounding_does_not_move_a_p_value_over_the_bound() {
        assert_eq!([0.0187, 0.0004, 0.3].map(p_value), ["p = 0.019", "p < 0.001", "p = 0.300"]);
        assert_eq!([0.0498, 0.05].map(p_value), ["p = 0.0498", "p = 0.050"]);
    }
}
