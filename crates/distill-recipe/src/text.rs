//! How text becomes numbers: what a recipe says, and what a model's file remembers.

use distill_models::Provenance;
use distill_text::{Features, NGrams, TextEncoder, TextError};
use distill_train::{DataConfig, TextConfig, TextFeatures};
use serde::{Deserialize, Serialize};

/// Under this name a model's file says how the text that it was trained on was read.
pub(crate) const TEXT: &str = "text";

/// Bytes of a text in a table that are looked at, where nobody says how many.
pub(crate) const LENGTH: usize = 128;

/// How a model was trained to see text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextReading {
    /// The column of a table, where the text came from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The column with the class, where somebody has named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What a text is to the model.
    pub config: TextConfig,
}

impl TextReading {
    pub(crate) fn columns(&self) -> Option<(String, Option<String>)> {
        Some((self.column.clone()?, self.label.clone()))
    }

    /// How a model of this width sees a text, if that is what it says.
    pub fn column(self, features: usize) -> Option<TextColumn> {
        let encoder = encoder(&self.config, LENGTH).ok().filter(|encoder| encoder.width() == features)?;
        let is_trimmed = self.column.is_some();
        Some(TextColumn { name: self.column.unwrap_or_else(|| TEXT.to_owned()), encoder, is_trimmed })
    }
}

/// How a model that was trained on texts sees one: the column or key that it is under, and what its numbers are.
#[derive(Debug, Clone)]
pub struct TextColumn {
    name: String,
    encoder: TextEncoder,
    /// Whether spaces around a text are no part of it, as in a table.
    is_trimmed: bool,
}

impl TextColumn {
    /// The name of the column; `text` where texts came from no table.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Numbers of a row.
    pub fn width(&self) -> usize {
        self.encoder.width()
    }

    /// Writes a text into a row of that width.
    pub fn write(&self, text: &str, row: &mut [f32]) {
        self.encoder.write(if self.is_trimmed { text.trim() } else { text }, row);
    }
}

/// What a recipe says, with how many bytes are looked at where it does not.
pub(crate) fn encoder(config: &TextConfig, length: usize) -> Result<TextEncoder, TextError> {
    let features = match config.features {
        TextFeatures::Bytes => Features::Bytes,
        TextFeatures::NGrams => NGrams::new(config.n_gram, config.buckets)?.into(),
    };
    TextEncoder::new(features, config.length.unwrap_or(length))
}

/// How the text that a model was trained on was read, if its file says so.
pub fn text_of(provenance: &Provenance) -> Option<TextReading> {
    provenance.get(TEXT).and_then(|text| serde_json::from_str(text).ok())
}

/// What a model's file says of text. Models of hashed n-grams of snippets said nothing, and their files stay as they are.
pub(crate) fn remember(config: &DataConfig) -> Option<(String, String)> {
    let mut text = config.text.unwrap_or_default();
    let column = config.text_column().map(str::to_owned);
    if column.is_none() && text.features == TextFeatures::NGrams {
        return None;
    }
    // So that a model is asked as it was trained, whatever is usual then.
    text.length.get_or_insert(if column.is_some() { LENGTH } else { text.characters.saturating_mul(4) });
    let label = config.columns.as_ref().and_then(|columns| columns.label.clone());
    let json = serde_json::to_string(&TextReading { column, label, config: text }).ok()?;
    Some((TEXT.to_owned(), json))
}
