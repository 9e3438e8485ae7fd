use std::path::Path;
use std::sync::Arc;

use distill_datasets::{Dataset, Split};
use distill_train::Sets;

use super::SourceError;
use super::source::{Opened, Outcome, Reads, Settings};
use crate::data_folder::Folder;

/// Opens a folder with files of somebody, which is what every source is that no list has.
pub(super) fn open(folder: &Path, settings: Settings) -> Outcome {
    match Folder::open(folder, settings.folder) {
        Ok(folder) => Ok(Box::new(folder)),
        Err(error) if !folder.exists() => Err(SourceError::Missing(error)),
        Err(error) => Err(error.into()),
    }
}

impl Opened for Folder {
    fn reads(&self) -> Reads {
        match self {
            Self::Table(..) => Reads::Columns,
            Self::Arrays(_) => Reads::Layout,
            Self::Images(_) => Reads::Images,
            Self::Sounds(_) => Reads::Sound,
            Self::Cifar(_) => Reads::Coarse,
            Self::Idx(_) => Reads::Nothing,
        }
    }

    fn load(&self, classes: Option<&[String]>, memory: Option<u64>) -> Result<Sets, SourceError> {
        let train = self.load(Split::Train, classes, memory)?;
        // Where nobody names the classes, the other sets have those of the training set.
        let other = |split| self.load(split, Some(&train.spec().classes), memory);
        let validation = self.has_validation()?.then(|| other(Split::Validation)).transpose()?;
        let test = other(Split::Test)?;
        Ok(Sets { train, validation, unlabelled: None, test })
    }

    fn load_test(&self, model_classes: &[String]) -> Result<Arc<dyn Dataset>, SourceError> {
        let classes = self.classes().is_none().then_some(model_classes);
        Ok(self.load(Split::Test, classes, None)?)
    }
}
