use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::ConfigProblem;

/// Inner values of an ONNX teacher, by their names in the file: a list, or a table that names them anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    untagged,
    expecting = "expected a list of names, such as `[\"/layer3/Relu_output_0\"]`, or a table such as `{ deep = \"/layer3/Relu_output_0\" }`"
)]
pub enum Taps {
    /// Each is called as in the file.
    List(Vec<String>),
    /// Each has a name of its own.
    Named(BTreeMap<String, String>),
}

impl Default for Taps {
    fn default() -> Self {
        Self::List(vec![])
    }
}

impl Taps {
    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::List(names) => names.is_empty(),
            Self::Named(names) => names.is_empty(),
        }
    }

    /// The name of each, and its name in the file.
    pub fn pairs(&self) -> Vec<(&str, &str)> {
        match self {
            Self::List(names) => names.iter().map(|name| (name.as_str(), name.as_str())).collect(),
            Self::Named(names) => names.iter().map(|(name, tensor)| (name.as_str(), tensor.as_str())).collect(),
        }
    }

    /// Checks the names that are wrong in every file.
    pub(super) fn validate(&self) -> Result<(), ConfigProblem> {
        let mut seen = HashSet::new();
        for (name, tensor) in self.pairs() {
            let problem = match (name, tensor) {
                ("", _) | (_, "") => "has an empty name".to_owned(),
                ("logits", _) => "names a value `logits`, which is the name of the output".to_owned(),
                _ if !seen.insert(tensor) => format!("names `{tensor}` twice"),
                _ => continue,
            };
            let help =
                "name each value once, such as `taps = [\"/layer3/Relu_output_0\"]`; `distill inspect` lists them";
            return Err(ConfigProblem::new("taps", problem, help));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taps(text: &str) -> Taps {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_list_and_a_table_name_values() {
        assert_eq!(taps(r#"["/a", "/b"]"#).pairs(), [("/a", "/a"), ("/b", "/b")]);
        assert_eq!(taps(r#"{"deep": "/b", "aft": "/a"}"#).pairs(), [("aft", "/a"), ("deep", "/b")]);
        assert!(Taps::default().is_empty() && taps("{}").is_empty() && !taps(r#"["/a"]"#).is_empty());
    }

    #[test]
    fn names_without_a_meaning_are_refused() {
        for (text, problem) in [
            (r#"["/a", "/a"]"#, "taps names `/a` twice"),
            (r#"{"x": "/a", "y": "/a"}"#, "taps names `/a` twice"),
            (r#"["/a", ""]"#, "taps has an empty name"),
            (r#"{"": "/a"}"#, "taps has an empty name"),
            (r#"["logits"]"#, "taps names a value `logits`, which is the name of the output"),
        ] {
            assert_eq!(taps(text).validate().unwrap_err().to_string(), problem, "{text}");
        }
    }
}
