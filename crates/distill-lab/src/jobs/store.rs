use std::path::PathBuf;

use distill_models::{Network, Provenance, to_safetensors};
use distill_train::{Disk, SoftTargetFile, Storage as _, TrainError};
use serde::{Deserialize, Serialize};

use crate::facts::Facts;
use crate::folder::RunDir;
use distill_recipe::Code;
use distill_recipe::Diagnostic;
use distill_recipe::model_file::{self, sha256};
use distill_recipe::target_file;

/// A file with facts of a model is short.
const MAX_FACTS: u64 = 1 << 20;

/// How long the answers of a teacher, or its specialists or one of them, took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TargetFacts {
    /// Time on so many threads.
    pub seconds: f64,
    /// The threads.
    pub threads: usize,
}

/// Models and soft targets of a study by the hash of all that they depend on, each made once.
pub struct Store<'a> {
    dir: &'a RunDir,
}

impl<'a> Store<'a> {
    /// Keeps them in the folders `models`, `targets` and `systems` of the directory of a study.
    pub fn new(dir: &'a RunDir) -> Self {
        Self { dir }
    }

    fn path(&self, folder: &str, key: &str, file: &str) -> PathBuf {
        self.dir.path().join(folder).join(format!("{key:.24}")).join(file)
    }

    fn write(&self, path: &std::path::Path, bytes: &[u8]) -> Result<(), Diagnostic> {
        let name = path.strip_prefix(self.dir.path()).unwrap_or(path);
        self.dir.write(&name.to_string_lossy(), bytes).map(|_| ())
    }

    /// Where the checkpoints of a model are while it is trained.
    pub(crate) fn checkpoints(&self, key: &str) -> PathBuf {
        self.path("models", key, "checkpoints")
    }

    /// Where the weights of a model are.
    pub(crate) fn weights(&self, key: &str) -> PathBuf {
        self.path("models", key, "model.safetensors")
    }

    /// Where a generalist and its specialists are.
    pub(crate) fn system(&self, key: &str) -> PathBuf {
        self.path("systems", key, "")
    }

    /// How long the specialists took. It is written last: where it is, the system is whole.
    pub(crate) fn system_facts(&self, key: &str) -> Option<TargetFacts> {
        read_facts(&self.path("systems", key, "facts.json"))
    }

    pub(crate) fn keep_system_facts(&self, key: &str, facts: TargetFacts) -> Result<(), Diagnostic> {
        self.write_facts(&self.path("systems", key, "facts.json"), facts)
    }

    /// How long one of the specialists took. It lies beside the weights, whose bytes are the same whenever they are trained.
    pub(crate) fn specialist_facts(&self, key: &str, number: usize) -> Option<TargetFacts> {
        read_facts(&self.path("systems", key, &specialist_file(number)))
    }

    pub(crate) fn keep_specialist_facts(&self, key: &str, number: usize, facts: TargetFacts) -> Result<(), Diagnostic> {
        self.write_facts(&self.path("systems", key, &specialist_file(number)), facts)
    }

    fn write_facts(&self, path: &std::path::Path, facts: TargetFacts) -> Result<(), Diagnostic> {
        let json = serde_json::to_string(&facts)
            .map_err(|error| Diagnostic::io("cannot write facts of a study as JSON", None, error))?;
        self.write(path, format!("{json}\n").as_bytes())
    }

    /// What is known of a model that was trained before.
    ///
    /// # Errors
    /// If the file is there and cannot be read.
    pub(crate) fn facts(&self, key: &str) -> Result<Option<Facts>, Diagnostic> {
        let path = self.path("models", key, "model.json");
        let unreadable = |note: String| {
            Diagnostic::new(Code::RunFile, "the facts of a model cannot be read")
                .at(path.display())
                .note(note)
                .help("remove the folder it is in, then the model is trained again")
        };
        let bytes = match Disk.read(&path, MAX_FACTS) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error.to_string())),
        };
        let facts: Facts = serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
        if facts.key != key {
            return Err(unreadable("it is of another model".to_owned()));
        }
        Ok(Some(facts))
    }

    /// Writes a model down, its facts last, and drops its checkpoints.
    pub(crate) fn keep(&self, model: &Network, provenance: &Provenance, facts: &mut Facts) -> Result<(), Diagnostic> {
        let bytes = to_safetensors(model, provenance).map_err(|error| Diagnostic::from(TrainError::from(error)))?;
        facts.weights_sha256 = sha256(&bytes);
        self.write(&self.weights(&facts.key), &bytes)?;
        let json = serde_json::to_string_pretty(facts)
            .map_err(|error| Diagnostic::io("cannot write the facts of a model as JSON", None, error))?;
        self.write(&self.path("models", &facts.key, "model.json"), format!("{json}\n").as_bytes())?;
        self.drop_checkpoints(&facts.key);
        Ok(())
    }

    /// Those of a model that is kept are of no use any more, and nothing is lost where they stay.
    pub(crate) fn drop_checkpoints(&self, key: &str) {
        let _ = std::fs::remove_dir_all(self.checkpoints(key));
    }

    /// The weights of a model that was kept.
    ///
    /// # Errors
    /// If they are not those that were written.
    pub(crate) fn model(&self, facts: &Facts) -> Result<Network, Diagnostic> {
        let path = self.weights(&facts.key);
        let again = "remove the folder it is in, then the model is trained again";
        let loaded = model_file::load(&path).map_err(|diagnostic| diagnostic.better_help(again))?;
        if loaded.sha256 != facts.weights_sha256 {
            return Err(Diagnostic::new(Code::RunFile, "the weights of a model are not those that were recorded")
                .at(path.display())
                .note(format!("SHA-256 is {}, was {}", loaded.sha256, facts.weights_sha256))
                .help(again));
        }
        Ok(loaded.model)
    }

    /// Soft targets that were computed before. What cannot be used is computed again.
    pub(crate) fn targets(&self, key: &str) -> Option<(SoftTargetFile, TargetFacts)> {
        let facts = self.target_facts(key)?;
        let file = target_file::load(&self.path("targets", key, "targets.soft.safetensors")).ok()?;
        Some((file, facts))
    }

    /// How long soft targets took, where they were computed.
    pub(crate) fn target_facts(&self, key: &str) -> Option<TargetFacts> {
        read_facts(&self.path("targets", key, "targets.json"))
    }

    pub(crate) fn keep_targets(&self, key: &str, file: &SoftTargetFile, facts: TargetFacts) -> Result<(), Diagnostic> {
        let bytes = file.to_bytes().map_err(Diagnostic::from)?;
        self.write(&self.path("targets", key, "targets.soft.safetensors"), &bytes)?;
        self.keep_target_facts(key, facts)
    }

    pub(crate) fn keep_target_facts(&self, key: &str, facts: TargetFacts) -> Result<(), Diagnostic> {
        self.write_facts(&self.path("targets", key, "targets.json"), facts)
    }
}

fn specialist_file(number: usize) -> String {
    format!("specialist-{number:03}.json")
}

fn read_facts(path: &std::path::Path) -> Option<TargetFacts> {
    serde_json::from_slice(&Disk.read(path, MAX_FACTS).ok()?).ok()
}
