use std::fs;
use std::path::{Path, PathBuf};

use distill_models::Task;
use distill_train::Role;
use serde_json::{Map, Value, json};

use super::settings::{self, Settings};
use crate::folder::{Kind, RunResult, RunStatus};
use crate::verdict;
use distill_recipe::Diagnostic;

/// One run, as far as its files can be read.
#[derive(Debug)]
pub struct Entry {
    /// The directory.
    pub path: PathBuf,
    /// The last part of its path.
    pub name: String,
    /// `None` where a file is missing or damaged.
    pub status: Option<RunStatus>,
    /// All of the recipe by dotted keys, the values as TOML; empty where it cannot be read.
    pub settings: Settings,
    /// What it found so far; `None` before its first model is finished.
    pub result: Option<RunResult>,
    /// Of all its files.
    pub bytes: u64,
}

/// The runs of a folder, from the first to the last. A folder that is not there has none.
///
/// # Errors
/// [`Code::Io`](distill_recipe::Code::Io) if the folder cannot be read. A run that cannot be read is an entry without its
/// parts.
pub fn entries(runs_dir: &Path) -> Result<Vec<Entry>, Diagnostic> {
    let failed = |error| {
        Diagnostic::io("cannot read the folder of runs", Some(runs_dir), error).help("name another with `--runs-dir`")
    };
    let folder = match fs::read_dir(runs_dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
        other => other.map_err(failed)?,
    };
    let mut found = vec![];
    for item in folder {
        let path = item.map_err(failed)?.path();
        if path.join(Kind::Run.status_file()).is_file() {
            found.push(Entry::read(path));
        }
    }
    let started = |entry: &Entry| entry.status.as_ref().map(|status| status.started.clone());
    found.sort_by_key(|entry| (started(entry), entry.name.clone()));
    Ok(found)
}

impl Entry {
    /// Reads what can be read of a run.
    pub(crate) fn read(path: PathBuf) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Self {
            status: RunStatus::read(&path).ok(),
            settings: settings::read(&path).unwrap_or_default(),
            result: RunResult::read_partly(&path).ok().flatten(),
            bytes: size_of(&path),
            name,
            path,
        }
    }

    /// How it stands, such as `completed`; `unreadable` where no file says.
    pub fn status_name(&self) -> &'static str {
        self.status.as_ref().map_or("unreadable", |status| status.status.name())
    }

    /// The part of the test set that the models of a role get wrong, or of the variance that they leave unexplained, mean over the
    /// seeds, and the standard deviation.
    pub fn error_rate(&self, role: Role) -> Option<(f64, Option<f64>)> {
        self.result.as_ref()?.mean_loss(role)
    }

    /// Whether its models predict numbers.
    pub(crate) fn predicts_numbers(&self) -> bool {
        self.result.as_ref().is_some_and(|result| result.data.task == Task::Numbers)
    }

    /// What its comparison says of distillation.
    pub(crate) fn verdict(&self) -> Option<&'static str> {
        let comparison = self.result.as_ref()?.comparison.as_ref()?;
        Some(verdict::name(comparison.verdict))
    }

    /// All of it for programs. `keys` are the settings that differ between the runs that are shown.
    pub fn event(&self, keys: &[&str]) -> Value {
        let rates = Role::ALL.into_iter().filter_map(|role| {
            let (mean, sd) = self.error_rate(role)?;
            let seeds = self.result.iter().flat_map(|result| result.of(role)).count();
            Some((
                role.name().to_owned(),
                match self.predicts_numbers() {
                    true => json!({ "seeds": seeds, "r2": 1.0 - mean, "r2_sd": sd }),
                    false => json!({ "seeds": seeds, "error_rate": mean, "error_rate_sd": sd }),
                },
            ))
        });
        let differs: Map<String, Value> =
            keys.iter().map(|key| ((*key).to_owned(), json!(self.settings.get(*key)))).collect();
        let status = self.status.as_ref();
        json!({
            "run": self.path.display().to_string(),
            "status": self.status_name(),
            "started": status.map(|status| &status.started),
            "ended": status.and_then(|status| status.ended.as_ref()),
            "seconds": status.map(|status| status.seconds),
            "bytes": self.bytes,
            "differs": differs,
            "settings": self.settings,
            "models": rates.collect::<Map<_, _>>(),
            "comparison": self.result.as_ref().and_then(|result| result.comparison.as_ref()),
        })
    }
}

/// Bytes of all files below a folder. What cannot be read counts nothing.
pub fn size_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.file_type() {
        // A link is not followed: what it names is not of the run.
        Ok(kind) if kind.is_dir() => size_of(&entry.path()),
        _ => entry.metadata().map_or(0, |metadata| metadata.len()),
    };
    entries.map(size).sum()
}
