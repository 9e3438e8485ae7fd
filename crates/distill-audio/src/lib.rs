#![doc = include_str!("../README.md")]

mod alignment;
mod asterisk;
mod corpus;
pub mod decode;
mod error;
mod mel;
mod phones;
mod speech;
mod statistics;
pub mod wav;

pub use alignment::{Alignment, Segment, Utterance};
pub use asterisk::{ASTERISK_FOLDER, Recordings, asterisk_alignment, asterisk_en};
pub use corpus::{Corpus, MAX_FRAMES_APART, Normalization, Parts, Recording};
pub use distill_datasets::records::{Part, TableFault};
pub use error::{AlignmentFault, AudioError};
pub use mel::{Filterbank, FilterbankConfig, FilterbankFault};
pub use phones::PhoneSet;
pub use speech::{Context, SpeechFrames, Spoken};
pub use statistics::Statistics;
