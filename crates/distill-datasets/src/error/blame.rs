use std::path::{Path, PathBuf};

use super::DataError;

/// Names that are shown of a list.
const N_LISTED: usize = 8;

impl DataError {
    /// The file or folder that is to blame, if there is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Io { path, .. }
            | Self::BadMagic { path, .. }
            | Self::UnsupportedType { path, .. }
            | Self::BadRank { path, .. }
            | Self::TooLarge { path, .. }
            | Self::Truncated { path, .. }
            | Self::TrailingBytes { path, .. }
            | Self::Gzip { path, .. }
            | Self::GzipTooLong { path, .. }
            | Self::GzipTooShort { path, .. }
            | Self::GzipTrailing { path, .. }
            | Self::Compressed { path, .. }
            | Self::NoMemory { path, .. }
            | Self::Changed { path, .. }
            | Self::Records { path, .. }
            | Self::Content { path, .. }
            | Self::Damaged { path, .. }
            | Self::UnlistedClass { path, .. }
            | Self::WrongRank { path, .. } => Some(path),
            Self::CountMismatch { images_path, .. } => Some(images_path),
            Self::MissingFile { dir, .. } | Self::MissingFiles { dir, .. } => Some(dir),
            Self::OtherContents { paths, .. } => paths.first().map(PathBuf::as_path),
            Self::BadInputShape { path, .. }
            | Self::NoExamples { path }
            | Self::MemoryBound { path, .. }
            | Self::NonFinite { path, .. }
            | Self::LabelOutOfRange { path, .. }
            | Self::BadClassList { path, .. } => path.as_deref(),
            _ => None,
        }
    }

    /// A class that the data lacks. `place` is where in the file, if not all of it.
    pub(crate) fn unlisted(path: &Path, place: Option<&str>, name: &str, classes: &[String]) -> Self {
        Self::UnlistedClass {
            path: path.to_owned(),
            place: place.map(|place| format!(" in {place}")).unwrap_or_default(),
            name: name.to_owned(),
            known: classes.iter().take(N_LISTED).cloned().collect(),
            n_known: classes.len(),
        }
    }

    /// A column that a table does not have.
    pub(crate) fn unknown_column(path: &Path, name: &str, header: &[String]) -> Self {
        let known = header.iter().take(N_LISTED).cloned().collect();
        Self::UnknownColumn { path: path.to_owned(), name: name.to_owned(), known, n_known: header.len() }
    }

    /// Bytes that could not be read: the file is damaged, or the operating system refused.
    pub(crate) fn reading(path: &Path, source: std::io::Error) -> Self {
        use std::io::ErrorKind as E;
        match source.kind() {
            E::InvalidData | E::InvalidInput | E::UnexpectedEof => {
                Self::Damaged { path: path.to_owned(), problem: format!("cannot be read: {source}") }
            }
            _ => Self::Io { path: path.to_owned(), source },
        }
    }

    /// The byte of the file at which the error lies, after decompression where the file
    /// is a sound gzip stream.
    pub fn offset(&self) -> Option<u64> {
        match self {
            Self::BadMagic { .. } => Some(0),
            Self::UnsupportedType { .. } => Some(2),
            Self::BadRank { .. } | Self::WrongRank { .. } => Some(3),
            Self::TooLarge { .. } | Self::GzipTooShort { .. } => Some(4),
            Self::Truncated { actual, .. } => Some(*actual),
            Self::TrailingBytes { promised, .. } | Self::GzipTooLong { promised, .. } => Some(*promised),
            Self::GzipTrailing { offset, .. } => Some(*offset),
            // The labels follow a header of eight bytes.
            Self::LabelOutOfRange { path: Some(_), first, .. } => first.first().map(|&index| 8 + index as u64),
            _ => None,
        }
    }

    /// Names the file where the error was found without knowing it.
    pub(crate) fn in_file(mut self, file: &Path) -> Self {
        if let Self::BadInputShape { path, .. }
        | Self::NoExamples { path }
        | Self::NonFinite { path, .. }
        | Self::LabelOutOfRange { path, .. }
        | Self::BadClassList { path, .. } = &mut self
        {
            path.get_or_insert_with(|| file.to_owned());
        }
        self
    }
}
