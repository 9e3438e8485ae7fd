use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use distill_train::{CheckpointContext, Role};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::dir::{self, Kind, RunDir};
use super::fingerprints::Fingerprints;
use super::identity::{self, Identity, check_context};
use distill_recipe::Code;
use distill_recipe::Diagnostic;

/// The first file of a run directory and the last that is written: what the run is and how it stands.
pub const FILE: &str = "run.toml";

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// A process works on it, or was killed while it did: [`RunStatus::read`] tells the two apart.
    Running,
    /// All models are trained and compared.
    Completed,
    /// A signal or a crash ended it; it can go on.
    Interrupted,
    /// An error ended it; when that is mended it can go on.
    Failed,
}

impl Status {
    /// As the file has it, such as `completed`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
        }
    }
}

/// `run.toml`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunStatus {
    /// Of the format; 1.
    pub version: u32,
    /// Whether it runs, and else how it ended.
    pub status: Status,
    /// The exit code, once it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<u8>,
    /// The error it ended with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// As it was typed.
    pub command: String,
    /// Which models it trains, for every seed.
    pub models: Vec<String>,
    /// Name and version of what began it.
    pub program: String,
    /// Its name, as the system has it.
    pub processor: String,
    /// Threads that it may use, which change no result.
    pub threads: usize,
    /// Of [`RunStatus::depends_on`], in hexadecimal.
    pub recipe_sha256: String,
    /// Of all sets together, in hexadecimal.
    pub data_sha256: String,
    /// The part of it that no model learns from, which may be corrected in a run that goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_sha256: Option<String>,
    /// The test set that the models are measured on, where it is another one by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured_on: Option<String>,
    /// That of a teacher from a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub teacher_sha256: Option<String>,
    /// That of the weights that its students began with, where they were not random.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub student_sha256: Option<String>,
    /// When it was begun, RFC 3339 in UTC.
    pub started: String,
    /// When it ended, however it did; `None` while it runs and after a crash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// Its time, also that before it was resumed, but for processes that were killed.
    pub seconds: f64,
    /// What of it was before this process.
    #[serde(skip)]
    seconds_before: f64,
    /// How often it was resumed.
    pub resumed: u32,
    /// Which random numbers its students draw: 1 in runs from before students had their own.
    #[serde(default = "of_the_teacher")]
    pub streams: u32,
    /// The settings that its models depend on, as TOML.
    pub depends_on: String,
}

/// Students draw other random numbers than teachers of the same seed, see [`Role::draws_from`].
const STREAMS: u32 = 2;

fn of_the_teacher() -> u32 {
    1
}

impl RunStatus {
    pub(crate) fn new(roles: &[Role], identity: &Identity, teacher_sha256: Option<String>) -> Self {
        let command = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ");
        Self {
            version: 1,
            status: Status::Running,
            exit: None,
            error: None,
            command,
            models: roles.iter().map(|role| role.name().to_owned()).collect(),
            program: concat!("distill ", env!("CARGO_PKG_VERSION")).to_owned(),
            processor: processor(),
            threads: rayon::current_num_threads(),
            recipe_sha256: identity.recipe_sha256.clone(),
            data_sha256: identity.data_sha256.clone(),
            test_sha256: None,
            measured_on: None,
            teacher_sha256,
            student_sha256: identity.student_sha256.clone(),
            started: now(),
            ended: None,
            seconds: 0.0,
            seconds_before: 0.0,
            resumed: 0,
            streams: STREAMS,
            depends_on: identity.recipe.clone(),
        }
    }

    /// Reads the status of a run. One that says it is running, but that no process writes, was
    /// interrupted without a word.
    ///
    /// # Errors
    /// [`Code::RunFile`] if `run.toml` is missing or damaged.
    pub fn read(run: &Path) -> Result<Self, Diagnostic> {
        Self::read_of(Kind::Run, run)
    }

    /// As [`RunStatus::read`], for either kind.
    ///
    /// # Errors
    /// As [`RunStatus::read`].
    pub fn read_of(kind: Kind, run: &Path) -> Result<Self, Diagnostic> {
        let mut status: Self = read_status(kind, run)?;
        if status.status == Status::Running && !dir::is_locked(run) {
            status.status = Status::Interrupted;
        }
        Ok(status)
    }

    pub(crate) fn roles(&self) -> Vec<Role> {
        Role::ALL.into_iter().filter(|role| self.models.iter().any(|name| name == role.name())).collect()
    }

    pub(crate) fn write(&self, dir: &RunDir) -> Result<(), Diagnostic> {
        let text = toml::to_string(self)
            .map_err(|error| Diagnostic::io("cannot write the status of the run as TOML", None, error))?;
        dir.write(FILE, text.as_bytes()).map(|_| ())
    }

    /// A run goes on only with what it began with, also where no checkpoint says so.
    pub(crate) fn check_unchanged(&self, what: &str, now: &Self, place: &Path) -> Result<(), Diagnostic> {
        // Teachers draw what they always drew.
        let streams = |status: &Self| match status.roles().iter().any(|role| role.is_student()) {
            true => status.streams,
            false => STREAMS,
        };
        let context = |status: &Self| -> CheckpointContext {
            let pairs = [
                (identity::STREAMS, streams(status).to_string()),
                ("recipe", status.depends_on.clone()),
                ("data_sha256", status.data_sha256.clone()),
                ("teacher_sha256", status.teacher_sha256.clone().unwrap_or_default()),
                (identity::STUDENT, status.student_sha256.clone().unwrap_or_default()),
            ];
            pairs.map(|(name, value)| (name.to_owned(), value)).into()
        };
        check_context(what, &context(self), &context(now), place)
    }

    /// Whether nothing but the test set differs from the data that the run was begun with.
    pub(crate) fn has_other_test(&self, sets: &Fingerprints) -> bool {
        self.test_sha256
            .as_ref()
            .is_some_and(|test| *test != sets.test.sha256() && sets.sha256_with_test(test.clone()) == self.data_sha256)
    }

    /// Writes down the test set; `true` if the models were measured on another one.
    pub(crate) fn measure_on(&mut self, test_sha256: &str) -> bool {
        let before = self.measured_on.as_ref().or(self.test_sha256.as_ref());
        let differs = before.is_some_and(|before| before != test_sha256);
        if differs {
            self.measured_on = Some(test_sha256.to_owned());
        }
        differs
    }

    /// The run has ended.
    pub(crate) fn end(&mut self, status: Status, exit: u8, error: Option<String>, since: Instant) {
        (self.status, self.exit, self.error) = (status, Some(exit), error);
        self.ended = Some(now());
        self.seconds = self.seconds_before + since.elapsed().as_secs_f64();
    }

    /// The run goes on.
    pub(crate) fn resume(&mut self) {
        (self.status, self.exit, self.error, self.ended) = (Status::Running, None, None, None);
        self.threads = rayon::current_num_threads();
        self.processor = processor();
        self.seconds_before = self.seconds;
        self.resumed += 1;
    }
}

/// Reads the status file of a directory.
pub(crate) fn read_status<T: DeserializeOwned>(kind: Kind, dir: &Path) -> Result<T, Diagnostic> {
    let path = dir.join(kind.status_file());
    let unreadable = |note: String| {
        Diagnostic::new(Code::RunFile, format!("the status of the {} cannot be read", kind.noun()))
            .at(path.display())
            .note(note)
            .help(format!("name another {}; this file was changed or damaged after it was written", kind.noun()))
    };
    let text = std::fs::read_to_string(&path).map_err(|error| unreadable(error.to_string()))?;
    toml::from_str(&text).map_err(|error: toml::de::Error| unreadable(error.message().to_owned()))
}

/// Seconds since 1970.
pub(super) fn unix_time() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64()
}

fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

/// The name of the processor where the system tells it, else its architecture.
pub fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}
