use distill_models::ModelSpec;
use distill_recipe::visible::visible;
use distill_recipe::{Code, Diagnostic};

/// How much of a value an error shows, in characters.
const N_SHOWN: usize = 40;

pub(crate) const VALUES: &str = "write numbers such as 0.5; pixels are from 0 to 1, as in training";

/// A row that cannot be used.
pub fn bad_row(place: impl std::fmt::Display, what: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Code::PredictInput, what).at(place)
}

/// What a model takes, such as `784 (1x28x28)`.
pub(crate) fn takes(spec: &ModelSpec) -> String {
    let sides: Vec<_> = spec.input_shape.iter().map(ToString::to_string).collect();
    match sides.as_slice() {
        [_] => spec.features().to_string(),
        _ => format!("{} ({})", spec.features(), sides.join("x")),
    }
}

/// A piece of the input in backquotes, without what would move the cursor.
pub(crate) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(N_SHOWN).map(visible).collect();
    if text.chars().nth(N_SHOWN).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}
