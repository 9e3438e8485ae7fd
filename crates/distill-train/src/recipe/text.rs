use serde::{Deserialize, Serialize};

use crate::ConfigProblem;

/// What text is to a model, and how snippets are cut.
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
    /// What a text is to a model: `n-grams`, the numbers of the buckets of its n-grams, or `bytes`, one after the other.
    #[serde(skip_serializing_if = "TextFeatures::is_default")]
    pub features: TextFeatures,
    /// Number of bytes at the beginning of a text that are looked at. Left out: all of a snippet, 128 of a text in a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1_048_576)))]
    pub length: Option<usize>,
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
            features: TextFeatures::NGrams,
            length: None,
            n_gram: 4,
            buckets: 1 << 14,
        }
    }
}

/// What a text is to a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum TextFeatures {
    /// The numbers of the buckets of its n-grams, in no order: for an embedding.
    #[default]
    NGrams,
    /// Its bytes, one after the other: for a network that reads sequences.
    Bytes,
}

impl TextFeatures {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    fn is_default(&self) -> bool {
        *self == Self::NGrams
    }
}

pub(super) fn is_zero(n: &usize) -> bool {
    *n == 0
}

impl TextConfig {
    pub(super) fn validate(&self) -> Result<(), ConfigProblem> {
        for (key, n, help) in [
            ("length", self.length.unwrap_or(1), "set `length = 128`"),
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
