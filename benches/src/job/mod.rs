//! The main job, whole: the program `distill` beside a PyTorch script that trains the same three networks.

mod process;

use crate::Result;
use crate::contender::{Contender, Who};
use crate::files::Files;
use crate::peers::{self, Places};
use crate::request::Precision;
use crate::result::{Found, Outcome, PairResult, RowResult};
use crate::rows::Unit;
use crate::stats::{median, ratios};
use process::{Epochs, Job, Run, Way, import_alone};

/// What `--only` selects these rows by.
pub(crate) const NAME: &str = "job";
/// What the job is.
const RECIPE: &str = "recipes/mnist.toml";
/// The names of the rows.
pub(crate) const START: &str = "job-start";
pub(crate) const TIME: &str = "job-time";
pub(crate) const MEMORY: &str = "job-memory";
/// How many times as fast as PyTorch, and with what part of its memory, we want the job to be done.
pub(crate) const GOALS: (f64, f64) = (3.0, 3.0);

/// Measures time, memory and start of the job.
pub(crate) fn rows(
    places: &Places,
    files: &Files,
    found: &[Found],
    threads: usize,
    plan: Plan,
) -> Result<Vec<RowResult>> {
    let recipe = places.root.join(RECIPE);
    let epochs = if plan.quick { Epochs(1, 1) } else { Epochs::of(&recipe)? };
    let job = Job { places, files, threads, recipe, epochs };
    let missing = |who| found.iter().find(|found| found.who == who).and_then(|found| found.hello.clone().err());
    let build = peers::build_program(places).map_err(|error| error.to_string());
    let why_not = |way: Way| if way == Way::Ours { build.clone().err() } else { missing(way.who()) };

    let start = alternate(&[Way::Ours, Way::Eager], plan.starts, why_not, |way| job.first_step(way));
    // Which way of PyTorch is the faster one, a job of single epochs tells: the whole one takes minutes.
    let short = Job { epochs: Epochs(1, 1), recipe: job.recipe.clone(), ..job };
    let faster = faster(&alternate(&[Way::Eager, Way::Compiled], 1, why_not, |way| short.run(way)));
    let runs = alternate(&[Way::Ours, faster], plan.rounds, why_not, |way| job.run(way));
    let import = missing(Who::PyTorch).is_none().then(|| import_alone(places)).and_then(Result::ok);
    let title = format!("the recipe mnist.toml: {} and twice {} epochs", job.epochs.0, job.epochs.1);
    let seconds = |run: &Run| Some(run.seconds);
    let megabytes = |run: &Run| run.memory.map(|bytes| bytes as f64 / 1e6);
    let first = "from the start of the process to the end of its first step";
    let mut rows = vec![
        row(START, first, Unit::Seconds, threads, &start, |s| Some(*s)),
        row(TIME, &title, Unit::Seconds, threads, &runs, seconds),
        row(MEMORY, &format!("{title}, largest memory in use"), Unit::Megabytes, threads, &runs, megabytes),
    ];
    rows[1].pairs[0].goal = Some(GOALS.0);
    // The wheel with CUDA brings libraries that nothing here uses: what they cost is said, and no goal is judged by it.
    let wheel = wheel(found);
    rows[2].pairs[0].goal = (wheel == Some(CPU_WHEEL)).then_some(GOALS.1);
    for row in [0, 2] {
        let said = [rows[row].outcomes[1].note.take(), wheel.map(str::to_owned), import.clone()];
        rows[row].outcomes[1].note = Some(said.into_iter().flatten().collect::<Vec<_>>().join("; "));
    }
    Ok(rows)
}

/// How often the job is done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Starts, up to the first step.
    pub(crate) starts: usize,
    /// Whole jobs.
    pub(crate) rounds: usize,
    /// With single epochs.
    pub(crate) quick: bool,
}

/// How the build of PyTorch for processors alone is called.
const CPU_WHEEL: &str = "CPU wheel";

/// Which build of PyTorch was found.
fn wheel(found: &[Found]) -> Option<&str> {
    let hello = found.iter().find(|found| found.who == Who::PyTorch)?.hello.as_ref().ok()?;
    hello.features.iter().map(String::as_str).find(|feature| feature.ends_with("wheel"))
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

/// The way with the smaller median time; the first if none gave any.
fn faster(tried: &[Tried<Run>]) -> Way {
    let time = |(_, runs): &&Tried<Run>| {
        let seconds: Vec<f64> = runs.iter().flatten().map(|run| run.seconds).collect();
        median(&seconds).unwrap_or(f64::INFINITY)
    };
    tried.iter().min_by(|a, b| time(a).total_cmp(&time(b))).map_or(Way::Eager, |(way, _)| *way)
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
    use crate::request::Hello;

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
        let of = |eager, compiled| faster(&[(Way::Eager, eager), (Way::Compiled, compiled)]);
        assert_eq!(of(Ok(vec![run(5.0)]), Ok(vec![run(4.0)])), Way::Compiled);
        assert_eq!(of(Ok(vec![run(5.0)]), Err("failed".into())), Way::Eager);
        assert_eq!(of(Err("failed".into()), Err("failed".into())), Way::Eager);
    }

    #[test]
    fn the_epochs_are_those_of_the_recipe() {
        let recipe = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(RECIPE);
        assert_eq!(Epochs::of(&recipe).unwrap(), Epochs(16, 9));
    }

    #[test]
    fn the_wheel_is_told_from_what_pytorch_says() {
        let hello = |features: &[&str]| Hello {
            name: "PyTorch".into(),
            version: "2".into(),
            threads: 1,
            features: features.iter().map(|&feature| feature.to_owned()).collect(),
        };
        let found = |features: &[&str]| [Found { who: Who::PyTorch, hello: Ok(hello(features)) }];
        assert_eq!(wheel(&found(&["avx2", "CUDA wheel", "mkl"])), Some("CUDA wheel"));
        assert_eq!(wheel(&found(&[CPU_WHEEL])), Some(CPU_WHEEL));
        assert_eq!(wheel(&[]), None);
    }

    #[test]
    fn a_note_says_the_way_and_what_came_out() {
        assert_eq!(note(Way::Eager, Some(&run(1.0))).as_deref(), Some("eager; test errors 103, 148"));
        assert_eq!(note(Way::Ours, Some(&1.0)), None);
    }
}
