mod parse;
#[cfg(test)]
mod tests;

use std::path::Path;

use distill_datasets::records::{self, Part};

use crate::{AudioError, PhoneSet};

/// Neighbouring frames of one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// The state, a position in [`PhoneSet::class_names`].
    pub class: u32,
    /// Its number of frames, at least one.
    pub frames: u32,
}

/// What is said in a recording, frame by frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Utterance {
    /// The name of the recording, with `/` between folders and without an ending.
    pub name: String,
    /// Who speaks; empty where the table does not say.
    pub speaker: String,
    /// The part of the corpus.
    pub part: Part,
    /// The states from the first frame on, without gaps.
    pub segments: Vec<Segment>,
}

impl Utterance {
    /// The number of labelled frames.
    pub fn frames(&self) -> usize {
        self.segments.iter().map(|segment| segment.frames as usize).sum()
    }

    /// The class of each frame.
    pub fn labels(&self) -> impl Iterator<Item = u32> {
        self.segments.iter().flat_map(|segment| std::iter::repeat_n(segment.class, segment.frames as usize))
    }
}

/// The labels of the frames of a corpus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alignment {
    /// The classes.
    pub phones: PhoneSet,
    /// The utterances in the order of the table.
    pub utterances: Vec<Utterance>,
}

impl Alignment {
    /// Reads a table, plain or gzip.
    ///
    /// # Errors
    /// [`AudioError::Io`], and as [`parse`](Self::parse).
    pub fn read(path: impl AsRef<Path>) -> Result<Self, AudioError> {
        let path = path.as_ref();
        let bytes = records::load(path).map_err(|source| AudioError::io(path, source))?;
        Self::parse(&bytes, path)
    }

    /// Reads a table, plain or gzip: CSV without quotes, a line for each state of each utterance. `path` is for
    /// messages alone.
    ///
    /// The first line is `split,utterance,phone,state,start_frame,frames`, in any order, and there may be a column
    /// `speaker`. The lines of an utterance follow each other, from frame 0 on and without gaps; they have the same
    /// split (`train`, `validation` or `test`) and the same speaker.
    ///
    /// # Errors
    /// [`AudioError::Alignment`], which names the line.
    ///
    /// # Examples
    /// ```
    /// use distill_audio::Alignment;
    /// let table = "split,utterance,phone,state,start_frame,frames\ntrain,hi,HH,0,0,4\ntrain,hi,AY,0,4,9\n";
    /// let alignment = Alignment::parse(table.as_bytes(), "a.csv".as_ref())?;
    /// assert_eq!(alignment.phones.class_names(), ["AY.0", "HH.0"]);
    /// assert_eq!(alignment.utterances[0].frames(), 13);
    /// # Ok::<(), distill_audio::AudioError>(())
    /// ```
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, AudioError> {
        parse::table(bytes).map_err(|(line, fault)| AudioError::Alignment { path: path.to_owned(), line, fault })
    }

    /// The utterances of a part, in the order of the table.
    pub fn part(&self, part: Part) -> impl Iterator<Item = &Utterance> {
        self.utterances.iter().filter(move |utterance| utterance.part == part)
    }
}
