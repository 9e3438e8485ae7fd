use distill_models::Network;
use distill_train::Measured;
use serde::{Deserialize, Serialize};

use crate::folder::NumberScores;

/// What is known of a trained model. The file with it is written last: where it is, the model is whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// SHA-256 of all that the weights depend on, in hexadecimal.
    pub key: String,
    /// What it was called when it was trained.
    pub label: String,
    /// Such as `784-30-10`.
    pub architecture: String,
    /// Numbers that training sets.
    pub parameters: usize,
    /// As [`Job::seed`](crate::jobs::Job::seed).
    pub seed: u64,
    /// Seconds of training, on so many threads.
    pub seconds: f64,
    /// Of this training alone, while others went on beside it.
    pub threads: usize,
    /// Examples that it was tested on.
    pub test_examples: usize,
    /// How many of them it gets wrong; 0 where it predicts numbers.
    pub test_errors: usize,
    /// Mean negative log-likelihood, in nats; of numbers the part of the variance that is left unexplained.
    pub test_nll: f64,
    /// Of a model that predicts numbers: how far they are from those of the test set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_numbers: Option<NumberScores>,
    /// Of the safetensors file, in hexadecimal.
    pub weights_sha256: String,
}

impl Facts {
    pub(crate) fn new(key: String, label: String, model: &Network, seed: u64, test: &Measured) -> Self {
        let spec = distill_models::Model::spec(model);
        let (test_errors, test_nll) = test.rank();
        Self {
            key,
            label,
            architecture: spec.architecture.clone(),
            parameters: spec.parameters,
            seed,
            seconds: 0.0,
            threads: 0,
            test_examples: test.examples(),
            test_errors,
            test_nll,
            test_numbers: test.numbers().map(|found| NumberScores::of(found, &spec.classes)),
            weights_sha256: String::new(),
        }
    }
}
