use std::collections::BTreeMap;

use distill_datasets::Dataset;
use distill_losses::ClassWeights;
use serde::{Deserialize, Serialize};

use crate::ConfigProblem;

/// How much an example of each class counts in the loss on labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum ClassWeightsConfig {
    /// As a word says.
    By(Balance),
    /// Weights by the names of classes; those that are not named have 1.
    Named(BTreeMap<String, f64>),
}

/// Weights that follow from the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Balance {
    /// All classes count alike, however many examples they have: see [`ClassWeights::balanced`].
    Balanced,
}

impl ClassWeightsConfig {
    /// Checks what can be checked without the data.
    ///
    /// # Errors
    /// The first weight without a meaning.
    pub(crate) fn validate(&self) -> Result<(), ConfigProblem> {
        let Self::Named(weights) = self else { return Ok(()) };
        let bad = weights.iter().find(|(_, weight)| !(0.0..f64::INFINITY).contains(*weight));
        bad.map_or(Ok(()), |(name, weight)| {
            let problem = format!("must be a finite number of at least 0, got {weight}");
            Err(ConfigProblem::new(name, problem, "set a weight such as 2.0; classes that are not named have 1.0"))
        })
    }

    /// The weights for a set of examples.
    ///
    /// # Errors
    /// For a name that no class has, and if all weights are 0.
    pub(crate) fn of(&self, data: &dyn Dataset) -> Result<ClassWeights, ConfigProblem> {
        let classes = &data.spec().classes;
        let weights = match self {
            Self::By(Balance::Balanced) => {
                let mut counts = vec![0; classes.len()];
                for label in (0..data.len()).filter_map(|index| data.label(index)) {
                    counts[label as usize] += 1;
                }
                return Ok(ClassWeights::balanced(&counts));
            }
            Self::Named(weights) => weights,
        };
        if let Some(name) = weights.keys().find(|name| !classes.contains(name)) {
            let help = "use the names of the data's classes, which `distill data` lists";
            return Err(ConfigProblem::new("class_weights", format!("names `{name}`, which is no class"), help));
        }
        let of = |class: &String| weights.get(class).copied().unwrap_or(1.0);
        ClassWeights::new(&classes.iter().map(of).collect::<Vec<_>>()).map_err(|_| {
            ConfigProblem::new("class_weights", "gives every class the weight 0", "give one class a weight above 0")
        })
    }
}

#[cfg(test)]
mod tests {
    use distill_datasets::Table;

    use super::*;
    use crate::TrainConfig;

    #[test]
    fn weights_are_those_of_the_names_or_of_the_counts() {
        let classes = ["a", "b"].map(str::to_owned).to_vec();
        let data = Table::new(vec![1], vec![0.0; 4], vec![0, 0, 0, 1], classes).unwrap();
        let config = |text: &str| serde_json::from_str::<ClassWeightsConfig>(text).unwrap();
        let of = |text: &str| config(text).of(&data);
        assert_eq!(of("\"balanced\"").unwrap(), ClassWeights::new(&[4.0 / 6.0, 2.0]).unwrap());
        assert_eq!(of(r#"{ "b": 3 }"#).unwrap(), ClassWeights::new(&[1.0, 3.0]).unwrap());
        assert_eq!(of(r#"{ "c": 3 }"#).unwrap_err().problem, "names `c`, which is no class");
        assert_eq!(of(r#"{ "a": 0, "b": 0 }"#).unwrap_err().problem, "gives every class the weight 0");
        assert!(serde_json::from_str::<ClassWeightsConfig>("\"even\"").is_err());
        let train = TrainConfig { class_weights: Some(config(r#"{ "a": -1 }"#)), ..TrainConfig::default() };
        assert_eq!(
            train.validate().unwrap_err().to_string(),
            "class_weights.a must be a finite number of at least 0, got -1"
        );
    }
}
