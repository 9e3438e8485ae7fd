#![doc = include_str!("../README.md")]

mod alignment;
mod asterisk;
mod corpus;
pub mod decode;
mod error;
mod mel;
mod phones;
mod recording;
mod sound_folder;
mod sound_format;
mod speech;
mod statistics;
pub mod wav;

pub use alignment::{Alignment, Segment, Utterance};
pub use asterisk::{ASTERISK_FOLDER, Recordings, asterisk_alignment, asterisk_en};
pub use corpus::{Corpus, Normalization, Parts};
pub use distill_datasets::records::{Part, TableFault};
pub use error::{AlignmentFault, AudioError, FilterbankFault};
pub use mel::{Filterbank, FilterbankConfig};
pub use phones::PhoneSet;
pub use recording::{MAX_FRAMES_APART, Recording};
pub use sound_folder::{SOUND, SoundFolder, Sounds};
pub use sound_format::{SoundFormat, SoundOptions, SoundReader};
pub use speech::{Context, SpeechFrames, Spoken};
pub use statistics::Statistics;
