use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use distill_train::{Fingerprint, Sets, TextConfig};

use super::job::Setup;
use crate::data_source::read_data;
use crate::diagnostic::Diagnostic;
use crate::model_file::sha256;

/// Some sets with what they are known by.
#[derive(Clone)]
pub(crate) struct Data {
    pub(crate) sets: Sets,
    pub(crate) sha256: String,
}

impl Data {
    fn read(setup: &Setup) -> Result<Self, Diagnostic> {
        let sets = read_data(&setup.file, &setup.recipe)?;
        let hash = |set: &dyn distill_datasets::Dataset| Fingerprint::of(set).map(|found| found.sha256());
        let sha256 = sha256(format!("{} {}", hash(&*sets.train)?, hash(&*sets.test)?).as_bytes());
        Ok(Self { sets, sha256 })
    }
}

/// The data of a study, and what recipes with other snippets have in its place: all have the same test set.
pub(crate) struct StudyData {
    own: Data,
    text: Option<TextConfig>,
    others: Mutex<Vec<(Option<TextConfig>, Arc<Data>)>>,
}

impl StudyData {
    /// What the first recipe of a study names.
    pub(crate) fn read(setup: &Setup) -> Result<Self, Diagnostic> {
        Ok(Self { own: Data::read(setup)?, text: setup.recipe.data.text, others: Mutex::default() })
    }

    /// What a recipe of it learns from.
    pub(crate) fn of(&self, setup: &Setup) -> Result<Data, Diagnostic> {
        let text = setup.recipe.data.text;
        if text == self.text {
            return Ok(self.own.clone());
        }
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, data)) = others.iter().find(|(other, _)| *other == text) {
            return Ok(Data::clone(data));
        }
        let data = Data::read(setup)?;
        others.push((text, Arc::new(data.clone())));
        Ok(data)
    }
}

impl Deref for StudyData {
    type Target = Data;

    fn deref(&self) -> &Data {
        &self.own
    }
}
