//! The main job, whole: the program `distill` beside a PyTorch script that trains the same three networks.

use std::env;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Result;
use crate::contender::{Contender, Who};
use crate::files::Files;
use crate::machine::{field, kibibytes};
use crate::peers::{self, Places};
use crate::request::Precision;
use crate::result::{Found, Outcome, PairResult, RowResult};
use crate::rows::Unit;
use crate::stats::{Spread, ratios};

/// What `--only` selects these rows by.
pub(crate) const NAME: &str = "job";
/// Whole jobs of each contender, at most: they take minutes.
const ROUNDS_MAX: usize = 3;
/// Between two looks at a process.
const LOOK: Duration = Duration::from_millis(20);

/// Epochs of the teacher and of the students.
#[derive(Debug, Clone, Copy)]
struct Epochs(u32, u32);

/// One way to do the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Ours,
    Eager,
    Compiled,
}

impl Way {
    fn who(self) -> Who {
        if self == Self::Ours { Who::Ours } else { Who::PyTorch }
    }

    fn note(self) -> Option<&'static str> {
        match self {
            Self::Ours => None,
            Self::Eager => Some("eager"),
            Self::Compiled => Some("torch.compile"),
        }
    }
}

/// What a whole job took.
#[derive(Debug, Clone, PartialEq)]
struct Run {
    seconds: f64,
    /// Largest memory in use, in bytes, where the system tells.
    memory: Option<u64>,
    /// Errors of teacher, student alone and student distilled on the test set.
    errors: Vec<u64>,
}

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
    let runs = alternate(&ways, rounds.min(ROUNDS_MAX), why_not, |way| job.run(way));
    let runs = faster_of_peers(runs);
    let title = format!("the recipe mnist.toml: {} and twice {} epochs", job.epochs.0, job.epochs.1);
    let seconds = |run: &Run| Some(run.seconds);
    let megabytes = |run: &Run| run.memory.map(|bytes| bytes as f64 / 1e6);
    vec![
        job.row(
            "job-start",
            "from the start of the process to the end of its first step",
            Unit::Seconds,
            &start,
            |s| Some(*s),
        ),
        job.row("job-time", &title, Unit::Seconds, &runs, seconds),
        job.row("job-memory", &format!("{title}, largest memory in use"), Unit::Megabytes, &runs, megabytes),
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

struct Job<'a> {
    places: &'a Places,
    files: &'a Files,
    threads: usize,
    epochs: Epochs,
}

impl Job<'_> {
    fn command(&self, way: Way) -> Command {
        let Epochs(teacher, student) = self.epochs;
        let threads = self.threads.to_string();
        if way == Way::Ours {
            let mut command = Command::new(self.places.program());
            command.arg("run").arg(self.places.root.join("recipes/mnist.toml"));
            command.args([format!("teacher.train.epochs={teacher}"), format!("train.epochs={student}")]);
            command.arg("--runs-dir").arg(self.runs_dir()).args(["--threads", &threads, "--json"]);
            return command;
        }
        let mut command = Command::new(&self.places.python);
        command.arg(self.places.peer("pytorch").join("job.py")).arg("--data").arg(self.files.folder());
        command.args(["--threads", &threads, "--teacher-epochs", &teacher.to_string()]);
        command.args(["--student-epochs", &student.to_string()]);
        if way == Way::Compiled {
            command.arg("--compile");
        }
        command
    }

    fn runs_dir(&self) -> PathBuf {
        self.places.own.join("runs")
    }

    /// The whole job.
    fn run(&self, way: Way) -> Result<Run> {
        let log = self.places.own.join(format!("job-{}.log", way.who()));
        let mut command = self.command(way);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&log)?);
        let start = Instant::now();
        let mut child = command.spawn()?;
        let mut output = child.stdout.take().ok_or("the job has no output")?;
        let reader = thread::spawn(move || {
            let mut text = String::new();
            output.read_to_string(&mut text).map(|_| text)
        });
        let mut memory = None;
        let status = loop {
            memory = peak_memory(&child).or(memory);
            if let Some(status) = child.try_wait()? {
                break status;
            }
            thread::sleep(LOOK);
        };
        let seconds = start.elapsed().as_secs_f64();
        let text = reader.join().map_err(|_| "the output of the job was lost")??;
        let _ = fs::remove_dir_all(self.runs_dir());
        if !status.success() {
            return Err(format!("the job failed ({status}, more in {})", log.display()).into());
        }
        Ok(Run { seconds, memory, errors: test_errors(&text) })
    }

    /// Seconds until the first step of the teacher is done.
    fn first_step(&self, way: Way) -> Result<f64> {
        let mut command = self.command(way);
        // Ours logs its steps if it is asked to; the script says it itself, and ends.
        let (marker, has_log) = if way == Way::Ours { (r#""name":"step""#, true) } else { ("first_step", false) };
        command.args(if has_log { ["-vv", "--log-format=json"].as_slice() } else { ["--first-step"].as_slice() });
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let start = Instant::now();
        let (mut child, pipe): (Child, Box<dyn Read>) = if has_log {
            let mut child = command.stderr(Stdio::piped()).spawn()?;
            let pipe = child.stderr.take().ok_or("the job has no log")?;
            (child, Box::new(pipe))
        } else {
            let mut child = command.stdout(Stdio::piped()).spawn()?;
            let pipe = child.stdout.take().ok_or("the job has no output")?;
            (child, Box::new(pipe))
        };
        let found = BufReader::new(pipe).lines().any(|line| line.is_ok_and(|line| line.contains(marker)));
        let seconds = start.elapsed().as_secs_f64();
        let _ = child.kill();
        let _ = child.wait();
        let _ = fs::remove_dir_all(self.runs_dir());
        if found { Ok(seconds) } else { Err("it ended before its first step".into()) }
    }

    fn row<T: Noted>(
        &self,
        name: &str,
        title: &str,
        unit: Unit,
        tried: &[Tried<T>],
        value: impl Fn(&T) -> Option<f64>,
    ) -> RowResult {
        let outcome = |(way, runs): &Tried<T>| Outcome {
            contender: Contender { who: way.who(), threads: self.threads, precision: Precision::F32 },
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

/// The high-water mark of a process that runs, in bytes.
fn peak_memory(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(Path::new("/proc").join(child.id().to_string()).join("status")).ok()?;
    kibibytes(field(&status, "VmHWM")?)
}

/// The errors that the models of a job made on the test set, in the order of training.
fn test_errors(lines: &str) -> Vec<u64> {
    let event = |line: &str| serde_json::from_str::<Value>(line).ok();
    let ends = lines.lines().filter_map(event).filter(|event| event["event"] == "model_end");
    ends.filter_map(|event| event["test_errors"].as_u64()).collect()
}

impl Places {
    /// The program `distill`, once it is built.
    fn program(&self) -> PathBuf {
        self.target.join("release").join(format!("distill{}", env::consts::EXE_SUFFIX))
    }
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
    fn errors_are_read_from_the_events() {
        let lines =
            "{\"event\":\"epoch_end\",\"test_errors\":9}\nnoise\n{\"event\":\"model_end\",\"test_errors\":103}\n";
        assert_eq!(test_errors(lines), [103]);
        assert_eq!(note(Way::Eager, Some(&run(1.0))).as_deref(), Some("eager; test errors 103, 148"));
        assert_eq!(note(Way::Ours, Some(&1.0)), None);
    }
}
