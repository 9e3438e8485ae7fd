use std::path::Path;
use std::sync::Arc;

use distill_datasets::{DataError, Dataset, IdxFolder, Images, Split, mnist};

/// What the training set of MNIST takes in memory: 60,000 images of 28 x 28 bytes with a label.
const MNIST_BYTES: u64 = 60_000 * (28 * 28 + 1);

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

    /// Opens the training and the test set. `classes` are the names of the recipe, if it has any,
    /// and `memory` the bytes that each of the sets may take.
    pub(crate) fn load_both(
        &self,
        classes: &[String],
        memory: Option<u64>,
    ) -> Result<[Arc<dyn Dataset>; 2], DataError> {
        let classes = (!classes.is_empty()).then_some(classes);
        let bound = memory.unwrap_or(u64::MAX);
        match self {
            Self::Mnist if bound < MNIST_BYTES => {
                Err(DataError::MemoryBound { path: None, needed: MNIST_BYTES, bound })
            }
            Self::Mnist => {
                let (train, test) = rayon::join(|| mnist(Split::Train), || mnist(Split::Test));
                Ok([rename(train?, classes)?, rename(test?, classes)?])
            }
            Self::Folder(folder) => {
                let train = folder.load_within(Split::Train, classes, bound)?;
                // Where nobody names the classes, the test set has those of the training set.
                let test = folder.load_within(Split::Test, Some(&train.spec().classes), bound)?;
                Ok([train, test])
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
