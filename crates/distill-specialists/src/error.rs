use std::io;
use std::path::PathBuf;

use distill_datasets::DataError;
use distill_models::ModelError;
use distill_train::TrainError;

/// What can go wrong with specialists.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpecialistError {
    /// The classes of a specialist are not some of the generalist's.
    #[error("specialist {specialist} cannot have the classes {classes:?}: {problem}")]
    Classes {
        /// Its number.
        specialist: usize,
        /// What it was to have.
        classes: Vec<u32>,
        /// What is wrong.
        problem: String,
    },
    /// A setting has no meaning.
    #[error("{setting} {problem}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// A file of a system is not what it should be.
    #[error("{path}: {problem}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Its reason.
        source: io::Error,
    },
    /// An observer ended training before it was done.
    #[error("the training of specialist {specialist} was stopped")]
    Stopped {
        /// Its number.
        specialist: usize,
    },
    /// A model cannot be made or asked.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Examples cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Training failed.
    #[error(transparent)]
    Train(#[from] TrainError),
}
