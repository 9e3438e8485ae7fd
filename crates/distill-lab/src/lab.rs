use std::path::{Path, PathBuf};

use distill_recipe::Diagnostic;

use crate::event::{Listener, NullListener};
use crate::folder::RunResult;
use crate::signals::Signals;

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
        Self { runs_dir: runs_dir.into(), listener: &NullListener, signals, catches_signals: false, conclude: None }
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
}
