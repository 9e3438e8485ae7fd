mod alignment;
mod filterbank;
mod wav;

use std::io;
use std::path::{Path, PathBuf};

pub use self::alignment::AlignmentFault;
pub use self::filterbank::FilterbankFault;
pub use self::wav::WavFault;

/// What can be wrong with speech, its labels, or what is asked of them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AudioError {
    /// The operating system refused.
    #[error("cannot read {path}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Its reason.
        source: io::Error,
    },
    /// A sound file cannot be used.
    #[error("{path}, byte {offset}: {fault}")]
    Wav {
        /// The file.
        path: PathBuf,
        /// The byte at which the fault lies.
        offset: u64,
        /// What is wrong.
        fault: WavFault,
    },
    /// A table of alignments cannot be used.
    #[error("{path}, line {line}: {fault}")]
    Alignment {
        /// The table.
        path: PathBuf,
        /// The line, counted from one.
        line: u64,
        /// What is wrong.
        fault: AlignmentFault,
    },
    /// The numbers of a filterbank do not fit each other.
    #[error("the filterbank is not usable: {0}")]
    Filterbank(#[from] FilterbankFault),
    /// A recording has another sample rate than the filterbank.
    #[error("{path} has {actual} samples a second, but the filterbank is for {expected}")]
    SampleRate {
        /// The recording.
        path: PathBuf,
        /// The rate of the filterbank, in Hz.
        expected: u32,
        /// The rate of the file, in Hz.
        actual: u32,
    },
    /// A recording and its labels have different lengths.
    #[error("{path} has {audio} frames, but its labels are for {labels}, more than {allowed} apart")]
    FrameCount {
        /// The recording.
        path: PathBuf,
        /// Frames of the recording.
        audio: usize,
        /// Frames of the alignment.
        labels: usize,
        /// How far the two may be apart.
        allowed: usize,
    },
    /// A folder lacks recordings.
    #[error(
        "{folder} lacks {n_missing} of {n_utterances} recordings, the first is {first}{}",
        package.map_or(String::new(), |p| format!("; `apt-get install {p}` brings them, or name the folder that has them"))
    )]
    MissingRecordings {
        /// The folder.
        folder: PathBuf,
        /// How many are not there.
        n_missing: usize,
        /// How many have to be there.
        n_utterances: usize,
        /// The first missing file.
        first: String,
        /// Debian's package with the files, where there is one.
        package: Option<&'static str>,
    },
    /// The recordings are not those from which the labels were made.
    #[error("the recordings in {folder} are not those of the labels: their SHA-256 is {actual}, expected {expected}")]
    OtherRecordings {
        /// The folder.
        folder: PathBuf,
        /// The hash of the known recordings.
        expected: &'static str,
        /// The hash of these.
        actual: String,
    },
    /// Statistics are to be taken from no frames.
    #[error("there are no training frames to take a mean and a variance from")]
    NoTrainingFrames,
    /// Windows are larger than memory can address.
    #[error("{left} frames before and {right} after are more context than {bands} bands allow")]
    ContextTooWide {
        /// Frames before the labelled one.
        left: usize,
        /// Frames after it.
        right: usize,
        /// Values of a frame.
        bands: usize,
    },
    /// The states of a phone are no chain from 0 upwards.
    #[error("phone `{phone}` has the states {states:?}, expected 0, 1, 2 and so on without a gap")]
    NoChain {
        /// The phone.
        phone: String,
        /// The numbers of its states.
        states: Vec<u32>,
    },
    /// A scale or penalty of the decoder is not a usable number.
    #[error("{name} is {value}, expected {expected}")]
    DecoderSetting {
        /// Which.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What it may be.
        expected: &'static str,
    },
    /// Scores do not have one column for every class.
    #[error("there are scores for {actual} classes, but {expected} states")]
    ScoreColumns {
        /// States of the model.
        expected: usize,
        /// Columns of the scores.
        actual: usize,
    },
    /// A score is not a number.
    #[error("the score of class {class} at frame {frame} is {value}")]
    ScoreValue {
        /// The row.
        frame: usize,
        /// The column.
        class: usize,
        /// What stands there.
        value: f32,
    },
    /// No sequence of whole phones has as many frames and a probability above zero.
    #[error("no sequence of phones fits {frames} frames")]
    NoPath {
        /// Frames of the utterance.
        frames: usize,
    },
}

impl AudioError {
    /// The file or folder that is to blame, if there is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Io { path, .. }
            | Self::Wav { path, .. }
            | Self::Alignment { path, .. }
            | Self::SampleRate { path, .. }
            | Self::FrameCount { path, .. } => Some(path),
            Self::MissingRecordings { folder, .. } | Self::OtherRecordings { folder, .. } => Some(folder),
            _ => None,
        }
    }

    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}
