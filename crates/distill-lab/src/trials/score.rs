use std::cmp::Ordering;

use distill_train::mean_and_sd;
use serde::{Deserialize, Serialize};

use super::record::{Record, SeedResult};

/// What makes a trial better than another, on the validation set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// Fewer errors, then the smaller negative log-likelihood.
    Errors,
    /// The smaller negative log-likelihood, then fewer errors.
    Nll,
}

/// How a trial does on the validation set, mean over its seeds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// Validation examples that are wrong.
    pub errors: f64,
    /// Standard deviation, from two seeds on.
    pub errors_sd: Option<f64>,
    /// Negative log-likelihood, in nats, or what stands in its place.
    pub nll: f64,
    /// Of numbers the part of the variance that is explained, and its standard deviation.
    pub r2: Option<(f64, Option<f64>)>,
}

impl Score {
    /// Nothing for no seeds.
    pub(crate) fn of(seeds: &[SeedResult]) -> Option<Self> {
        let errors: Vec<f64> = seeds.iter().map(|seed| seed.errors as f64).collect();
        let nll: Vec<f64> = seeds.iter().map(|seed| seed.nll).collect();
        let ((errors, errors_sd), (nll, _)) = (mean_and_sd(&errors)?, mean_and_sd(&nll)?);
        let r2: Vec<f64> = seeds.iter().filter_map(|seed| seed.r2).collect();
        Some(Self { errors, errors_sd, nll, r2: mean_and_sd(&r2) })
    }

    fn cmp(&self, other: &Self, metric: Metric) -> Ordering {
        let (errors, nll) = (self.errors.total_cmp(&other.errors), self.nll.total_cmp(&other.nll));
        match metric {
            Metric::Errors => errors.then(nll),
            Metric::Nll => nll.then(errors),
        }
    }
}

/// The trials from best to worst, each by the last rung that it reached. What got further is better,
/// what failed comes last, and of two alike the first.
pub fn ranking(records: &[Record], metric: Metric) -> Vec<&Record> {
    let mut last: Vec<&Record> = records
        .iter()
        .filter(|record| !records.iter().any(|other| other.trial == record.trial && other.rung > record.rung))
        .collect();
    last.sort_by(|a, b| {
        let order = match (a.score(), b.score()) {
            (Some(x), Some(y)) => b.rung.cmp(&a.rung).then(x.cmp(&y, metric)),
            (x, y) => y.is_some().cmp(&x.is_some()),
        };
        order.then(a.trial.cmp(&b.trial))
    });
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(trial: usize, rung: usize, results: &[(usize, f64)]) -> Record {
        let seeds = (1..)
            .zip(results)
            .map(|(seed, &(errors, nll))| SeedResult { seed, errors, nll, wrong: None, r2: None })
            .collect();
        let error = results.is_empty().then(|| "E0601: the loss became NaN".to_owned());
        let settings = vec![format!("kd.temperature={trial}")];
        Record { trial, rung, epochs: 3, settings, seeds, validation_examples: 20, seconds: 0.5, error }
    }

    fn order(records: &[Record], metric: Metric) -> Vec<usize> {
        ranking(records, metric).iter().map(|record| record.trial).collect()
    }

    #[test]
    fn the_metric_decides_then_the_other_then_the_number() {
        let records = [
            record(1, 1, &[(5, 0.1)]),
            record(2, 1, &[(3, 0.9), (4, 0.7)]),
            record(3, 1, &[]),
            record(4, 1, &[(5, 0.05)]),
            record(5, 1, &[(5, 0.1)]),
        ];
        assert_eq!(order(&records, Metric::Errors), [2, 4, 1, 5, 3]);
        assert_eq!(order(&records, Metric::Nll), [4, 1, 5, 2, 3]);
        let score = records[1].score().unwrap();
        assert_eq!((score.errors, score.errors_sd, score.nll), (3.5, Some(0.5_f64.sqrt()), 0.8));
    }

    #[test]
    fn who_got_further_is_better_and_who_failed_there_is_not() {
        let records = [
            record(1, 1, &[(2, 0.1)]),
            record(2, 1, &[(1, 0.1)]),
            record(3, 1, &[(9, 0.1)]),
            record(2, 2, &[(8, 0.1)]),
            record(1, 2, &[]),
        ];
        assert_eq!(order(&records, Metric::Errors), [2, 3, 1]);
    }
}
