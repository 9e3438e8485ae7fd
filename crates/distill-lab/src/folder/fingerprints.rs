use distill_recipe::model_file::sha256;
use distill_train::{Experiment, Fingerprint, TrainError};

/// What the sets of a run hold.
pub struct Fingerprints {
    pub(crate) train: Fingerprint,
    pub(crate) validation: Option<Fingerprint>,
    pub(crate) unlabelled: Option<Fingerprint>,
    pub(crate) test: Fingerprint,
}

impl Fingerprints {
    pub(crate) fn of(experiment: &Experiment<'_>) -> Result<Self, TrainError> {
        Ok(Self {
            train: Fingerprint::of(experiment.train_set())?,
            validation: experiment.validation_set().map(Fingerprint::of).transpose()?,
            unlabelled: experiment.all().unlabelled.as_deref().map(Fingerprint::of).transpose()?,
            test: Fingerprint::of(experiment.test_set())?,
        })
    }

    /// One hash for all of them.
    pub(crate) fn sha256(&self) -> String {
        self.sha256_with_test(self.test.sha256())
    }

    /// The same as if the test set had another hash.
    pub(crate) fn sha256_with_test(&self, test: String) -> String {
        let of = |set: &Fingerprint| set.sha256();
        let text = [of(&self.train), self.validation.as_ref().map(of).unwrap_or_default(), test].join(" ");
        let text = self.unlabelled.as_ref().map_or(text.clone(), |unlabelled| format!("{text} {}", of(unlabelled)));
        sha256(text.as_bytes())
    }
}
