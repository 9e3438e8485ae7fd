use distill_train::{Fingerprint, Sets};

use super::job::Setup;
use crate::data_source::read_data;
use crate::diagnostic::Diagnostic;
use crate::model_file::sha256;

/// The data of a study.
#[derive(Clone)]
pub(crate) struct Data {
    pub(crate) sets: Sets,
    pub(crate) sha256: String,
}

impl Data {
    /// What a recipe names; all of a study name the same.
    pub(crate) fn read(setup: &Setup) -> Result<Self, Diagnostic> {
        let sets = read_data(&setup.file, &setup.recipe)?;
        let hash = |set: &dyn distill_datasets::Dataset| Fingerprint::of(set).map(|found| found.sha256());
        let sha256 = sha256(format!("{} {}", hash(&*sets.train)?, hash(&*sets.test)?).as_bytes());
        Ok(Self { sets, sha256 })
    }
}
