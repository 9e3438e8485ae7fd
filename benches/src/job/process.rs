//! The job as a process: how it is started, and what is seen of it.

use std::env;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Result;
use crate::contender::Who;
use crate::files::Files;
use crate::machine::{field, kibibytes};
use crate::peers::Places;

/// Between two looks at a process.
const LOOK: Duration = Duration::from_millis(20);

/// Epochs of the teacher and of the students.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Epochs(pub(super) u32, pub(super) u32);

impl Epochs {
    /// Those of a recipe.
    pub(super) fn of(recipe: &Path) -> Result<Self> {
        let shown = recipe.display();
        let text = fs::read_to_string(recipe).map_err(|error| format!("cannot read {shown}: {error}"))?;
        let table: toml::Table = text.parse().map_err(|error| format!("{shown} is no recipe: {error}"))?;
        let epochs = |train: Option<&toml::Value>| {
            let found = train.and_then(|train| train.get("epochs")).and_then(toml::Value::as_integer);
            found.and_then(|n| u32::try_from(n).ok()).ok_or_else(|| format!("{shown} does not say its epochs"))
        };
        Ok(Self(epochs(table.get("teacher").and_then(|teacher| teacher.get("train")))?, epochs(table.get("train"))?))
    }
}

/// One way to do the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Ours,
    Eager,
    Compiled,
}

impl Way {
    pub(super) fn who(self) -> Who {
        if self == Self::Ours { Who::Ours } else { Who::PyTorch }
    }

    pub(super) fn note(self) -> Option<&'static str> {
        match self {
            Self::Ours => None,
            Self::Eager => Some("eager"),
            Self::Compiled => Some("torch.compile"),
        }
    }
}

/// What a whole job took.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Run {
    pub(super) seconds: f64,
    /// Largest memory in use, in bytes, where the system tells.
    pub(super) memory: Option<u64>,
    /// Errors of teacher, student alone and student distilled on the test set.
    pub(super) errors: Vec<u64>,
}

/// The job with its settings.
pub(super) struct Job<'a> {
    pub(super) places: &'a Places,
    pub(super) files: &'a Files,
    pub(super) threads: usize,
    pub(super) recipe: PathBuf,
    pub(super) epochs: Epochs,
}

impl Job<'_> {
    fn command(&self, way: Way) -> Command {
        let Epochs(teacher, student) = self.epochs;
        let threads = self.threads.to_string();
        if way == Way::Ours {
            let mut command = Command::new(self.places.program());
            command.arg("run").arg(&self.recipe);
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
    pub(super) fn run(&self, way: Way) -> Result<Run> {
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
    pub(super) fn first_step(&self, way: Way) -> Result<f64> {
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
}

/// What `import torch` takes by itself, for people to subtract: `import torch alone takes 1.20 s and 300 MB`.
pub(super) fn import_alone(places: &Places) -> Result<String> {
    const PROGRAM: &str = "import torch, resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)";
    let start = Instant::now();
    let output = Command::new(&places.python).args(["-c", PROGRAM]).stdin(Stdio::null()).output()?;
    let seconds = start.elapsed().as_secs_f64();
    let kibibytes: f64 = String::from_utf8(output.stdout)?.trim().parse()?;
    Ok(format!("import torch alone takes {seconds:.2} s and {:.0} MB", kibibytes * 1024.0 / 1e6))
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

    #[test]
    fn errors_are_read_from_the_events() {
        let lines =
            "{\"event\":\"epoch_end\",\"test_errors\":9}\nnoise\n{\"event\":\"model_end\",\"test_errors\":103}\n";
        assert_eq!(test_errors(lines), [103]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_memory_of_a_process_that_runs_is_seen() {
        // Before its first words it may not have become another program.
        let mut command = Command::new("sh");
        let mut child =
            command.args(["-c", "echo; read line"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdout.take().unwrap().read_exact(&mut [0]).unwrap();
        let memory = peak_memory(&child);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(memory.is_some_and(|bytes| bytes > 100_000), "{memory:?}");
    }
}
