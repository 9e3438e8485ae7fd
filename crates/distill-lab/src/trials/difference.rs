use distill_train::{Comparison, Outcomes, Verdict, compare, holm};
use serde::Serialize;

use super::record::Record;
use crate::verdict;

/// Of the resampled validation examples.
const BOOTSTRAP_SEED: u64 = 1;

/// How sure it is that the best trial makes other numbers of validation errors than the next one.
///
/// The pairs are the validation examples, or from three seeds on the seeds. The interval ignores the choice: the
/// best of many trials is in part the luckiest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BestAndNext {
    /// The number of the next trial.
    next: usize,
    settings: Vec<String>,
    /// Errors of the best minus those of the next.
    #[serde(flatten)]
    comparison: Comparison,
}

impl BestAndNext {
    /// Nothing where no two trials got equally far, or an earlier version did not write down which examples are wrong.
    pub fn of(ranking: &[&Record]) -> Option<Self> {
        let &[best, next, ..] = ranking else { return None };
        Some(Self { next: next.trial, settings: next.settings.clone(), comparison: difference(next, best)? })
    }

    /// A line for people; `next` is what the next trial is called.
    pub fn text(&self, next: impl Fn(&[String]) -> String) -> String {
        let Comparison { difference, interval: [low, high], p_value, verdict, .. } = &self.comparison;
        let says = match verdict {
            Verdict::NotDistinguishable => "validation cannot tell the two apart",
            _ => "chosen after the fact, so partly by luck",
        };
        let interval = format!("95 % interval {low:+.1} to {high:+.1}, {}", verdict::p_value(*p_value));
        let settings = next(&self.settings);
        format!(
            "next best  {settings}: the best differs from it by {difference:+.1} validation errors ({interval}); {says}"
        )
    }

    /// Whether the two can be told apart.
    #[cfg(test)]
    fn differs(&self) -> bool {
        self.comparison.verdict != Verdict::NotDistinguishable
    }
}

/// How far another trial is from the best, and whether that may be chance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The number of the other trial.
    pub trial: usize,
    /// Its errors minus those of the best.
    #[serde(flatten)]
    pub comparison: Comparison,
    /// The p-value for as many comparisons as there are, by Holm's method.
    pub p_adjusted: f64,
}

impl Difference {
    /// The other trials in the order of the ranking, each compared with the best on the last rung that it reached. The
    /// records are those of all rungs.
    pub fn all(ranking: &[&Record], records: &[Record]) -> Vec<Self> {
        let Some((best, others)) = ranking.split_first() else { return vec![] };
        let compared = |other: &&Record| {
            let best = records.iter().find(|record| (record.trial, record.rung) == (best.trial, other.rung))?;
            Some((other.trial, difference(best, other)?))
        };
        let found: Vec<(usize, Comparison)> = others.iter().filter_map(compared).collect();
        let p_values: Vec<f64> = found.iter().map(|(_, comparison)| comparison.p_value).collect();
        let all = found.into_iter().zip(holm(&p_values));
        all.map(|((trial, comparison), p_adjusted)| Self { trial, comparison, p_adjusted }).collect()
    }

    /// Whether it is no more than chance does: the interval holds 0, or the adjusted p-value is 0.05 or more.
    pub fn is_noise(&self) -> bool {
        self.comparison.verdict == Verdict::NotDistinguishable || self.p_adjusted >= 0.05
    }

    /// What people read of it.
    pub fn word(&self) -> &'static str {
        match self.comparison.verdict {
            _ if self.is_noise() => "noise",
            // The metric may rank a trial with fewer errors lower.
            Verdict::Better => "fewer errors",
            _ => "more errors",
        }
    }

    /// How many trials the best cannot be told apart from, for the end of a sweep; nothing where none was compared.
    pub fn summary(all: &[Self]) -> Option<String> {
        let n_noise = all.iter().filter(|difference| difference.is_noise()).count();
        Some(match (n_noise, all.len()) {
            (_, 0) => return None,
            (0, 1) => "the other trial differs from the best".to_owned(),
            (1, 1) => "the other trial cannot be told apart from the best".to_owned(),
            (0, n) => format!("each of the {n} other trials differs from the best"),
            (noise, n) if noise == n => format!("none of the {n} other trials can be told apart from the best"),
            (noise, n) => format!("{noise} of the {n} other trials cannot be told apart from the best"),
        })
    }
}

/// Errors of `b` minus those of `a`, paired. Nothing where they did not get equally far, or it is not written down
/// which examples are wrong.
fn difference(a: &Record, b: &Record) -> Option<Comparison> {
    if a.rung != b.rung || a.validation_examples != b.validation_examples {
        return None;
    }
    let rights = |record: &Record| -> Option<Vec<Vec<bool>>> {
        record.score()?;
        record.seeds.iter().map(|seed| seed.right(record.validation_examples)).collect()
    };
    let (of_a, of_b) = (rights(a)?, rights(b)?);
    let pairs: Vec<Outcomes<'_>> = of_a.iter().zip(&of_b).map(|(a, b)| Outcomes { alone: a, distilled: b }).collect();
    let mut comparison = compare(&pairs, BOOTSTRAP_SEED).ok()?;
    comparison.method = comparison.method.replace("test examples", "validation examples");
    Some(comparison)
}

#[cfg(test)]
mod tests {
    use super::super::record::SeedResult;
    use super::*;

    /// A trial of one seed.
    fn one(trial: usize, wrong: std::ops::Range<usize>) -> Record {
        record(trial, std::slice::from_ref(&wrong))
    }

    /// A trial on 100 examples whose seeds get these wrong.
    fn record(trial: usize, wrong: &[std::ops::Range<usize>]) -> Record {
        let seeds = (1..).zip(wrong).map(|(seed, wrong)| SeedResult {
            r2: None,
            seed,
            errors: wrong.len(),
            nll: 0.1,
            wrong: Some(wrong.clone().collect()),
        });
        let settings = vec![format!("kd.temperature={trial}")];
        Record {
            trial,
            rung: 1,
            epochs: 3,
            settings,
            seeds: seeds.collect(),
            validation_examples: 100,
            seconds: 0.5,
            error: None,
        }
    }

    #[test]
    fn the_best_is_compared_example_by_example() {
        let (best, next) = (one(2, 0..8), one(1, 0..20));
        let found = BestAndNext::of(&[&best, &next]).unwrap();
        assert_eq!((found.comparison.difference, found.next, found.differs()), (-12.0, 1, true));
        assert!((found.comparison.p_value - 2.0 / 4096.0).abs() < 1e-12);
        assert!(
            found.comparison.method.ends_with("over 100 validation examples, one seed"),
            "{}",
            found.comparison.method
        );
        let text = found.text(|words| words.join(" "));
        assert!(
            text.starts_with(
                "next best  kd.temperature=1: the best differs from it by -12.0 validation errors (95 % interval -"
            ),
            "{text}"
        );
        // 5 examples on one side: p = 2 / 2⁵.
        let found = BestAndNext::of(&[&one(2, 0..5), &one(1, 0..10)]).unwrap();
        assert!(
            !found.differs()
                && found.text(|_| String::new()).ends_with("p = 0.062); validation cannot tell the two apart")
        );
    }

    #[test]
    fn from_three_seeds_on_the_seeds_are_the_sample() {
        let (best, next) = (record(2, &[0..8, 0..9, 0..9]), record(1, &[0..20, 0..21, 0..22]));
        let found = BestAndNext::of(&[&best, &next]).unwrap();
        assert_eq!((found.comparison.n_seeds, found.differs()), (3, true));
        assert!(found.comparison.method.contains("seeds"), "{}", found.comparison.method);
    }

    #[test]
    fn what_cannot_be_compared_is_not() {
        let best = one(2, 0..8);
        let mut old = one(1, 0..20);
        old.seeds[0].wrong = None;
        let failed = Record { error: Some("E0601".to_owned()), seeds: vec![], ..record(1, &[]) };
        let lower = Record { rung: 0, ..one(1, 0..20) };
        let damaged = one(1, 90..120);
        for other in [&old, &failed, &lower, &damaged] {
            assert_eq!(BestAndNext::of(&[&best, other]), None, "{other:?}");
        }
        assert_eq!(BestAndNext::of(&[&best]), None);
    }

    /// Trials on one rung, from the best on.
    fn all(records: &[Record]) -> Vec<Difference> {
        Difference::all(&records.iter().collect::<Vec<_>>(), records)
    }

    #[test]
    fn what_looks_like_more_may_be_noise_among_many() {
        // Six examples on one side: p = 2 / 2⁶ = 0.031, which alone would be enough.
        let (best, near, far) = (one(1, 0..5), one(2, 0..11), one(3, 0..40));
        let alone = all(&[best.clone(), near.clone()]);
        assert_eq!((alone.len(), alone[0].word(), alone[0].comparison.difference), (1, "more errors", 6.0));
        assert_eq!(Difference::summary(&alone).unwrap(), "the other trial differs from the best");
        let others = (4..8).map(|trial| one(trial, 0..11));
        let all = all(&[best, near].into_iter().chain(others).chain([far]).collect::<Vec<_>>());
        assert_eq!(
            all.iter().map(Difference::word).collect::<Vec<_>>(),
            ["noise", "noise", "noise", "noise", "noise", "more errors"]
        );
        assert!((all[0].p_adjusted - 5.0 / 32.0).abs() < 1e-12, "{:?}", all[0]);
        assert_eq!(Difference::summary(&all).unwrap(), "5 of the 6 other trials cannot be told apart from the best");
        assert_eq!(
            Difference::summary(&all[..5]).unwrap(),
            "none of the 5 other trials can be told apart from the best"
        );
        let json = serde_json::to_value(&all[5]).unwrap();
        assert_eq!((&json["trial"], &json["difference"]), (&3.into(), &35.0.into()));
    }

    #[test]
    fn a_trial_with_fewer_errors_may_rank_lower() {
        assert_eq!(all(&[one(1, 0..40), one(2, 0..5)])[0].word(), "fewer errors");
        let failed = Record { error: Some("E0601".to_owned()), seeds: vec![], ..record(3, &[]) };
        assert_eq!((all(&[one(1, 0..4), failed]), all(&[])), (vec![], vec![]));
        assert_eq!(Difference::summary(&[]), None);
    }

    #[test]
    fn who_was_left_behind_is_compared_where_it_was() {
        let upper = |record: &Record| Record { rung: 2, epochs: 9, ..record.clone() };
        let records = [one(1, 0..20), one(2, 0..24), upper(&one(1, 0..5)), one(3, 0..60)];
        let found = Difference::all(&[&records[2], &records[1], &records[3]], &records);
        assert_eq!(found.iter().map(|found| found.comparison.difference).collect::<Vec<_>>(), [4.0, 40.0]);
        assert_eq!(found.iter().map(Difference::word).collect::<Vec<_>>(), ["noise", "more errors"]);
    }
}
