use std::io;
use std::path::PathBuf;

/// Why a checkpoint cannot be written or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The operating system refused.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// `read` or `write`.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The bytes are not those of a checkpoint, or not all of them.
    #[error("the checkpoint is damaged at byte {offset}: {reason}")]
    Damaged {
        /// Where.
        offset: usize,
        /// In what way.
        reason: String,
    },
    /// Another version of the format.
    #[error("the checkpoint has format version {actual}, this program reads version {expected}")]
    Version {
        /// The file's.
        actual: u32,
        /// Ours.
        expected: u32,
    },
    /// A parameter is NaN or infinite, so going on from here has no use.
    #[error("parameter {index} is {value} at step {step}")]
    NonFinite {
        /// Where.
        index: usize,
        /// What it is.
        value: f32,
        /// After which step.
        step: u32,
    },
    /// It was made by another model or another optimizer.
    #[error("the checkpoint has {actual}, training needs {expected}")]
    Mismatch {
        /// What the checkpoint has.
        actual: String,
        /// What the model or the optimizer has.
        expected: String,
    },
}
