/// What is wrong with a table of alignments.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AlignmentFault {
    /// The gzip stream is damaged, cut off, or followed by something else.
    #[error("the gzip stream is not sound: {what}")]
    Gzip {
        /// What the decoder found.
        what: String,
    },
    /// The table is larger than a corpus can be.
    #[error("the table goes on after {max} bytes")]
    TooLarge {
        /// The limit.
        max: u64,
    },
    /// A line is longer than any of a table.
    #[error("the line is longer than {max} bytes")]
    LongLine {
        /// The limit.
        max: usize,
    },
    /// A line is not text.
    #[error("byte {offset} of the line is not UTF-8")]
    NotUtf8 {
        /// The first bad byte.
        offset: usize,
    },
    /// A line has a tab or another character that is not to be seen.
    #[error("byte {offset} of the line is a control character")]
    Control {
        /// The first such byte.
        offset: usize,
    },
    /// The first line does not name the columns.
    #[error("the columns are `{found}`, expected split, utterance, phone, state, start_frame and frames")]
    Columns {
        /// The line.
        found: String,
    },
    /// A line has more or fewer fields than there are columns.
    #[error("{actual} fields, expected {expected}")]
    Fields {
        /// The number of columns.
        expected: usize,
        /// The number of fields.
        actual: usize,
    },
    /// A field cannot be what it has to be.
    #[error("{column} is `{found}`, expected {expected}")]
    Field {
        /// The column.
        column: &'static str,
        /// What stands there.
        found: String,
        /// What may stand there.
        expected: &'static str,
    },
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
    /// There are no utterances.
    #[error("the table ends without an utterance")]
    Empty,
}
