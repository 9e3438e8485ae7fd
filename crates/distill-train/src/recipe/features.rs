use serde::{Deserialize, Serialize};

use super::{Recipe, TargetsMode};
use crate::ConfigProblem;

/// Losses on inner values that a recipe may have: each is a named term beside those on the logits.
pub(super) const MAX_FEATURES: usize = 5;

/// A loss on inner values of student and teacher, which is added to that on the logits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FeatureConfig {
    /// What is compared.
    pub kind: FeatureKind,
    /// Inner value of the student, such as `hidden.0` or `stage.1`.
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["hidden.0"])))]
    pub student: String,
    /// Inner value of the teacher; of an ONNX file one that `teacher.taps` names.
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["hidden.0"])))]
    pub teacher: String,
    /// What the term counts; the loss on the logits counts 1. With 0 it is watched and changes nothing.
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0), extend("examples" = [100.0])))]
    pub weight: f64,
}

/// What is compared of two inner values. None needs a projection, so models of other widths fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum FeatureKind {
    /// Which examples of a batch are alike, see [`Similarity`](distill_losses::Similarity).
    Similarity,
    /// How far the examples of a batch are from each other, see [`RelationalDistance`](distill_losses::RelationalDistance).
    RelationalDistance,
    /// Where in an image a map is large, see [`Attention`](distill_losses::Attention).
    Attention,
}

impl FeatureKind {
    /// As it stands in a recipe.
    pub fn name(self) -> &'static str {
        match self {
            Self::Similarity => "similarity",
            Self::RelationalDistance => "relational-distance",
            Self::Attention => "attention",
        }
    }
}

impl FeatureConfig {
    /// Inner values in words, such as `similarity of hidden.0 and hidden.1`.
    pub fn describe(&self) -> String {
        format!("{} of {} and {}", self.kind.name(), self.student, self.teacher)
    }
}

impl Recipe {
    /// Checks what losses on inner values demand of the rest of the recipe.
    pub(super) fn validate_features(&self) -> Result<(), ConfigProblem> {
        let features = &self.kd.features;
        if features.len() > MAX_FEATURES {
            let problem = format!("has at most {MAX_FEATURES} losses, got {}", features.len());
            return Err(ConfigProblem::new("kd.features", problem, "leave some of them out"));
        }
        for (i, feature) in features.iter().enumerate() {
            if !(feature.weight.is_finite() && feature.weight >= 0.0) {
                let problem = format!("must be a finite number of at least 0, got {}", feature.weight);
                let help = "set `weight = 100.0`, or `weight = 0.0` to watch the term alone";
                return Err(ConfigProblem::new(&format!("kd.features[{i}].weight"), problem, help));
            }
        }
        if features.is_empty() {
            return Ok(());
        }
        let why = "a loss on inner values asks the teacher for more than its logits, in every batch";
        if self.kd.targets == TargetsMode::Cached {
            let problem = "is \"cached\", but `kd.features` compares inner values";
            return Err(
                ConfigProblem::new("kd.targets", problem, "set `targets = \"live\"`, or leave it out").note(why)
            );
        }
        if self.kd.cache.is_some() {
            let problem = "is set, but `kd.features` compares inner values";
            return Err(ConfigProblem::new("kd.cache", problem, "leave one of them out").note(why));
        }
        if self.teacher.is_ensemble() {
            let problem = "compares inner values, but an ensemble of teachers has none";
            let help = "name one teacher, or leave `features` out";
            return Err(ConfigProblem::new("kd.features", problem, help)
                .note("only their logits are averaged; one teacher for each seed is possible"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(kd: &str, teacher: &str) -> Result<Recipe, String> {
        let feature = r#"{"kind": "similarity", "student": "hidden.0", "teacher": "hidden.1", "weight": 3000.0}"#;
        let kd = kd.replace("FEATURE", feature);
        let text = format!(
            r#"{{"name": "t", "data": {{"source": "d"}}, "teacher": {teacher}, "student": {{"model": {{"hidden": [3]}}}},
            "kd": {kd}}}"#
        );
        let recipe: Recipe = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        recipe.validate().map_err(|problem| problem.to_string())?;
        Ok(recipe)
    }

    const MODEL: &str = r#"{"model": {"hidden": [9]}}"#;

    #[test]
    fn a_teacher_with_inner_values_is_asked_live() {
        let found = recipe(r#"{"features": [FEATURE]}"#, MODEL).unwrap();
        assert_eq!(found.kd.features[0].describe(), "similarity of hidden.0 and hidden.1");
        assert!(!found.caches_targets() && recipe("{}", MODEL).unwrap().caches_targets());
        // Recipes from before are written as before.
        assert!(!serde_json::to_string(&recipe("{}", MODEL).unwrap().kd).unwrap().contains("features"));
    }

    #[test]
    fn what_has_no_meaning_is_refused() {
        let error = |kd: &str, teacher: &str| recipe(kd, teacher).unwrap_err();
        let with = |weight: &str| r#"{"features": [FEATURE, FEATURE]}"#.to_owned().replacen("FEATURE", weight, 1);
        let bad = r#"{"kind": "attention", "student": "a", "teacher": "b", "weight": -1.0}"#;
        assert!(
            error(&with(bad), MODEL).starts_with("kd.features[0].weight must be a finite number of at least 0, got -1")
        );
        let six = format!(r#"{{"features": [{}]}}"#, ["FEATURE"; 6].join(", "));
        assert_eq!(error(&six, MODEL), "kd.features has at most 5 losses, got 6");
        let cached = r#"{"features": [FEATURE], "targets": "cached"}"#;
        assert_eq!(error(cached, MODEL), "kd.targets is \"cached\", but `kd.features` compares inner values");
        let cache = r#"{"features": [FEATURE], "cache": "x.safetensors"}"#;
        assert!(error(cache, r#"{"weights": "t.safetensors"}"#).starts_with("kd.cache is set, but"));
        for several in [r#"{"model": {"hidden": [9]}, "seeds": [1, 2]}"#, r#"{"weights": ["a", "b"]}"#] {
            assert!(error(r#"{"features": [FEATURE]}"#, several).contains("an ensemble of teachers"));
        }
        for (from, to) in [("similarity", "hint"), ("\"weight\"", "\"wieght\""), (", \"weight\": 3000.0", "")] {
            let feature =
                r#"{"kind": "similarity", "student": "a", "teacher": "b", "weight": 3000.0}"#.replace(from, to);
            assert!(recipe(&format!(r#"{{"features": [{feature}]}}"#), MODEL).is_err(), "{feature}");
        }
        // Not a number is not to be written in JSON.
        let mut recipe = recipe(r#"{"features": [FEATURE]}"#, MODEL).unwrap();
        for weight in [f64::NAN, f64::INFINITY] {
            recipe.kd.features[0].weight = weight;
            assert_eq!(recipe.validate().unwrap_err().path, "kd.features[0].weight");
        }
    }
}
