use alloc::string::String;
use core::fmt;

use crate::Task;

/// Why there is no student, or no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not a safetensors file, or one that is damaged.
    File {
        /// What is wrong.
        reason: &'static str,
        /// At which byte of the file, or of the text in its metadata.
        at: usize,
    },
    /// The file does not describe a student.
    Student {
        /// What is wrong.
        reason: &'static str,
    },
    /// A tensor is missing, of another shape or type than the description says, or has a value that is NaN or infinite.
    Tensor {
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An input has the wrong number of features.
    Features {
        /// Features of the student's input shape.
        expected: usize,
        /// Numbers in the input.
        actual: usize,
    },
    /// An input of a student that reads tokens is not the number of one.
    Token {
        /// Which number of the input.
        input: usize,
        /// Tokens that there are, that of the padding included.
        tokens: usize,
    },
    /// A student that gives numbers was asked for a class or for probabilities, or one that tells classes for numbers.
    Task {
        /// What the student does.
        is: Task,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { reason, at } => write!(f, "not a safetensors file: {reason} at byte {at}"),
            Self::Student { reason } => write!(f, "not the file of a student: {reason}"),
            Self::Tensor { name, reason } => write!(f, "tensor `{name}` {reason}"),
            Self::Features { expected, actual } => {
                write!(f, "the student takes {expected} features but the input has {actual}")
            }
            Self::Token { input, tokens } => {
                write!(f, "number {input} of the input is not a whole number below {tokens}")
            }
            Self::Task { is: Task::Numbers } => {
                write!(f, "the student gives numbers, not classes with probabilities: ask for its `numbers`")
            }
            Self::Task { is: Task::Classes } => {
                write!(f, "the student tells classes, not numbers: ask for its `logits`, `probabilities` or `predict`")
            }
        }
    }
}

impl core::error::Error for Error {}
