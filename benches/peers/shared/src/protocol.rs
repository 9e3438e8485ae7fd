use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Work {
    Train,
    Throughput,
    Latency,
    Product,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lesson {
    Student,
    Teacher,
}

/// The non-linearity of the hidden units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    Relu,
    Tanh,
    Gelu,
}

/// What the pixels are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Inputs {
    /// Images, most of whose pixels are zero.
    Images,
    /// The same with noise, so that no pixel is.
    Dense,
}

impl Inputs {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Dense => "dense",
        }
    }
}

/// One measurement.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Request {
    pub work: Work,
    pub layers: Vec<usize>,
    pub batch: usize,
    pub lesson: Lesson,
    pub activation: Activation,
    pub inputs: Inputs,
    pub precision: String,
    pub warm_steps: usize,
    pub seconds: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Hello<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    pub(crate) threads: usize,
    pub(crate) features: &'a [&'a str],
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Reply {
    Refused { error: String },
    Done { value: f64, check: f64 },
}
