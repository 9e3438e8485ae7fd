use serde::{Deserialize, Serialize};

use crate::ConfigProblem;
use crate::problem::positive;

/// When the state of training is written, so that it can go on after an interruption.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CheckpointConfig {
    /// Seconds between two checkpoints.
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0.0)))]
    pub every_seconds: f64,
    /// Also after every so many steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub every_steps: Option<u32>,
    /// How many of a model are kept. Each holds the best weights too.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub keep_last: usize,
    /// Whether those of models that are finished stay. Nothing needs them any more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub keep_finished: bool,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        Self { every_seconds: 30.0, every_steps: None, keep_last: 3, keep_finished: false }
    }
}

impl CheckpointConfig {
    pub(crate) fn validate(&self) -> Result<(), ConfigProblem> {
        if !positive(self.every_seconds) {
            return Err(ConfigProblem::new(
                "every_seconds",
                format!("must be a finite number greater than 0, got {}", self.every_seconds),
                "set `every_seconds = 30.0`",
            ));
        }
        if self.every_steps == Some(0) {
            return Err(ConfigProblem::new(
                "every_steps",
                "must be at least 1, got 0",
                "set `every_steps = 500`, or leave the key out",
            ));
        }
        if self.keep_last == 0 {
            return Err(ConfigProblem::new("keep_last", "must be at least 1, got 0", "set `keep_last = 3`")
                .note("without checkpoints a run cannot be resumed"));
        }
        Ok(())
    }
}
