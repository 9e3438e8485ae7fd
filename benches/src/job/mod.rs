//! The main job, whole: the program `distill` beside a PyTorch script that trains the same three networks.

mod process;

use crate::Result;
use crate::contender::Contender;
use crate::files::Files;
use crate::peers::{self, Places};
use crate::request::Precision;
use crate::result::{Found, Outcome, PairResult, RowResult};
use crate::rows::Unit;
use crate::stats::{Spread, ratios};
use process::{Epochs, Job, Run, Way};

/// What `--only` selects these rows by.
pub(crate) const NAME: &str = "job";
/// Whole jobs of each contender, at most: they take minutes.
const ROUNDS_MAX: usize = 3;

/// Measures time, memory and start of the job.
pub(crate) fn rows(
    places: &Places,
    files: &Files,
    found: &[Found],
    threads: usize,
    plan: (usize, bool),
) -> Vec<RowResult> {
    let (rounds, quick) = plan;
    let job = Job { places, files, threads, epochs: if quick { Epochs(1, 1) } else { Epochs(10, 9) } };
    let missing = |who| found.iter().find(|found| found.who == who).and_then(|found| found.hello.clone().err());
    let build = peers::build_program(places).map_err(|error| error.to_string());
    let why_not = |way: Way| if way == Way::Ours { build.clone().err() } else { missing(way.who()) };

    let start = alternate(&[Way::Ours, Way::Eager], rounds, why_not, |way| job.first_step(way));
    let ways = [Way::Ours, Way::Eager, Way::Compiled];
    let runs = alternate(&ways, if quick { 1 } else { rounds.min(ROUNDS_MAX) }, why_not, |way| job.run(way));
    let runs = faster_of_peers(runs);
    let title = format!("the recipe mnist.toml: {} and twice {} epochs", job.epochs.0, job.epochs.1);
    let seconds = |run: &Run| Some(run.seconds);
    let megabytes = |run: &Run| run.memory.map(|bytes| bytes as f64 / 1e6);
    vec![
        row(
            "job-start",
            "from the start of the process to the end of its first step",
            Unit::Seconds,
            threads,
            &start,
            |s| Some(*s),
        ),
        row("job-time", &title, Unit::Seconds, threads, &runs, seconds),
        row("job-memory", &format!("{title}, largest memory in use"), Unit::Megabytes, threads, &runs, megabytes),
    ]
}

/// What a way gave in each round, or why it gave nothing.
type Tried<T> = (Way, Result<Vec<T>, String>);

/// Each way in turn, again and again.
fn alternate<T>(
    ways: &[Way],
    rounds: usize,
    why_not: impl Fn(Way) -> Option<String>,
    mut run: impl FnMut(Way) -> Result<T>,
) -> Vec<Tried<T>> {
    let mut tried: Vec<Tried<T>> = ways.iter().map(|&way| (way, why_not(way).map_or(Ok(vec![]), Err))).collect();
    for _ in 0..rounds {
        for (way, done) in &mut tried {
            let Ok(runs) = done else { continue };
            match run(*way) {
                Ok(found) => runs.push(found),
                Err(error) => *done = Err(error.to_string()),
            }
        }
    }
    tried
}

/// Ours, and of the two ways of PyTorch the one with the smaller median time.
fn faster_of_peers(mut tried: Vec<Tried<Run>>) -> Vec<Tried<Run>> {
    let median = |(_, runs): &Tried<Run>| {
        let seconds: Vec<f64> = runs.iter().flatten().map(|run| run.seconds).collect();
        Spread::of(&seconds).map_or(f64::INFINITY, |spread| spread.median)
    };
    tried[1..].sort_by(|a, b| median(a).total_cmp(&median(b)));
    tried.truncate(2);
    tried
}

/// What the ways gave of one quantity.
fn row<T: Noted>(
    name: &str,
    title: &str,
    unit: Unit,
    threads: usize,
    tried: &[Tried<T>],
    value: impl Fn(&T) -> Option<f64>,
) -> RowResult {
    let outcome = |(way, runs): &Tried<T>| Outcome {
        contender: Contender { who: way.who(), threads, precision: Precision::F32 },
        values: runs.iter().flatten().filter_map(&value).collect(),
        check: None,
        note: note(*way, runs.as_deref().unwrap_or_default().last()),
        missing: runs.as_ref().err().cloned(),
    };
    let outcomes: Vec<Outcome> = tried.iter().map(outcome).collect();
    let (ours, other) = (&outcomes[0], &outcomes[1]);
    let pair = PairResult {
        ours: ours.contender,
        other: other.contender,
        goal: None,
        ratios: ratios(&ours.values, &other.values, unit.better()),
    };
    RowResult { name: name.into(), title: title.into(), unit, request: None, outcomes, pairs: vec![pair] }
}

/// What there is to say of a run beside its numbers.
trait Noted {
    fn note(&self) -> Option<String>;
}

impl Noted for f64 {
    fn note(&self) -> Option<String> {
        None
    }
}

impl Noted for Run {
    fn note(&self) -> Option<String> {
        let errors: Vec<String> = self.errors.iter().map(u64::to_string).collect();
        (!errors.is_empty()).then(|| format!("test errors {}", errors.join(", ")))
    }
}

fn note<T: Noted>(way: Way, run: Option<&T>) -> Option<String> {
    let notes: Vec<String> = way.note().map(str::to_owned).into_iter().chain(run.and_then(T::note)).collect();
    (!notes.is_empty()).then(|| notes.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seconds: f64) -> Run {
        Run { seconds, memory: None, errors: vec![103, 148] }
    }

    #[test]
    fn ways_alternate_and_one_that_fails_is_out() {
        let mut order = Vec::new();
        let why_not = |way| (way == Way::Compiled).then(|| "no compiler".to_owned());
        let tried = alternate(&[Way::Ours, Way::Eager, Way::Compiled], 3, why_not, |way| {
            order.push(way);
            if way == Way::Eager && order.len() > 2 { Err("killed".into()) } else { Ok(order.len()) }
        });
        assert_eq!(order, [Way::Ours, Way::Eager, Way::Ours, Way::Eager, Way::Ours]);
        assert_eq!(tried[0].1, Ok(vec![1, 3, 5]));
        assert_eq!(tried[1].1, Err("killed".into()));
        assert_eq!(tried[2].1, Err("no compiler".into()));
    }

    #[test]
    fn the_faster_way_of_pytorch_counts() {
        let both = |eager, compiled| {
            let tried = vec![(Way::Ours, Ok(vec![run(9.0)])), (Way::Eager, eager), (Way::Compiled, compiled)];
            faster_of_peers(tried).into_iter().map(|(way, _)| way).collect::<Vec<_>>()
        };
        assert_eq!(both(Ok(vec![run(5.0)]), Ok(vec![run(4.0)])), [Way::Ours, Way::Compiled]);
        assert_eq!(both(Ok(vec![run(5.0)]), Err("failed".into())), [Way::Ours, Way::Eager]);
    }

    #[test]
    fn a_note_says_the_way_and_what_came_out() {
        assert_eq!(note(Way::Eager, Some(&run(1.0))).as_deref(), Some("eager; test errors 103, 148"));
        assert_eq!(note(Way::Ours, Some(&1.0)), None);
    }
}
