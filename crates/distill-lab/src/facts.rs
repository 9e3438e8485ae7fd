use distill_models::Network;
use distill_train::Evaluation;
use serde::{Deserialize, Serialize};

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
    /// How many of them it gets wrong.
    pub test_errors: usize,
    /// Mean negative log-likelihood, in nats.
    pub test_nll: f64,
    /// Of the safetensors file, in hexadecimal.
    pub weights_sha256: String,
}

impl Facts {
    pub(crate) fn new(key: String, label: String, model: &Network, seed: u64, test: &Evaluation) -> Self {
        let spec = distill_models::Model::spec(model);
        Self {
            key,
            label,
            architecture: spec.architecture.clone(),
            parameters: spec.parameters,
            seed,
            seconds: 0.0,
            threads: 0,
            test_examples: test.examples,
            test_errors: test.errors,
            test_nll: test.nll,
            weights_sha256: String::new(),
        }
    }
}
