use std::path::Path;
use std::sync::Arc;

use distill_datasets::{DataError, Dataset, IdxFolder, Images, Split, mnist};

/// Where data comes from: a known name or a folder of IDX files.
#[derive(Debug)]
pub(crate) enum DataSource {
    Mnist,
    Folder(IdxFolder),
}

impl DataSource {
    pub(crate) fn open(source: &str) -> Result<Self, DataError> {
        match source {
            "mnist" => Ok(Self::Mnist),
            folder => Ok(Self::Folder(IdxFolder::open(Path::new(folder))?)),
        }
    }

    /// Whether the name is that of a folder.
    pub(crate) fn is_path(source: &str) -> bool {
        source != "mnist"
    }

    /// What data it is, apart from where it lies.
    pub(crate) fn kind(source: &str) -> &str {
        if Self::is_path(source) { "idx" } else { source }
    }

    /// Reads the training and the test set. `classes` are the names of the recipe, if it has any.
    pub(crate) fn load_both(&self, classes: &[String]) -> Result<[Arc<dyn Dataset>; 2], DataError> {
        let classes = (!classes.is_empty()).then_some(classes);
        match self {
            Self::Mnist => {
                let (train, test) = rayon::join(|| mnist(Split::Train), || mnist(Split::Test));
                Ok([rename(train?, classes)?, rename(test?, classes)?])
            }
            Self::Folder(folder) => {
                let train = folder.load(Split::Train, classes)?;
                // Where nobody names the classes, the test set has those of the training set.
                let test = folder.load(Split::Test, Some(&train.spec().classes))?;
                Ok([Arc::new(train), Arc::new(test)])
            }
        }
    }

    /// Reads the test set. Where the data names no classes it gets those of the model.
    pub(crate) fn load_test(&self, model_classes: &[String]) -> Result<Images, DataError> {
        match self {
            Self::Mnist => mnist(Split::Test),
            Self::Folder(folder) if folder.classes().is_some() => folder.load(Split::Test, None),
            Self::Folder(folder) => folder.load(Split::Test, Some(model_classes)),
        }
    }
}

fn rename(images: Images, classes: Option<&[String]>) -> Result<Arc<dyn Dataset>, DataError> {
    Ok(match classes {
        None => Arc::new(images),
        Some(classes) => Arc::new(images.with_classes(classes.to_vec())?),
    })
}
