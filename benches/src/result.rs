//! What was found, as it is kept in `result.json`.

use serde::{Deserialize, Serialize};

use crate::contender::{Contender, Who};
use crate::machine::Machine;
use crate::request::{Hello, Request, Work};
use crate::rows::Unit;
use crate::shares::Share;

/// How far the mean loss of a warm-up may be from ours: weights and order are drawn by another generator.
const LOSS_TOLERANCE: f64 = 0.3;
/// Answers on the test set that rounding may change.
const ERRORS_TOLERANCE: f64 = 5.0;

/// A whole run of the benchmark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bench {
    /// `2026-01-31`.
    pub(crate) date: String,
    /// The commit that was measured, with a word if there were changes to it.
    pub(crate) commit: String,
    /// What was typed.
    pub(crate) command: String,
    pub(crate) machine: Machine,
    pub(crate) rounds: usize,
    pub(crate) seconds: f64,
    pub(crate) found: Vec<Found>,
    pub(crate) rows: Vec<RowResult>,
    pub(crate) shares: Vec<Share>,
}

/// Whether a contender is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) who: Who,
    pub(crate) hello: Result<Hello, String>,
}

/// The measurements of a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RowResult {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) unit: Unit,
    /// What was asked of workers; a whole process is asked nothing.
    pub(crate) request: Option<Request>,
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) pairs: Vec<PairResult>,
}

/// The measurements of a contender, one for each round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) contender: Contender,
    pub(crate) values: Vec<f64>,
    pub(crate) check: Option<f64>,
    pub(crate) note: Option<String>,
    /// Why there are no measurements.
    pub(crate) missing: Option<String>,
}

impl Outcome {
    /// Measurements of which nothing else is to be said.
    pub(crate) fn of(contender: Contender, values: Vec<f64>) -> Self {
        Self { contender, values, check: None, note: None, missing: None }
    }
}

/// The ratios of two contenders, one for each round; above 1 the first is better.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PairResult {
    pub(crate) ours: Contender,
    pub(crate) other: Contender,
    pub(crate) goal: Option<f64>,
    pub(crate) ratios: Vec<f64>,
}

impl RowResult {
    /// Sentences about peers that seem to do something else than ours.
    pub(crate) fn doubts(&self) -> Vec<String> {
        let ours = self.outcomes.iter().find(|outcome| outcome.contender.who == Who::Ours);
        let (Some(expected), Some(request)) = (ours.and_then(|ours| ours.check), &self.request) else { return vec![] };
        let (what, tolerance) = match request.work {
            Work::Train => ("mean loss of the warm-up", LOSS_TOLERANCE * expected),
            _ => ("errors on the test set", ERRORS_TOLERANCE),
        };
        let doubt = |outcome: &Outcome| {
            let found = outcome.check.filter(|found| found.is_nan() || (found - expected).abs() > tolerance)?;
            Some(format!("{}: {what} {found:.4}, ours {expected:.4}", outcome.contender))
        };
        self.outcomes.iter().filter_map(doubt).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Precision;

    fn outcome(who: Who, check: f64) -> Outcome {
        let contender = Contender { who, threads: 2, precision: Precision::F32 };
        Outcome { contender, values: vec![1.0], check: Some(check), note: None, missing: None }
    }

    fn row(request: Request, checks: [f64; 2]) -> RowResult {
        RowResult {
            name: "x".into(),
            title: "x".into(),
            unit: Unit::ExamplesPerSecond,
            request: Some(request),
            outcomes: vec![outcome(Who::Ours, checks[0]), outcome(Who::Burn, checks[1])],
            pairs: vec![],
        }
    }

    #[test]
    fn a_peer_that_learns_something_else_is_doubted() {
        let train = || Request::train(&[784, 10], 128);
        assert!(row(train(), [1.0, 1.2]).doubts().is_empty());
        assert_eq!(
            row(train(), [1.0, 1.4]).doubts(),
            ["burn, 2 threads: mean loss of the warm-up 1.4000, ours 1.0000"]
        );
        assert_eq!(row(train(), [1.0, f64::NAN]).doubts().len(), 1);
        let answers = || Request::other(Work::Latency, &[784, 10], 1);
        assert!(row(answers(), [200.0, 203.0]).doubts().is_empty());
        assert_eq!(row(answers(), [200.0, 900.0]).doubts().len(), 1);
    }
}
