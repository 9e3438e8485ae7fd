use distill_datasets::MungeOptions;
use serde::{Deserialize, Serialize};

use crate::ConfigProblem;

/// Rows of each row: more would be more epochs.
const MAX_PASSES: usize = 100;

/// Further rows of a table, made from those that are there, as of Bucila and others (2006).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct MungeConfig {
    /// Number of rows made from each row. 0: none.
    #[cfg_attr(feature = "schema", schemars(range(max = 100)))]
    pub passes: usize,
    /// Probability that a column changes.
    #[cfg_attr(feature = "schema", schemars(range(max = 1.0), extend("exclusiveMinimum" = 0.0)))]
    pub p: f64,
    /// A number that changes is drawn around that of the nearest row; its standard deviation is their distance over `s`.
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0.0)))]
    pub s: f64,
}

impl Default for MungeConfig {
    fn default() -> Self {
        Self { passes: 0, p: 0.5, s: 1.0 }
    }
}

impl MungeConfig {
    /// Whether there are no such rows.
    pub fn is_off(&self) -> bool {
        self.passes == 0
    }

    pub(crate) fn options(&self, seed: u64) -> MungeOptions {
        MungeOptions { passes: self.passes, p: self.p, s: self.s, seed }
    }

    pub(super) fn validate(&self) -> Result<(), ConfigProblem> {
        if self.passes > MAX_PASSES {
            let problem = format!("must be at most {MAX_PASSES}, got {}", self.passes);
            return Err(ConfigProblem::new("passes", problem, "set `passes = 5`, rows made from each row"));
        }
        if !(self.p > 0.0 && self.p <= 1.0) {
            let problem = format!("must be greater than 0 and at most 1, got {}", self.p);
            return Err(ConfigProblem::new("p", problem, "set `p = 0.5`: every other column of a row changes"));
        }
        if !(self.s > 0.0 && self.s.is_finite()) {
            let problem = format!("must be a finite number greater than 0, got {}", self.s);
            return Err(ConfigProblem::new("s", problem, "set `s = 1.0`; numbers vary less the larger it is"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_without_a_meaning_are_refused_by_name() {
        let config = |text: &str| serde_json::from_str::<MungeConfig>(text).unwrap();
        let good = config(r#"{ "passes": 5 }"#);
        assert_eq!((good.p, good.s, good.is_off(), good.validate()), (0.5, 1.0, false, Ok(())));
        assert!(config("{}").is_off());
        for (bad, key) in [
            (MungeConfig { passes: 101, ..good }, "passes"),
            (MungeConfig { p: 0.0, ..good }, "p"),
            (MungeConfig { p: 1.1, ..good }, "p"),
            (MungeConfig { p: f64::NAN, ..good }, "p"),
            (MungeConfig { s: 0.0, ..good }, "s"),
            (MungeConfig { s: f64::INFINITY, ..good }, "s"),
        ] {
            assert_eq!(bad.validate().unwrap_err().path, key, "{bad:?}");
        }
    }
}
