use std::path::{Path, PathBuf};
use std::sync::Arc;

use distill_audio::{
    ASTERISK_FOLDER, AudioError, Context, FilterbankConfig, Normalization, Parts, Recordings, asterisk_en,
};
use distill_datasets::{DataError, Dataset, IdxFolder, Images, Split, mnist};
use distill_train::Sets;

use crate::code::Code;
use crate::diagnostic::Diagnostic;

/// What the training set of MNIST takes in memory: 60,000 images of 28 x 28 bytes with a label.
const MNIST_BYTES: u64 = 60_000 * (28 * 28 + 1);

/// Samples a second of `asterisk-en`.
const ASTERISK_RATE: u32 = 8000;

const MNIST: &str = "mnist";
const ASTERISK: &str = "asterisk-en";

/// Where data comes from: a known name, speech with the folder of its recordings, or a folder of IDX files.
#[derive(Debug)]
pub(crate) enum DataSource {
    Mnist,
    AsteriskEn(PathBuf),
    Folder(IdxFolder),
}

/// Why data cannot be read.
#[derive(Debug)]
pub(crate) enum SourceError {
    Data(DataError),
    Speech(AudioError),
    /// A key of the recipe that speech has no use for, and why.
    Fixed {
        key: &'static str,
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

impl From<SourceError> for Diagnostic {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Data(error) => error.into(),
            SourceError::Speech(error) => error.into(),
            SourceError::Fixed { key, note } => {
                let what = format!("`{key}` has no meaning for `{ASTERISK}`");
                Self::new(Code::Value, what).note(note).help("leave it out")
            }
        }
    }
}

impl DataSource {
    pub(crate) fn open(source: &str) -> Result<Self, SourceError> {
        match speech_folder(source) {
            Some(folder) => Ok(Self::AsteriskEn(folder.into())),
            None if source == MNIST => Ok(Self::Mnist),
            None => Ok(Self::Folder(IdxFolder::open(Path::new(source))?)),
        }
    }

    /// The same source with another path, if it has one.
    pub(crate) fn with_path(source: &str, path: impl Fn(&String) -> String) -> String {
        match source.strip_prefix(ASTERISK).and_then(|rest| rest.strip_prefix(':')) {
            Some(folder) => format!("{ASTERISK}:{}", path(&folder.to_owned())),
            None if source == MNIST || source == ASTERISK => source.to_owned(),
            None => path(&source.to_owned()),
        }
    }

    /// Whether inputs are images, so that they can be shifted.
    pub(crate) fn has_images(source: &str) -> bool {
        speech_folder(source).is_none()
    }

    /// What data it is, apart from where it lies.
    pub(crate) fn kind(source: &str) -> &str {
        match speech_folder(source) {
            Some(_) => ASTERISK,
            None if source == MNIST => source,
            None => "idx",
        }
    }

    /// Opens all sets. `classes` are the names of the recipe, if it has any, and `memory` the bytes that
    /// each of the sets may take.
    pub(crate) fn load(&self, classes: &[String], memory: Option<u64>) -> Result<Sets, SourceError> {
        let classes = (!classes.is_empty()).then_some(classes);
        let bound = memory.unwrap_or(u64::MAX);
        match self {
            Self::Mnist if bound < MNIST_BYTES => {
                Err(DataError::MemoryBound { path: None, needed: MNIST_BYTES, bound }.into())
            }
            Self::Mnist => {
                let (train, test) = rayon::join(|| mnist(Split::Train), || mnist(Split::Test));
                Ok(Sets { train: rename(train?, classes)?, validation: None, test: rename(test?, classes)? })
            }
            Self::AsteriskEn(folder) => {
                if classes.is_some() {
                    let note = "the classes are the phone states of the labels";
                    return Err(SourceError::Fixed { key: "data.classes", note });
                }
                if memory.is_some() {
                    let note = "features are kept once, 16 MB, and windows are gathered";
                    return Err(SourceError::Fixed { key: "data.memory", note });
                }
                let Parts { train, validation, test } = speech(folder)?;
                Ok(Sets { train: Arc::new(train), validation: Some(Arc::new(validation)), test: Arc::new(test) })
            }
            Self::Folder(folder) => {
                let train = folder.load_within(Split::Train, classes, bound)?;
                // Where nobody names the classes, the test set has those of the training set.
                let test = folder.load_within(Split::Test, Some(&train.spec().classes), bound)?;
                Ok(Sets { train, validation: None, test })
            }
        }
    }

    /// Reads the test set. Where the data names no classes it gets those of the model.
    pub(crate) fn load_test(&self, model_classes: &[String]) -> Result<Arc<dyn Dataset>, SourceError> {
        Ok(match self {
            Self::Mnist => Arc::new(mnist(Split::Test)?),
            Self::AsteriskEn(folder) => Arc::new(speech(folder)?.test),
            Self::Folder(folder) if folder.classes().is_some() => Arc::new(folder.load(Split::Test, None)?),
            Self::Folder(folder) => Arc::new(folder.load(Split::Test, Some(model_classes))?),
        })
    }
}

/// The folder of the recordings, if the source is speech: `asterisk-en`, or `asterisk-en:FOLDER`.
fn speech_folder(source: &str) -> Option<&str> {
    match source.strip_prefix(ASTERISK)? {
        "" => Some(ASTERISK_FOLDER),
        rest => rest.strip_prefix(':'),
    }
}

/// The paper's windows: 26 frames of 40 bands, the label that of the 21st.
fn speech(folder: &Path) -> Result<Parts, AudioError> {
    let mut corpus = asterisk_en(folder, &FilterbankConfig::for_rate(ASTERISK_RATE), Recordings::Known)?;
    corpus.normalize(Normalization::Training)?;
    corpus.into_parts(Context::PAPER)
}

fn rename(images: Images, classes: Option<&[String]>) -> Result<Arc<dyn Dataset>, DataError> {
    Ok(match classes {
        None => Arc::new(images),
        Some(classes) => Arc::new(images.with_classes(classes.to_vec())?),
    })
}
