//! Rounds: every contender of a row in turn, again and again.

use std::thread;
use std::time::Duration;

use crate::Result;
use crate::contender::Contender;
use crate::process::Worker;
use crate::request::{Answer, Request};
use crate::result::{Outcome, PairResult, RowResult};
use crate::rows::Row;
use crate::stats::ratios;

/// How often and how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) seconds: f64,
    /// Before each measurement: threads of the one before may still wait for work, and burn time.
    pub(crate) pause: Duration,
}

/// Starts the worker of a contender.
pub(crate) type Start<'a> = dyn FnMut(&Contender) -> Result<Box<dyn Worker>> + 'a;

/// A contender, as long as it answers.
struct Runner {
    outcome: Outcome,
    worker: Option<Box<dyn Worker>>,
}

impl Runner {
    fn new(contender: Contender, start: &mut Start<'_>) -> Self {
        let outcome = Outcome::of(contender, vec![]);
        match start(&contender) {
            Ok(worker) => Self { outcome, worker: Some(worker) },
            Err(error) => Self { outcome: Outcome { missing: Some(error.to_string()), ..outcome }, worker: None },
        }
    }

    /// One measurement. Whoever fails once is out, and what it gave before is void.
    fn ask(&mut self, request: &Request) -> Option<Answer> {
        let Contender { threads, precision, .. } = self.outcome.contender;
        let answer = self.worker.as_mut()?.ask(&Request { threads, precision, ..request.clone() });
        answer
            .inspect_err(|error| {
                self.worker = None;
                self.outcome.values.clear();
                self.outcome.missing = Some(error.to_string());
            })
            .ok()
    }
}

/// Measures a row. The first answer of each worker comes after its warm-up and is not counted.
pub(crate) fn row(row: &Row, plan: Plan, start: &mut Start<'_>) -> RowResult {
    let request = Request { seconds: plan.seconds, ..row.request.clone() };
    let mut runners: Vec<Runner> = row.contenders.iter().map(|&contender| Runner::new(contender, start)).collect();
    for round in 0..=plan.rounds {
        for runner in runners.iter_mut().filter(|runner| runner.worker.is_some()) {
            thread::sleep(plan.pause);
            let Some(answer) = runner.ask(&request) else { continue };
            if round > 0 {
                runner.outcome.values.push(answer.value);
            }
            (runner.outcome.check, runner.outcome.note) = (answer.check, answer.note);
        }
    }
    let outcomes: Vec<Outcome> = runners.into_iter().map(|runner| runner.outcome).collect();
    let pair = |pair: &crate::rows::Pair| {
        let (ours, other) = (&outcomes[pair.ours], &outcomes[pair.other]);
        PairResult {
            ours: ours.contender,
            other: other.contender,
            goal: pair.goal,
            ratios: ratios(&ours.values, &other.values, row.unit().better()),
        }
    };
    let pairs = row.pairs.iter().map(pair).collect();
    RowResult {
        name: row.name.clone(),
        title: row.title.clone(),
        unit: row.unit(),
        request: Some(request),
        outcomes,
        pairs,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;
    use crate::contender::Who;
    use crate::rows;

    const PLAN: Plan = Plan { rounds: 2, seconds: 0.5, pause: Duration::ZERO };

    /// Answers with a number that grows, and writes down who was asked.
    struct Fake {
        who: Who,
        asked: Rc<RefCell<Vec<Who>>>,
        next: f64,
        fails_at: f64,
    }

    impl Worker for Fake {
        fn ask(&mut self, request: &Request) -> Result<Answer> {
            assert_eq!(request.seconds, 0.5);
            self.asked.borrow_mut().push(self.who);
            self.next += 1.0;
            if self.next == self.fails_at {
                return Err("out of memory".into());
            }
            Ok(Answer { value: self.next, check: Some(0.5), note: None })
        }
    }

    fn small() -> Row {
        rows::all(2).into_iter().find(|row| row.name == "small").unwrap()
    }

    #[test]
    fn contenders_alternate_and_the_first_answers_do_not_count() {
        let asked = Rc::new(RefCell::new(vec![]));
        let mut start = |contender: &Contender| -> Result<Box<dyn Worker>> {
            let who = contender.who;
            let next = if who == Who::Ours { 10.0 } else { 0.0 };
            Ok(Box::new(Fake { who, asked: asked.clone(), next, fails_at: -1.0 }))
        };
        let found = row(&small(), PLAN, &mut start);
        let turn = [Who::Ours, Who::PyTorch, Who::Burn, Who::Candle];
        assert_eq!(*asked.borrow(), turn.repeat(3));
        assert_eq!(found.outcomes[0].values, [12.0, 13.0]);
        assert_eq!(found.outcomes[1].values, [2.0, 3.0]);
        assert_eq!(found.pairs[0].ratios, [6.0, 13.0 / 3.0]);
        assert_eq!((found.pairs[0].goal, found.outcomes[0].check), (Some(5.0), Some(0.5)));
    }

    #[test]
    fn who_is_missing_or_fails_is_out_and_the_others_go_on() {
        let mut start = |contender: &Contender| -> Result<Box<dyn Worker>> {
            if contender.who == Who::Candle {
                return Err("not built".into());
            }
            let fails_at = if contender.who == Who::PyTorch { 3.0 } else { -1.0 };
            Ok(Box::new(Fake { who: contender.who, asked: Rc::default(), next: 0.0, fails_at }))
        };
        let found = row(&small(), PLAN, &mut start);
        let missing: Vec<_> = found.outcomes.iter().map(|outcome| outcome.missing.as_deref()).collect();
        assert_eq!(missing, [None, Some("out of memory"), None, Some("not built")]);
        assert!(found.outcomes[1].values.is_empty(), "the round before the failure is void");
        assert_eq!(found.outcomes[2].values, [2.0, 3.0]);
        let ratios: Vec<_> = found.pairs.iter().map(|pair| pair.ratios.len()).collect();
        assert_eq!(ratios, [0, 2, 0]);
    }
}
