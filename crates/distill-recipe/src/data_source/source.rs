use std::fmt;
use std::path::Path;
use std::sync::Arc;

use distill_audio::Parts;
use distill_datasets::{Dataset, Subset};
use distill_train::{Sets, TextConfig};

use super::SourceError;
use crate::data_folder::FolderOptions;

/// What comes of opening a source.
pub(crate) type Outcome = Result<Box<dyn Opened>, SourceError>;

/// A source of data that has a name: what can be said of it before it is opened, and how it is opened.
pub struct Source {
    /// As `data.source` has it. Where there is a [`folder`](Self::folder), `NAME:FOLDER` names another one.
    pub name: &'static str,
    /// What it is, for people.
    pub about: &'static str,
    /// Where its files are looked for; `None` for what is part of the program.
    pub folder: Option<&'static str>,
    /// What its inputs are made of.
    pub inputs: Inputs,
    /// Whether its inputs are pictures.
    pub has_pictures: bool,
    /// Opens it. The folder is that of its files, and empty where it has none.
    pub(crate) open: fn(&Path, Settings) -> Outcome,
}

/// What the inputs of a source are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inputs {
    /// Values, with sides along which they can be shifted: those of images, or time and frequency of speech.
    Values,
    /// Numbers of buckets, as `data.text` says.
    Buckets,
}

/// What a recipe, or the file of a model, says of how data is read.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) text: TextConfig,
    /// The column of a table that is a text, and that with the class.
    pub(crate) columns: Option<(String, Option<String>)>,
    pub(crate) folder: FolderOptions,
}

/// Which of the keys that few sources know a source reads. The others are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reads {
    /// None of them.
    Nothing,
    /// `data.text`.
    Text,
    /// `data.columns`.
    Columns,
    /// `data.columns`, and what `data.text` says of texts that are there.
    Texts,
    /// Of `data.images` what says where the colours are in an array.
    Layout,
    /// All else of `data.images`.
    Images,
    /// Of `data.images` which of two lists of classes it is.
    Coarse,
    /// `data.sound`.
    Sound,
}

/// A source that is there, from which sets are read.
pub(crate) trait Opened: fmt::Debug {
    /// See [`Reads`].
    fn reads(&self) -> Reads {
        Reads::Nothing
    }

    /// Reads all sets, see [`DataSource::load`](super::DataSource::load).
    fn load(&self, classes: Option<&[String]>, memory: Option<u64>) -> Result<Sets, SourceError>;

    /// Reads the test set. Where the data names no classes it gets those of the model.
    fn load_test(&self, model_classes: &[String]) -> Result<Arc<dyn Dataset>, SourceError>;

    /// Speech with its utterances; nothing if it is not speech.
    fn speech(&self) -> Result<Option<Parts>, SourceError> {
        Ok(None)
    }

    /// Test examples that are left out of the test set; nothing if none can be.
    fn left_out(&self) -> Result<Option<Subset>, SourceError> {
        Ok(None)
    }
}

/// Refuses what a source has no use for: names of classes, and a bound on memory. `notes` say why.
pub(super) fn refuse(source: &str, classes: bool, memory: bool, notes: [&'static str; 2]) -> Result<(), SourceError> {
    let found = [("data.classes", classes), ("data.memory", memory)];
    match found.into_iter().zip(notes).find(|((_, is_set), _)| *is_set) {
        Some(((key, _), note)) => Err(SourceError::Fixed { key, source: source.to_owned(), note }),
        None => Ok(()),
    }
}
