use std::sync::Arc;

use distill_datasets::{DataError, Dataset, Images, Split, mnist};
use distill_train::Sets;

use super::SourceError;
use super::source::{Inputs, Opened, Source};

/// What the training set takes in memory: 60,000 images of 28 x 28 bytes with a label of four.
const N_BYTES: u64 = 60_000 * (28 * 28 + 4);

/// `mnist`, which the program carries.
pub(super) static MNIST: Source = Source {
    name: "mnist",
    about: "handwritten digits, 60,000 images to train and 10,000 to test; part of the program",
    folder: None,
    inputs: Inputs::Values,
    has_pictures: true,
    open: |_, _| Ok(Box::new(Mnist)),
};

#[derive(Debug)]
struct Mnist;

impl Opened for Mnist {
    fn load(&self, classes: Option<&[String]>, memory: Option<u64>) -> Result<Sets, SourceError> {
        if let Some(bound) = memory.filter(|&bound| bound < N_BYTES) {
            return Err(DataError::MemoryBound { path: None, needed: N_BYTES, bound }.into());
        }
        let (train, test) = rayon::join(|| mnist(Split::Train), || mnist(Split::Test));
        let (train, test) = (rename(train?, classes)?, rename(test?, classes)?);
        Ok(Sets { train, validation: None, unlabelled: None, test })
    }

    fn load_test(&self, _: &[String]) -> Result<Arc<dyn Dataset>, SourceError> {
        Ok(Arc::new(mnist(Split::Test)?))
    }
}

fn rename(images: Images, classes: Option<&[String]>) -> Result<Arc<dyn Dataset>, DataError> {
    Ok(match classes {
        None => Arc::new(images),
        Some(classes) => Arc::new(images.with_classes(classes.to_vec())?),
    })
}
