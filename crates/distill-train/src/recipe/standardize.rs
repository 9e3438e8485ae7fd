use distill_datasets::DataSpec;
use serde::{Deserialize, Serialize};

use crate::ConfigProblem;

/// Whether and how inputs are standardised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "expected true, false or \"channel\"")]
pub enum Standardize {
    /// Each number by its own mean and deviation, or none.
    Each(bool),
    /// Several numbers by the same.
    Together(Together),
}

/// Numbers of an input that have one mean and one deviation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Together {
    /// All pixels of a colour.
    Channel,
}

impl Standardize {
    /// Whether anything is done to inputs.
    pub fn is_on(self) -> bool {
        self != Self::Each(false)
    }

    /// How many numbers of an input, one after the other, have one mean and one deviation.
    ///
    /// # Errors
    /// If inputs have no channels.
    pub(crate) fn size(self, spec: &DataSpec) -> Result<usize, ConfigProblem> {
        match (self, &spec.input_shape[..]) {
            (Self::Each(_), _) => Ok(1),
            (Self::Together(Together::Channel), [_, height, width]) => Ok(height * width),
            (Self::Together(Together::Channel), shape) => {
                let problem = format!("is \"channel\", but inputs have the shape {shape:?} and no channels");
                Err(ConfigProblem::new("data.standardize", problem, "set `standardize = true`, each number by itself")
                    .note("images have the shape [channels, height, width]"))
            }
        }
    }
}
