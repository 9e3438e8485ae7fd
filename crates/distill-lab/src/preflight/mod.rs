//! What can be known to go wrong before anything is trained.

mod augment;
mod data;
mod features;
mod groups;
mod machine;
mod models;
mod onnx;
mod precision;
mod settings;
mod teacher;

use std::path::Path;

use distill_train::{Experiment, Role};

use crate::event::Listener;
use crate::folder::Fingerprints;
use distill_recipe::Diagnostic;
use distill_recipe::RecipeFile;
use distill_recipe::teacher_file::PretrainedTeacher;

pub use data::is_far_from_standard;
pub use teacher::weak_teacher;

/// What a check found.
#[derive(Debug)]
pub enum Outcome {
    /// All is well, with the numbers that say so.
    Ok(String),
    /// It may go on, but probably not as it was meant.
    Warning(Warning),
    /// It must not go on.
    Failed(Diagnostic),
}

/// What may not be as it was meant.
#[derive(Debug)]
pub struct Warning {
    /// What is odd, in half a sentence.
    pub what: String,
    /// Why it matters.
    pub note: String,
    /// What to do about it.
    pub help: String,
}

/// One check and what it found.
#[derive(Debug)]
pub struct Check {
    /// What is checked, such as `teacher model`.
    pub name: &'static str,
    /// What came of it.
    pub outcome: Outcome,
}

impl Check {
    fn has_failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed(_))
    }
}

/// What the checks look at.
pub struct Preflight<'a> {
    /// The recipe as text, for the places of errors.
    pub file: &'a RecipeFile,
    /// The recipe with its data.
    pub experiment: &'a Experiment<'a>,
    /// Which models are to be trained.
    pub roles: &'a [Role],
    /// Where the run directory is made, or that of a run that goes on.
    pub runs_dir: &'a Path,
    /// Whether `runs_dir` is a run that goes on.
    pub resumes: bool,
    /// Shows how far a slow teacher is.
    pub listener: &'a dyn Listener,
}

/// What they found, and what was loaded on the way.
pub struct Found {
    /// In the order in which they were made.
    pub checks: Vec<Check>,
    /// Hashes of the data; `None` if it could not be read to its end.
    pub fingerprints: Option<Fingerprints>,
    /// Teachers from files, read and fitted; none where the recipe trains them.
    pub pretrained: Vec<PretrainedTeacher>,
}

impl Preflight<'_> {
    /// Makes all checks, also those after one that failed, where they can still be made.
    pub fn check_all(&self) -> Found {
        let _span = tracing::info_span!("preflight").entered();
        let mut found = Found { checks: vec![], fingerprints: None, pretrained: vec![] };
        self.data(&mut found);
        self.models(&mut found);
        self.precision(&mut found);
        self.teacher(&mut found);
        self.machine(&mut found);
        found
    }

    /// Only whether the models can be built and trained here: no pass over the data.
    pub(crate) fn check_models(&self) -> Result<Found, Diagnostic> {
        let mut found = Found { checks: vec![], fingerprints: None, pretrained: vec![] };
        self.models(&mut found);
        self.precision(&mut found);
        found.passed()
    }

    fn trains_student(&self) -> bool {
        self.roles.contains(&Role::Student)
    }

    /// Whether a model of that role is trained, and does not come from a file. Both students have one table.
    fn is_trained(&self, role: Role) -> bool {
        match role {
            Role::Teacher | Role::Member => {
                self.roles.contains(&role) && self.experiment.recipe().teacher.weights.is_none()
            }
            Role::Baseline | Role::Student => {
                self.roles.iter().any(|&role| matches!(role, Role::Baseline | Role::Student))
            }
        }
    }
}

impl Found {
    fn ok(&mut self, name: &'static str, text: impl Into<String>) {
        self.checks.push(Check { name, outcome: Outcome::Ok(text.into()) });
    }

    fn warn(&mut self, name: &'static str, what: impl Into<String>, note: impl Into<String>, help: impl Into<String>) {
        let warning = Warning { what: what.into(), note: note.into(), help: help.into() };
        self.checks.push(Check { name, outcome: Outcome::Warning(warning) });
    }

    fn fail(&mut self, name: &'static str, diagnostic: Diagnostic) {
        self.checks.push(Check { name, outcome: Outcome::Failed(diagnostic) });
    }

    fn has_failed(&self) -> bool {
        self.checks.iter().any(Check::has_failed)
    }

    /// The checks that passed, or the first that did not.
    ///
    /// # Errors
    /// The first check that failed.
    pub fn passed(mut self) -> Result<Self, Diagnostic> {
        match self.checks.iter().position(Check::has_failed).map(|at| self.checks.swap_remove(at).outcome) {
            Some(Outcome::Failed(diagnostic)) => Err(diagnostic),
            _ => Ok(self),
        }
    }
}
