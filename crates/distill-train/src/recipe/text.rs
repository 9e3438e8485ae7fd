use serde::{Deserialize, Serialize};

use crate::ConfigProblem;

/// What is cut from text: snippets, seen as the numbers of the buckets of their n-grams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct TextConfig {
    /// Characters of a snippet.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub characters: usize,
    /// Snippets to learn from, the same in every epoch.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub train: usize,
    /// Further snippets of the same paragraphs, whose labels nobody sees: the student with a teacher learns from them too.
    #[serde(skip_serializing_if = "is_zero")]
    pub unlabelled: usize,
    /// Snippets to watch training on, from paragraphs of their own.
    pub validation: usize,
    /// Snippets that models are compared on, from paragraphs of their own. Those whose text training paragraphs have too are
    /// drawn and left out.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub test: usize,
    /// Bytes of the longest n-grams.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 8)))]
    pub n_gram: usize,
    /// Buckets that the n-grams are hashed into, at most as many as the embedding of a model has.
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
