use std::path::Path;

use serde::{Deserialize, Serialize};

use super::score::Metric;
use crate::folder::{Kind, RunDir, RunStatus, read_status};
use distill_recipe::Code;
use distill_recipe::Diagnostic;

/// What was asked for. With the resolved recipe it is all that a sweep follows from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// The recipe and its settings as they were typed.
    pub recipe: String,
    /// Settings that all trials have, each `KEY=VALUE`.
    pub settings: Vec<String>,
    /// Every `--set`.
    pub sets: Vec<String>,
    /// How many trials are drawn; `None` for all combinations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub random: Option<usize>,
    /// Of the draws.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Each trial is trained once for each.
    pub seeds: Vec<u64>,
    /// One of so many trials goes on to the next rung; `None` where all get the same epochs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub halving: Option<u32>,
    /// What decides which trial is better.
    pub metric: Metric,
}

/// `sweep.toml`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SweepStatus {
    /// What is known of the process, as of a run.
    #[serde(flatten)]
    pub process: RunStatus,
    /// What was asked for.
    #[serde(flatten)]
    pub definition: Definition,
    /// How the trials tell answers of teachers apart, see `TARGETS_VERSION`; 0 before it was written down.
    #[serde(default)]
    pub targets: u32,
}

impl SweepStatus {
    /// The `sweep.toml` of a directory.
    ///
    /// # Errors
    /// [`Code::RunFile`] if it is missing or damaged.
    pub fn read(sweep: &Path) -> Result<Self, Diagnostic> {
        read_status(Kind::Sweep, sweep)
    }

    pub(crate) fn write(&self, dir: &RunDir) -> Result<(), Diagnostic> {
        let text = toml::to_string(self)
            .map_err(|error| Diagnostic::io("cannot write the status of the sweep as TOML", None, error))?;
        dir.write(Kind::Sweep.status_file(), text.as_bytes()).map(|_| ())
    }

    /// Makes sure that a sweep goes on with what it began with.
    pub(crate) fn check_unchanged(&self, now: &Self, sweep: &Path) -> Result<(), Diagnostic> {
        self.process.check_unchanged(
            "the sweep was started with a different recipe, data or teacher",
            &now.process,
            sweep,
        )?;
        let varies = |part: &str| self.definition.sets.iter().any(|set| set.trim_start().starts_with(part));
        if self.targets < now.targets && self.process.teacher_sha256.is_some() && (varies("teacher") || varies("kd")) {
            let what = "the sweep was begun by an earlier version, which mixed the answers of its trials' teachers up";
            return Err(Diagnostic::new(Code::RecipeChanged, what)
                .at(sweep.display())
                .note("it did not tell teachers from files apart that differ in their settings or the temperature")
                .help("start a new sweep; nothing is overwritten"));
        }
        if self.definition.seeds == now.definition.seeds {
            return Ok(());
        }
        Err(Diagnostic::new(Code::RecipeChanged, "the sweep was begun with other seeds")
            .at(sweep.display())
            .note(format!("they were {:?}, now {:?}", self.definition.seeds, now.definition.seeds))
            .help("restore them, or start a new sweep; nothing is overwritten"))
    }
}
