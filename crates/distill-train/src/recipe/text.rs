use serde::{Deserialize, Serialize};

use crate::ConfigProblem;

/// What is cut from text: snippets, seen as the numbers of the buckets of their n-grams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct TextConfig {
    /// Number of characters in a snippet.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub characters: usize,
    /// Number of training snippets, the same in every epoch.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub train: usize,
    /// Number of further snippets of the same paragraphs, used without labels. The distilled student also trains on these.
    #[serde(skip_serializing_if = "is_zero")]
    pub unlabelled: usize,
    /// Number of validation snippets, from separate paragraphs.
    pub validation: usize,
    /// Number of test snippets to draw, from separate paragraphs. Those whose text also occurs in a training paragraph are
    /// left out.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub test: usize,
    /// Length in bytes of the longest n-grams.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 8)))]
    pub n_gram: usize,
    /// Number of buckets for hashed n-grams, at most the number that the model's embedding has.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 16_777_216)))]
    pub buckets: u32,
}

impl Default for TextConfig {
    fn default() -> Self {
        Self {
            characters: 24,
            train: 125_000,
            unlabelled: 0,
            validation: 10_000,
            test: 50_000,
            n_gram: 4,
            buckets: 1 << 14,
        }
    }
}

pub(super) fn is_zero(n: &usize) -> bool {
    *n == 0
}

impl TextConfig {
    pub(super) fn validate(&self) -> Result<(), ConfigProblem> {
        for (key, n, help) in [
            ("characters", self.characters, "set `characters = 24`"),
            ("train", self.train, "set `train = 125000`"),
            ("test", self.test, "set `test = 50000`"),
        ] {
            if n == 0 {
                return Err(ConfigProblem::new(key, "must be at least 1, got 0", help));
            }
        }
        Ok(())
    }
}
