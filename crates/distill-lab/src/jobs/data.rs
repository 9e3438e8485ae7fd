use distill_datasets::Dataset;
use distill_train::{DataConfig, Fingerprint, Sets, TextConfig};

use super::job::Setup;
use distill_recipe::Diagnostic;
use distill_recipe::data_source::{DataSource, read_data};
use distill_recipe::model_file::sha256;

/// The data of a study.
#[derive(Clone)]
pub struct Data {
    /// Training, validation and test set.
    pub sets: Sets,
    /// Their hashes.
    pub key: DataKey,
}

/// What the data of a study is known by in the keys of what is made from it.
#[derive(Debug, Clone, Default)]
pub struct DataKey {
    /// Training and test set.
    pub sha256: String,
    /// What training is watched on, where that is not what the source has if nothing is said: keys of models from before have none.
    pub validation: Option<String>,
    /// The inputs of a file without labels.
    pub unlabelled: Option<String>,
}

impl Data {
    /// What a recipe names; all of a study name the same.
    ///
    /// # Errors
    /// If data is missing, damaged or too large, with the place of the key that names it.
    pub fn read(setup: &Setup) -> Result<Self, Diagnostic> {
        let sets = read_data(&setup.file, &setup.recipe)?;
        let key = DataKey::of(&sets, &setup.recipe.data)?;
        Ok(Self { sets, key })
    }
}

impl DataKey {
    fn of(sets: &Sets, config: &DataConfig) -> Result<Self, Diagnostic> {
        let hash = |set: &dyn Dataset| Fingerprint::of(set).map(|found| found.sha256());
        let sha256 = sha256(format!("{} {}", hash(&*sets.train)?, hash(&*sets.test)?).as_bytes());
        let validation = match &sets.validation {
            Some(set) if DataSource::kind(&config.source) == "folder" => Some(hash(&**set)?),
            _ if config.text.unwrap_or_default().validation == TextConfig::default().validation => None,
            Some(set) => Some(hash(&**set)?),
            None => Some("none".to_owned()),
        };
        // Further snippets follow from the settings and from those that are known by their hash.
        let unlabelled = sets.unlabelled.as_ref().filter(|_| config.unlabelled.is_some());
        Ok(Self { sha256, validation, unlabelled: unlabelled.map(|set| hash(&**set)).transpose()? })
    }
}
