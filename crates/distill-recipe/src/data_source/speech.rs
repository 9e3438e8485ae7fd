use std::path::{Path, PathBuf};
use std::sync::Arc;

use distill_audio::{
    ASTERISK_FOLDER, AudioError, Context, FilterbankConfig, Normalization, Parts, Recordings, asterisk_en,
};
use distill_datasets::Dataset;
use distill_train::Sets;

use super::SourceError;
use super::source::{Inputs, Opened, Source, refuse};

/// Samples a second.
const RATE: u32 = 8000;

/// `asterisk-en`, whose recordings are those of a package of Debian.
pub(super) static ASTERISK_EN: Source = Source {
    name: "asterisk-en",
    about: "25 minutes of English prompts as 117 phone states; recordings from a package of Debian",
    folder: Some(ASTERISK_FOLDER),
    inputs: Inputs::Values,
    has_pictures: false,
    open: |folder, _| Ok(Box::new(Speech(folder.to_owned()))),
};

/// Where the recordings are.
#[derive(Debug)]
struct Speech(PathBuf);

impl Opened for Speech {
    fn load(&self, classes: Option<&[String]>, memory: Option<u64>) -> Result<Sets, SourceError> {
        let notes = [
            "the classes are the phone states of the labels",
            "features are kept once, 16 MB, and windows are gathered",
        ];
        refuse(ASTERISK_EN.name, classes.is_some(), memory.is_some(), notes)?;
        let Parts { train, validation, test } = parts(&self.0)?;
        let validation = Some(Arc::new(validation) as Arc<dyn Dataset>);
        Ok(Sets { train: Arc::new(train), validation, unlabelled: None, test: Arc::new(test) })
    }

    fn load_test(&self, _: &[String]) -> Result<Arc<dyn Dataset>, SourceError> {
        Ok(Arc::new(parts(&self.0)?.test))
    }

    fn speech(&self) -> Result<Option<Parts>, SourceError> {
        Ok(Some(parts(&self.0)?))
    }
}

/// The paper's windows: 26 frames of 40 bands, the label that of the 21st.
fn parts(folder: &Path) -> Result<Parts, AudioError> {
    let mut corpus = asterisk_en(folder, &FilterbankConfig::for_rate(RATE), Recordings::Known)?;
    corpus.normalize(Normalization::Training)?;
    corpus.into_parts(Context::PAPER)
}
