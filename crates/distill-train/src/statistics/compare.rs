use serde::{Deserialize, Serialize};

use super::{McNemar, PairedDifference, bootstrap_interval};
use crate::TrainError;

/// From this many seeds on, the seeds themselves are the sample.
const N_SEEDS_FOR_T: usize = 3;

/// How the two students of one seed do on the test set: for each example, whether the answer is right.
#[derive(Debug, Clone, Copy)]
pub struct Outcomes<'a> {
    /// The student that learned from labels alone.
    pub alone: &'a [bool],
    /// The student that learned from the teacher.
    pub distilled: &'a [bool],
}

/// What can be said of the difference between two ways to train, from the errors on one test set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Number of paired seeds.
    pub n_seeds: usize,
    /// Mean test errors, distilled minus alone: below zero where distillation helps. Of numbers to predict the part of the
    /// variance that is left unexplained, see [`compare_losses`](crate::compare_losses).
    pub difference: f64,
    /// The two-sided 95 % interval of the difference, in its unit.
    pub interval: [f64; 2],
    /// What the interval and the p-value come from, in words.
    pub method: String,
    /// The two-sided p-value of no difference.
    pub p_value: f64,
    /// What the interval says.
    pub verdict: Verdict,
}

/// Whether two ways to train differ: the 95 % interval of the difference leaves out zero, and the p-value is below 0.05.
///
/// The p-value over examples comes from a test of its own, which is exact and more cautious. Where few examples tell the
/// two apart, an interval may leave out zero by a hair while the p-value does not agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The distilled student makes fewer errors.
    Better,
    /// The distilled student makes more errors.
    Worse,
    /// The interval contains zero, or the p-value is 0.05 or more.
    NotDistinguishable,
}

impl Verdict {
    pub(super) fn of([low, high]: [f64; 2], p_value: f64) -> Self {
        let differs = p_value < 0.05;
        if differs && high < 0.0 {
            Self::Better
        } else if differs && low > 0.0 {
            Self::Worse
        } else {
            Self::NotDistinguishable
        }
    }
}

/// Compares the distilled student with the one that learned alone, one pair for each seed, all on the same test set.
///
/// With three seeds or more the sample is the seeds, and the interval is Student's t over their differences. That is the
/// honest unit when the question is whether distillation helps: another seed gives other networks.
///
/// With one or two seeds, which have no spread worth the name, the sample is the test examples. So it is where three seeds
/// or more have one and the same difference other than zero: errors are whole numbers, so that happens by chance, and
/// Student's t would take it for certainty. The interval comes from a
/// bootstrap (seeded by `bootstrap_seed`) and the p-value from McNemar's exact test. They measure the networks that were
/// trained, and not the method: another seed may well decide otherwise. Several seeds are pooled example by example, because
/// what two networks answer to one example is not independent evidence: in the bootstrap an example carries the outcomes
/// of all seeds, and in the test it counts once, for the side that is right more often.
///
/// # Errors
/// [`TrainError::Empty`] without seeds or examples, [`TrainError::Unpaired`] if two lists have different lengths.
///
/// # Examples
/// ```
/// use distill_train::{Outcomes, Verdict, compare};
/// // Of 100 examples the student alone gets the first 20 wrong, the distilled one the first 8: 8 - 20 = -12.
/// let right = |n_wrong: usize| (0..100).map(|i| i >= n_wrong).collect::<Vec<bool>>();
/// let (alone, distilled) = (right(20), right(8));
/// let found = compare(&[Outcomes { alone: &alone, distilled: &distilled }], 1)?;
/// assert_eq!((found.n_seeds, found.difference, found.verdict), (1, -12.0, Verdict::Better));
/// // Twelve coins on one side: 2 / 2¹².
/// assert!((found.p_value - 2.0 / 4096.0).abs() < 1e-12);
/// # Ok::<(), distill_train::TrainError>(())
/// ```
pub fn compare(seeds: &[Outcomes<'_>], bootstrap_seed: u64) -> Result<Comparison, TrainError> {
    let n_examples = paired(seeds.iter().map(|outcomes| [outcomes.alone.len(), outcomes.distilled.len()]))?;
    match over_seeds(&seeds.iter().map(difference).collect::<Vec<f64>>()) {
        Some(found) => Ok(found),
        None => over_examples(seeds, n_examples, bootstrap_seed),
    }
}

/// How many examples all lists have, of which there are two for each seed.
pub(super) fn paired(lengths: impl Iterator<Item = [usize; 2]>) -> Result<usize, TrainError> {
    let mut lengths = lengths.flatten();
    let expected = lengths.next().filter(|&n| n > 0).ok_or(TrainError::Empty { split: "test" })?;
    match lengths.find(|&actual| actual != expected) {
        Some(actual) => Err(TrainError::Unpaired { expected, actual }),
        None => Ok(expected),
    }
}

/// What the difference of each seed says, where they are a sample.
pub(super) fn over_seeds(differences: &[f64]) -> Option<Comparison> {
    let n_seeds = differences.len();
    let found = PairedDifference::new(differences).filter(|_| n_seeds >= N_SEEDS_FOR_T)?;
    (found.sd > 0.0 || found.mean == 0.0).then(|| Comparison {
        n_seeds,
        difference: found.mean,
        interval: found.interval,
        method: format!("Student t over {n_seeds} paired seeds"),
        p_value: found.p_value,
        verdict: Verdict::of(found.interval, found.p_value),
    })
}

/// What was drawn or tested over the examples, in words.
pub(super) fn method(what: &str, n_examples: usize, n_seeds: usize) -> String {
    let pooled = if n_seeds == 1 { "one seed".to_owned() } else { format!("{n_seeds} seeds pooled") };
    format!("{what} over {} test examples, {pooled}", commas(n_examples))
}

fn over_examples(seeds: &[Outcomes<'_>], n_examples: usize, bootstrap_seed: u64) -> Result<Comparison, TrainError> {
    let mut differences = vec![0; n_examples];
    for outcomes in seeds {
        for ((sum, &alone), &distilled) in differences.iter_mut().zip(outcomes.alone).zip(outcomes.distilled) {
            *sum += i32::from(alone) - i32::from(distilled);
        }
    }
    let count = |side: i32| differences.iter().filter(|sum| sum.signum() == side).count();
    let test = McNemar::from_counts(count(1), count(-1));
    let n_seeds = seeds.len();
    let interval = bootstrap_interval(&differences, bootstrap_seed).ok_or(TrainError::Empty { split: "test" })?;
    let interval = interval.map(|sum| sum / n_seeds as f64);
    Ok(Comparison {
        n_seeds,
        difference: seeds.iter().map(difference).sum::<f64>() / n_seeds as f64,
        interval,
        method: method("paired bootstrap and exact McNemar test", n_examples, n_seeds),
        p_value: test.p_value,
        verdict: Verdict::of(interval, test.p_value),
    })
}

/// Errors of the distilled student minus those of the student alone.
fn difference(outcomes: &Outcomes<'_>) -> f64 {
    let errors = |right: &[bool]| right.iter().filter(|&&right| !right).count() as f64;
    errors(outcomes.distilled) - errors(outcomes.alone)
}

fn commas(n: usize) -> String {
    match n {
        0..1000 => n.to_string(),
        _ => format!("{},{:03}", commas(n / 1000), n % 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Right but for the examples of `wrong`.
    fn right(n: usize, wrong: std::ops::Range<usize>) -> Vec<bool> {
        (0..n).map(|i| !wrong.contains(&i)).collect()
    }

    #[track_caller]
    fn compare_lists(lists: &[(Vec<bool>, Vec<bool>)]) -> Comparison {
        let seeds: Vec<_> = lists.iter().map(|(alone, distilled)| Outcomes { alone, distilled }).collect();
        compare(&seeds, 1).unwrap()
    }

    #[test]
    fn three_seeds_are_a_sample() {
        // Differences -30, -20 and -25: mean -25, standard error 5 / √3, t = 4.3027 for two degrees of freedom.
        let lists = [(100, 70), (95, 75), (99, 74)].map(|(a, b)| (right(10_000, 0..a), right(10_000, 0..b)));
        let found = compare_lists(&lists);
        let half = 4.302_652_729_749_462 * 5.0 / 3.0_f64.sqrt();
        assert!((found.interval[0] - (-25.0 - half)).abs() < 1e-9);
        assert!((found.interval[1] - (-25.0 + half)).abs() < 1e-9);
        assert_eq!((found.n_seeds, found.difference, found.verdict), (3, -25.0, Verdict::Better));
        assert_eq!(found.method, "Student t over 3 paired seeds");
    }

    #[test]
    fn seeds_that_disagree_decide_nothing() {
        // Each seed on its own would be clear: 100 errors more, or 100 fewer.
        let lists = [(100, 0), (0, 100), (100, 0)].map(|(a, b)| (right(1000, 0..a), right(1000, 0..b)));
        let found = compare_lists(&lists);
        assert_eq!(found.verdict, Verdict::NotDistinguishable);
        assert!(found.p_value > 0.05);
        assert_eq!(compare_lists(&lists[..1]).verdict, Verdict::Better);
        assert_eq!(compare_lists(&lists[1..2]).verdict, Verdict::Worse);
    }

    #[test]
    fn one_seed_is_measured_over_examples() {
        // 15 examples speak for distillation and 5 against.
        let found = compare_lists(&[(right(10_000, 0..15), right(10_000, 15..20))]);
        assert_eq!(found.method, "paired bootstrap and exact McNemar test over 10,000 test examples, one seed");
        assert!((found.p_value - 0.041_389_465_332_031_25).abs() < 1e-12);
        assert_eq!((found.difference, found.verdict), (-10.0, Verdict::Better));
        assert!((found.interval[0] + 19.0).abs() <= 1.0 && (found.interval[1] + 2.0).abs() <= 1.0, "{found:?}");
    }

    #[test]
    fn two_equal_seeds_are_no_more_evidence_than_one() {
        let list = (right(500, 0..15), right(500, 15..20));
        let one = compare_lists(std::slice::from_ref(&list));
        let two = compare_lists(&[list.clone(), list]);
        assert_eq!((one.interval, one.p_value, one.difference), (two.interval, two.p_value, two.difference));
        assert_eq!(two.method, "paired bootstrap and exact McNemar test over 500 test examples, 2 seeds pooled");
    }

    #[test]
    fn equal_differences_are_no_certainty() {
        // Each seed has 3 errors fewer, on other examples: 9 speak for distillation and none against, 2 / 2⁹.
        let list = |start: usize, n: usize| (right(10_000, start..start + n), right(10_000, 0..0));
        let found = compare_lists(&[list(0, 3), list(3, 3), list(6, 3)]);
        assert!((found.p_value - 2.0 / 512.0).abs() < 1e-12, "{found:?}");
        assert!(found.interval[0] < -3.0 && found.interval[1] > -3.0, "{found:?}");
        assert_eq!((found.n_seeds, found.difference), (3, -3.0));
        assert_eq!(found.method, "paired bootstrap and exact McNemar test over 10,000 test examples, 3 seeds pooled");
        // The same three examples for each seed.
        let found = compare_lists(&vec![list(0, 3); 3]);
        assert!((found.p_value - 0.25).abs() < 1e-12, "{found:?}");
        assert_eq!(found.verdict, Verdict::NotDistinguishable);
        // With any spread the seeds are the sample again.
        let found = compare_lists(&[list(0, 30), list(0, 30), list(0, 31)]);
        assert_eq!((found.method.as_str(), found.verdict), ("Student t over 3 paired seeds", Verdict::Better));
    }

    #[test]
    fn equal_students_are_not_distinguishable() {
        for n_seeds in [1, 2, 3] {
            let found = compare_lists(&vec![(right(50, 0..5), right(50, 0..5)); n_seeds]);
            assert_eq!((found.interval, found.p_value), ([0.0, 0.0], 1.0));
            assert_eq!(found.verdict, Verdict::NotDistinguishable);
        }
    }

    #[test]
    fn rejects_what_cannot_be_paired() {
        assert!(matches!(compare(&[], 1), Err(TrainError::Empty { .. })));
        assert!(matches!(compare(&[Outcomes { alone: &[], distilled: &[] }], 1), Err(TrainError::Empty { .. })));
        let good = Outcomes { alone: &[true, false], distilled: &[true, true] };
        for bad in [Outcomes { distilled: &[true], ..good }, Outcomes { alone: &[true; 3], ..good }] {
            assert!(matches!(compare(&[good, bad], 1), Err(TrainError::Unpaired { expected: 2, .. })));
        }
    }

    #[test]
    fn goes_through_json() {
        let found = compare_lists(&[(right(9, 0..3), right(9, 3..5))]);
        let text = serde_json::to_string(&found).unwrap();
        assert!(text.contains(r#""verdict":"not-distinguishable""#), "{text}");
        assert_eq!(serde_json::from_str::<Comparison>(&text).unwrap(), found);
    }
}
