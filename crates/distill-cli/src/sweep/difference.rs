use distill_train::{Comparison, Outcomes, Verdict, compare};
use serde::Serialize;

use super::record::Record;
use crate::verdict;

/// Of the resampled validation examples.
const BOOTSTRAP_SEED: u64 = 1;

/// How sure it is that the best trial makes other numbers of validation errors than the next one.
///
/// The pairs are the validation examples, or from three seeds on the seeds. The interval knows nothing of the choice: the
/// best of many trials is in part the luckiest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct BestAndNext {
    /// The number of the next trial.
    next: usize,
    settings: Vec<String>,
    /// Errors of the best minus those of the next.
    #[serde(flatten)]
    comparison: Comparison,
}

impl BestAndNext {
    /// Nothing where no two trials got equally far, or an earlier version did not write down which examples are wrong.
    pub(crate) fn of(ranking: &[&Record]) -> Option<Self> {
        let &[best, next, ..] = ranking else { return None };
        if best.rung != next.rung || best.validation_examples != next.validation_examples {
            return None;
        }
        let rights = |record: &Record| -> Option<Vec<Vec<bool>>> {
            record.score()?;
            record.seeds.iter().map(|seed| seed.right(record.validation_examples)).collect()
        };
        let (of_best, of_next) = (rights(best)?, rights(next)?);
        let pairs = of_best.iter().zip(&of_next);
        let seeds: Vec<Outcomes<'_>> = pairs.map(|(best, next)| Outcomes { alone: next, distilled: best }).collect();
        let mut comparison = compare(&seeds, BOOTSTRAP_SEED).ok()?;
        comparison.method = comparison.method.replace("test examples", "validation examples");
        Some(Self { next: next.trial, settings: next.settings.clone(), comparison })
    }

    /// A line for people; `next` is what the next trial is called.
    pub(crate) fn text(&self, next: impl Fn(&[String]) -> String) -> String {
        let Comparison { difference, interval: [low, high], p_value, verdict, .. } = &self.comparison;
        let says = match verdict {
            Verdict::NotDistinguishable => "validation cannot tell the two apart",
            _ => "chosen after the fact, so it is the luckiest of all in part",
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

#[cfg(test)]
mod tests {
    use super::super::record::SeedResult;
    use super::*;

    /// A trial on 100 examples whose seeds get these wrong.
    /// A trial of one seed.
    fn one(trial: usize, wrong: std::ops::Range<usize>) -> Record {
        record(trial, std::slice::from_ref(&wrong))
    }

    fn record(trial: usize, wrong: &[std::ops::Range<usize>]) -> Record {
        let seeds = (1..).zip(wrong).map(|(seed, wrong)| SeedResult {
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
}
