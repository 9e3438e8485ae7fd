use distill_models::ModelError;
use distill_recipe::Diagnostic;
use distill_train::TrainError;

use crate::signals::{Signal, Signals};

/// Why a run, a sweep or a study ends before it is done.
#[derive(Debug)]
pub enum Stop {
    /// A signal asked for an end. What is trained is saved after its step.
    Signal(Signal),
    /// A training failed, which may be due to its settings.
    Training(TrainError),
    /// Anything else failed.
    Error(Diagnostic),
}

impl From<Diagnostic> for Stop {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Error(diagnostic)
    }
}

impl From<TrainError> for Stop {
    fn from(error: TrainError) -> Self {
        Self::Training(error)
    }
}

impl Stop {
    /// The signal, or what failed.
    ///
    /// # Errors
    /// What failed, as a person meets it.
    pub fn signal(self) -> Result<Signal, Diagnostic> {
        match self {
            Self::Signal(signal) => Ok(signal),
            Self::Training(error) => Err(error.into()),
            Self::Error(diagnostic) => Err(diagnostic),
        }
    }

    /// The same, but that a model which was told to stop while it answered is no failure: the signal is the reason.
    pub(crate) fn or_signal(self, signals: &Signals) -> Self {
        match (self, signals.received()) {
            (Self::Training(TrainError::Model(ModelError::Stopped)), Some(signal)) => Self::Signal(signal),
            (stop, _) => stop,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_model_that_heard_a_signal_ends_by_it() {
        let stopped = || Stop::from(TrainError::Model(ModelError::Stopped));
        let quiet = Signals::default();
        assert!(stopped().or_signal(&quiet).signal().is_err());
        let asked = Signals::default();
        asked.stop();
        assert_eq!(stopped().or_signal(&asked).signal().unwrap().exit_code(), 130);
        let other = Stop::from(TrainError::Model(ModelError::Features { expected: 1, actual: 2 }));
        assert!(other.or_signal(&asked).signal().is_err());
    }
}
