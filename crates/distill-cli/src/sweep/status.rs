use std::path::Path;

use serde::{Deserialize, Serialize};

use super::score::Metric;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::run::{Kind, RunDir, RunStatus, read_status};

/// What was asked for. With the resolved recipe it is all that a sweep follows from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Definition {
    /// The recipe and its settings as they were typed.
    pub(crate) recipe: String,
    pub(crate) settings: Vec<String>,
    /// Every `--set`.
    pub(crate) sets: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) random: Option<usize>,
    /// Of the draws.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seed: Option<u64>,
    /// Each trial is trained once for each.
    pub(crate) seeds: Vec<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) halving: Option<u32>,
    pub(crate) metric: Metric,
}

/// `sweep.toml`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SweepStatus {
    #[serde(flatten)]
    pub(crate) process: RunStatus,
    #[serde(flatten)]
    pub(crate) definition: Definition,
    /// Of a teacher that is a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) teacher_sha256: Option<String>,
}

impl SweepStatus {
    pub(crate) fn read(sweep: &Path) -> Result<Self, Diagnostic> {
        read_status(Kind::Sweep, sweep)
    }

    pub(crate) fn write(&self, dir: &RunDir) -> Result<(), Diagnostic> {
        let text = toml::to_string(self)
            .map_err(|error| Diagnostic::io("cannot write the status of the sweep as TOML", None, error))?;
        dir.write(Kind::Sweep.status_file(), text.as_bytes()).map(|_| ())
    }

    /// Makes sure that a sweep goes on with what it began with.
    pub(crate) fn check_unchanged(&self, now: &Self, sweep: &Path) -> Result<(), Diagnostic> {
        let (was, is) = (&self.process, &now.process);
        let changed = [
            (
                was.recipe_sha256 != is.recipe_sha256 || self.definition.seeds != now.definition.seeds,
                "the recipe has changed",
            ),
            (was.data_sha256 != is.data_sha256, "the data has changed"),
            (self.teacher_sha256 != now.teacher_sha256, "the teacher is another one"),
        ];
        if changed.iter().all(|(changed, _)| !changed) {
            return Ok(());
        }
        let diagnostic = Diagnostic::new(Code::RecipeChanged, "the sweep was begun with something else")
            .at(sweep.display())
            .help("put back what was changed, or start a new sweep: it never overwrites this one");
        Err(changed
            .iter()
            .filter(|(changed, _)| *changed)
            .fold(diagnostic, |diagnostic, (_, note)| diagnostic.note(*note)))
    }
}
