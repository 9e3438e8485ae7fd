use std::path::{Path, PathBuf};

use distill_recipe::{Diagnostic, RecipeFile};
use distill_train::{Recipe, Role};

use crate::event::{Listener, Silent};
use crate::run::{
    self, FinishedRun, Former, Place, RunDir, RunResult, RunStatus, Signals, Status, all_roles, find, resolved,
};

/// What is made of a complete run besides its files, such as a report.
pub type Conclude<'a> = dyn Fn(&Path, &RunResult) -> Result<(), Diagnostic> + Sync + 'a;

/// A folder of runs, and who hears of what happens there.
///
/// Runs are kept in directories of their own, `NAME-001` and so on, with all that it takes to go on with them: whatever ends
/// the process, [`Lab::resume`] comes to the same bits.
pub struct Lab<'a> {
    runs_dir: PathBuf,
    listener: &'a dyn Listener,
    signals: Signals,
    catches_signals: bool,
    conclude: Option<&'a Conclude<'a>>,
}

impl<'a> Lab<'a> {
    /// A lab whose runs are in this folder, which is made when it is needed.
    pub fn at(runs_dir: impl Into<PathBuf>) -> Self {
        let signals = Signals::default();
        Self { runs_dir: runs_dir.into(), listener: &Silent, signals, catches_signals: false, conclude: None }
    }

    /// The same, telling this listener of all that happens.
    #[must_use]
    pub fn telling(self, listener: &'a dyn Listener) -> Self {
        Self { listener, ..self }
    }

    /// The same, ending in good order when this is set: what is trained is saved after the step.
    #[must_use]
    pub fn until(self, signals: Signals) -> Self {
        Self { signals, ..self }
    }

    /// The same, ending in good order at SIGINT and SIGTERM from when there is something to save.
    #[must_use]
    pub fn catching_signals(self) -> Self {
        Self { catches_signals: true, ..self }
    }

    /// The same, with something to do for each complete run. It is complete whether that succeeds or not.
    #[must_use]
    pub fn concluding(self, conclude: &'a Conclude<'a>) -> Self {
        Self { conclude: Some(conclude), ..self }
    }

    /// Where its runs are.
    pub fn runs_dir(&self) -> &Path {
        &self.runs_dir
    }

    /// Who hears of what happens.
    pub fn listener(&self) -> &'a dyn Listener {
        self.listener
    }

    /// What ends the work in good order, from here on.
    ///
    /// # Errors
    /// If the system refuses to tell of signals.
    pub fn signals(&self) -> Result<Signals, Diagnostic> {
        match self.catches_signals {
            true => Signals::catch().map_err(|error| Diagnostic::io("cannot catch signals", None, error)),
            false => Ok(self.signals.clone()),
        }
    }

    pub(crate) fn conclude(&self, run: &Path, result: &RunResult) -> Result<(), Diagnostic> {
        self.conclude.map_or(Ok(()), |conclude| conclude(run, result))
    }

    /// Trains and compares all models of a recipe, in a new run.
    ///
    /// # Errors
    /// If recipe, data or teacher do not fit together, before anything is trained; then whatever ends the training. What is
    /// finished by then is kept.
    pub fn run(&self, recipe: &(RecipeFile, Recipe)) -> Result<FinishedRun, Diagnostic> {
        self.run_roles(recipe, all_roles(&recipe.1))
    }

    /// Trains only the models of these roles, in a new run.
    ///
    /// # Errors
    /// As [`Lab::run`].
    pub fn run_roles(
        &self,
        (file, recipe): &(RecipeFile, Recipe),
        roles: Vec<Role>,
    ) -> Result<FinishedRun, Diagnostic> {
        run::execute(self, file, recipe, roles, Place::New)
    }

    /// Goes on with a run, by the path of its directory, or `latest` for the last one of this lab. A complete run is read.
    ///
    /// # Errors
    /// As [`Lab::run`], and if there is no such run, or another process writes it.
    pub fn resume(&self, run: impl AsRef<Path>) -> Result<FinishedRun, Diagnostic> {
        let dir = RunDir::open(&self.runs_dir, run.as_ref())?;
        let status = RunStatus::read(dir.path())?;
        let complete = status.status == Status::Completed;
        if let Some(result) = complete.then(|| RunResult::read(dir.path())).transpose()?.flatten() {
            let was_complete = true;
            return Ok(FinishedRun { dir: dir.path().to_owned(), status, result, signal: None, was_complete });
        }
        let (file, recipe) = resolved(dir.path(), &[])?;
        let roles = status.roles();
        run::execute(self, &file, &recipe, roles, Place::Old { dir, status: Box::new(status) })
    }

    /// Begins a new run with the models of a complete one: with these settings over its recipe, and its students going on from
    /// where they are.
    ///
    /// # Errors
    /// As [`Lab::run`], and if the settings ask for other teachers than that run has.
    pub fn further(&self, run: impl AsRef<Path>, settings: &[String]) -> Result<FinishedRun, Diagnostic> {
        let path = find(&self.runs_dir, run.as_ref())?;
        let (_, former) = resolved(&path, &[])?;
        let former = Former::read(path, former)?;
        let weights = format!("student.weights={}", former.path.display());
        let (file, recipe) = resolved(&former.path, &[&[weights][..], settings].concat())?;
        let roles = former.roles();
        run::execute(self, &file, &recipe, roles, Place::Further { former: Box::new(former) })
    }
}
