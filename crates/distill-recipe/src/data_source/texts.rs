use std::path::Path;
use std::sync::Arc;

use distill_datasets::{DataError, Dataset, Split, TextFolder};
use distill_text::{TextEncoder, TextRows};
use distill_train::{Sets, TextConfig};

use super::SourceError;
use super::source::{Opened, Outcome, Reads, Settings};
use crate::data_folder::grouped;
use crate::memory::share;
use crate::text::{LENGTH, encoder};

/// A folder with tables of which one column is a text.
#[derive(Debug)]
struct Tables {
    folder: TextFolder,
    encoder: TextEncoder,
    /// The column that says which texts belong together.
    group: Option<String>,
}

/// Opens a folder whose tables have a column of text, which somebody has named, or one such table.
pub(super) fn open(dir: &Path, settings: Settings) -> Outcome {
    let (text, label) = settings.columns.unwrap_or_default();
    let Some(folder) = TextFolder::find(dir, &text, label.as_deref(), &settings.folder.division)? else {
        let problem = "has no tables with a column of text: neither `train.csv` nor `test.csv`, nor Parquet".to_owned();
        let error = DataError::Content { path: dir.to_owned(), problem };
        return Err(if dir.exists() { error.into() } else { SourceError::Missing(error) });
    };
    Ok(Box::new(Tables { folder, encoder: encoder(&settings.text, LENGTH)?, group: settings.folder.division.group }))
}

/// The first key of `data.text` that is set and says how snippets are cut.
pub(super) fn of_snippets(config: TextConfig) -> Option<&'static str> {
    let usual = TextConfig::default();
    let keys = [
        ("data.text.characters", config.characters == usual.characters),
        ("data.text.train", config.train == usual.train),
        ("data.text.unlabelled", config.unlabelled == usual.unlabelled),
        ("data.text.validation", config.validation == usual.validation),
        ("data.text.test", config.test == usual.test),
    ];
    keys.into_iter().find(|(_, is_usual)| !is_usual).map(|(key, _)| key)
}

impl Tables {
    fn read(
        &self,
        split: Split,
        classes: Option<&[String]>,
        memory: Option<u64>,
    ) -> Result<Arc<dyn Dataset>, SourceError> {
        let texts = self.folder.load(split, classes, memory.unwrap_or_else(share))?;
        let groups = self.group.as_deref().map(|group| self.folder.groups(split, group)).transpose()?.flatten();
        Ok(grouped(Arc::new(TextRows::new(texts, self.encoder)), groups))
    }
}

impl Opened for Tables {
    fn reads(&self) -> Reads {
        Reads::Texts
    }

    fn load(&self, classes: Option<&[String]>, memory: Option<u64>) -> Result<Sets, SourceError> {
        let train = self.read(Split::Train, classes, memory)?;
        let other = |split| self.read(split, Some(&train.spec().classes), memory);
        let validation = self.folder.has_validation().then(|| other(Split::Validation)).transpose()?;
        let test = other(Split::Test)?;
        Ok(Sets { train, validation, unlabelled: None, test })
    }

    fn load_test(&self, model_classes: &[String]) -> Result<Arc<dyn Dataset>, SourceError> {
        let classes = (!self.folder.is_listed()).then_some(model_classes);
        self.read(Split::Test, classes, None)
    }
}
