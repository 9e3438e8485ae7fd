use std::io;
use std::path::{Path, PathBuf};

use crate::{Part, TableFault};

/// What can be wrong with text or with what is asked of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// The operating system refused.
    #[error("cannot read {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Its reason.
        source: io::Error,
    },
    /// A table of paragraphs cannot be used.
    #[error("{path}, line {line}: {fault}")]
    Table {
        /// The table.
        path: PathBuf,
        /// The line, counted from one; the first one of a paragraph that goes over several.
        line: u64,
        /// What is wrong.
        fault: TableFault,
    },
    /// Snippets of no characters.
    #[error("snippets of 0 characters were requested, at least 1 is needed")]
    NoCharacters,
    /// Languages have no paragraph that is long enough.
    #[error(
        "{n_lacking} languages have no {part} paragraph of {n_chars} characters, the first is `{first}`; ask for shorter snippets"
    )]
    TooShort {
        /// The part of the corpus.
        part: Part,
        /// Characters of a snippet.
        n_chars: usize,
        /// How many languages have none.
        n_lacking: usize,
        /// The first of them.
        first: String,
    },
    /// Nothing is left to measure on, as every test snippet is part of a training paragraph.
    #[error(
        "each of the {n} test snippets of {n_chars} characters stands in a training paragraph too; ask for longer snippets"
    )]
    AllSeen {
        /// The number of test snippets.
        n: usize,
        /// Characters of a snippet.
        n_chars: usize,
    },
    /// A data set of more snippets than can be numbered.
    #[error("{n} snippets were requested, at most {max} can be numbered")]
    TooMany {
        /// The number of snippets.
        n: usize,
        /// The limit.
        max: u32,
    },
    /// There are no buckets, or more than f32 can count.
    #[error("n-grams were to be put into {buckets} buckets, expected 1 to {max}")]
    Buckets {
        /// The number of buckets.
        buckets: u32,
        /// The limit.
        max: u32,
    },
    /// No bytes of a text are to be looked at, or more than is of use.
    #[error("{length} bytes of each text were asked for, expected 1 to {max}")]
    Length {
        /// The number of bytes.
        length: usize,
        /// The limit.
        max: usize,
    },
    /// N-grams without bytes, or longer than is of use.
    #[error("n-grams of up to {len} bytes were asked for, expected 1 to {max}")]
    NGramLength {
        /// Bytes of the longest.
        len: usize,
        /// The limit.
        max: usize,
    },
}

impl TextError {
    /// The file that is to blame, if there is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Io { path, .. } | Self::Table { path, .. } => Some(path),
            _ => None,
        }
    }

    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}
