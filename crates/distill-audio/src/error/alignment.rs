use distill_datasets::records::TableFault;

/// What is wrong with a table of alignments.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AlignmentFault {
    /// It is not a table of this kind.
    #[error(transparent)]
    Table(#[from] TableFault),
    /// Frames are missing or there twice.
    #[error("starts at frame {actual}, but {expected} is the next of utterance `{utterance}`")]
    Start {
        /// The utterance.
        utterance: String,
        /// The end of what came before.
        expected: u32,
        /// What stands there.
        actual: u32,
    },
    /// An utterance is longer than a day.
    #[error("utterance `{utterance}` has more than {max} frames")]
    TooManyFrames {
        /// The utterance.
        utterance: String,
        /// The limit.
        max: u32,
    },
    /// The lines of an utterance do not follow each other.
    #[error("utterance `{utterance}` was complete, its first line is {first}")]
    Scattered {
        /// The utterance.
        utterance: String,
        /// Where it stood before.
        first: u64,
    },
    /// A column that is the same for an utterance is not.
    #[error("{column} is `{found}`, but `{expected}` before in utterance `{utterance}`")]
    Changed {
        /// The column.
        column: &'static str,
        /// The utterance.
        utterance: String,
        /// What stood before.
        expected: String,
        /// What stands there.
        found: String,
    },
}
