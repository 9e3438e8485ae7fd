use distill_audio::AudioError;
use distill_datasets::DataError;
use distill_text::TextError;

use super::meant;
use crate::code::Code;
use crate::diagnostic::Diagnostic;

/// Why data cannot be read.
#[derive(Debug)]
pub enum SourceError {
    /// Files of a folder, or MNIST.
    Data(DataError),
    /// The recordings or labels of `asterisk-en`.
    Speech(AudioError),
    /// The settings of `data.text`.
    Text(TextError),
    /// A name that cannot stand in a recipe.
    Recipe(Box<Diagnostic>),
    /// There is neither data of this name nor such a path.
    Missing(DataError),
    /// A key of the recipe that a source has no use for, and why.
    Fixed {
        /// The dotted key, such as `data.text`.
        key: &'static str,
        /// `data.source` as the recipe has it.
        source: String,
        /// Why it has no use for the key.
        note: &'static str,
    },
}

impl From<DataError> for SourceError {
    fn from(error: DataError) -> Self {
        Self::Data(error)
    }
}

impl From<AudioError> for SourceError {
    fn from(error: AudioError) -> Self {
        Self::Speech(error)
    }
}

impl From<TextError> for SourceError {
    fn from(error: TextError) -> Self {
        Self::Text(error)
    }
}

impl From<SourceError> for Diagnostic {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Data(error) => error.into(),
            SourceError::Speech(error) => error.into(),
            SourceError::Recipe(diagnostic) => *diagnostic,
            SourceError::Text(error) => {
                let help = "change `data.text`, such as to `{ characters = 24, train = 125000 }`";
                Self::new(Code::Value, error.to_string()).help(help)
            }
            SourceError::Missing(error) => {
                let lists = "`distill data` lists the data that has a name";
                let meant = error.path().and_then(meant);
                Self::from(error).better_help(match meant {
                    Some(meant) => format!("did you mean `{meant}`? {lists}"),
                    None => format!("check the path and its permissions; {lists}"),
                })
            }
            SourceError::Fixed { key, source, note } => {
                Self::new(Code::Value, format!("`{key}` has no meaning for `{source}`")).note(note).help("leave it out")
            }
        }
    }
}
