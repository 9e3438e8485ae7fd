/// A setting that can be read but has no meaning.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path} {problem}")]
pub struct ConfigProblem {
    /// Dotted path of the setting, such as `kd.temperature`.
    pub path: String,
    /// What is wrong with it, with the value.
    pub problem: String,
    /// Why that has no meaning.
    pub note: Option<String>,
    /// What to write instead.
    pub help: String,
}

impl ConfigProblem {
    pub(crate) fn new(path: &str, problem: impl Into<String>, help: impl Into<String>) -> Self {
        Self { path: path.to_owned(), problem: problem.into(), note: None, help: help.into() }
    }

    pub(crate) fn note(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }

    /// The same problem, seen from the table that holds the setting.
    pub(crate) fn under(self, table: &str) -> Self {
        Self { path: format!("{table}.{}", self.path), ..self }
    }
}

/// A finite number above zero.
pub(crate) fn positive(value: f64) -> bool {
    value.is_finite() && value > 0.0
}

/// What a batch that is computed in parts cannot have.
pub(crate) fn not_in_parts(setting: &str, note: &str) -> ConfigProblem {
    let problem = "is set, but `accumulate` cuts each batch into parts";
    ConfigProblem::new(setting, problem, "leave one of them out").note(note)
}
