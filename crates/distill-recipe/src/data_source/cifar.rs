use std::sync::Arc;

use distill_datasets::{CifarFolder, Dataset, Split};
use distill_train::Sets;

use super::SourceError;
use super::source::{Inputs, Opened, Source};
use crate::memory::share;

/// `cifar-10`, whose files somebody has fetched.
pub(super) static CIFAR_10: Source = Source {
    name: "cifar-10",
    about: "photographs of ten things, 50,000 to train and 10,000 to test; you fetch the files",
    // What its archive unpacks to.
    folder: Some("cifar-10-batches-bin"),
    inputs: Inputs::Values,
    has_pictures: true,
    open: |folder, _| Ok(Box::new(Cifar10(CifarFolder::cifar_10(folder)?))),
};

#[derive(Debug)]
struct Cifar10(CifarFolder);

impl Opened for Cifar10 {
    fn load(&self, classes: Option<&[String]>, memory: Option<u64>) -> Result<Sets, SourceError> {
        let bound = memory.unwrap_or_else(share);
        let (train, test) = (self.0.load(Split::Train, classes, bound)?, self.0.load(Split::Test, classes, bound)?);
        Ok(Sets { train: Arc::new(train), validation: None, unlabelled: None, test: Arc::new(test) })
    }

    fn load_test(&self, _: &[String]) -> Result<Arc<dyn Dataset>, SourceError> {
        Ok(Arc::new(self.0.load(Split::Test, None, share())?))
    }
}
