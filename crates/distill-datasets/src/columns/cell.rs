use std::borrow::Cow;

use super::canonical;

/// What stands in one place of a table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// A word, or a number that is written out.
    Text(&'a str),
    /// A whole number.
    Whole(i64),
    /// A number.
    Real(f64),
}

impl<'a> Cell<'a> {
    /// As people write it, without spaces around it. Nothing stands for what is missing.
    pub fn text(self) -> Cow<'a, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text.trim()),
            Self::Whole(value) => Cow::Owned(value.to_string()),
            // There is no negative zero among names.
            Self::Real(value) => Cow::Owned((value + 0.0).to_string()),
        }
    }

    /// The name of a category or a class: the same for a number in every form of table.
    pub(crate) fn name(self) -> Cow<'a, str> {
        match self.text() {
            Cow::Borrowed(text) => canonical(text),
            owned @ Cow::Owned(_) => owned,
        }
    }

    /// Whether it says that there is no number: nothing, `NA`, `NaN` and the like, or `?`.
    pub(super) fn is_missing(self) -> bool {
        const WORDS: [&str; 7] = ["", "na", "n/a", "nan", "null", "none", "?"];
        match self {
            Self::Text(text) => WORDS.iter().any(|word| text.trim().eq_ignore_ascii_case(word)),
            Self::Whole(_) => false,
            Self::Real(value) => value.is_nan(),
        }
    }

    /// The number as inputs have it, if it is a finite one.
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "inputs are f32")]
    pub fn number(self) -> Option<f32> {
        let value = match self {
            Self::Text(text) => text.trim().parse::<f64>().ok()? as f32,
            Self::Whole(value) => value as f32,
            Self::Real(value) => value as f32,
        };
        Some(value).filter(|value| value.is_finite())
    }
}
