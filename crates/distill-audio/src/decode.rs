//! From scores of states to a sequence of phones, and how wrong it is.

mod bigram;
mod edit;
mod hmm;
mod viterbi;

pub use bigram::Bigram;
pub use edit::Edits;
pub use hmm::Hmm;
pub use viterbi::{DecodeConfig, Decoded, Decoder};
