use std::collections::BTreeMap;

use distill_models::{Average, ModelConfig};
use serde::{Deserialize, Serialize};

use super::onnx::OnnxConfig;
use super::taps::Taps;
use super::{Recipe, first_duplicate, validate_model};
use crate::TrainConfig;
use crate::{ConfigProblem, TeacherClasses};

/// What `min_probability` may be: 1e-12 is as good as 0, and of two classes one has at least a half.
const MIN_PROBABILITY: f64 = 1e-12;
const MAX_PROBABILITY: f64 = 0.5;

/// One path, a list of them, or one for each seed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Paths {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
    /// One for each seed of a recipe, by the seed: `{ 1 = "a", 2 = "b" }`.
    OfSeeds(BTreeMap<String, String>),
}

impl Paths {
    /// All of them.
    pub fn all(&self) -> Vec<&str> {
        match self {
            Self::One(path) => vec![path],
            Self::Several(paths) => paths.iter().map(String::as_str).collect(),
            Self::OfSeeds(paths) => paths.values().map(String::as_str).collect(),
        }
    }

    /// All of them, to change.
    pub fn all_mut(&mut self) -> Vec<&mut String> {
        match self {
            Self::One(path) => vec![path],
            Self::Several(paths) => paths.iter_mut().collect(),
            Self::OfSeeds(paths) => paths.values_mut().collect(),
        }
    }
}

/// A teacher: a file, or a model to train first; or an ensemble of either.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TeacherConfig {
    /// Safetensors files written by this program, or ONNX files: one, a list of files that teach together, or a table with
    /// one for each seed. If set, `model` and `train` are not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["teacher.safetensors"])))]
    pub weights: Option<Paths>,
    /// Settings that ONNX files do not contain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onnx: Option<OnnxConfig>,
    /// Inner values of an ONNX file that `kd.features` compares, by their names in the file: a list, or a table that names them
    /// anew.
    #[serde(default, skip_serializing_if = "Taps::is_empty")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [["/layer3/Relu_output_0"]])))]
    pub taps: Taps,
    /// Whether tables of teacher answers hold probabilities. Left out: true if every row adds up to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probabilities: Option<bool>,
    /// Lower bound for teacher probabilities; smaller ones are raised to it. Left out: zeros are replaced by half the
    /// smallest other probability, at most 0.01.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1e-12, max = 0.5)))]
    pub min_probability: Option<f64>,
    /// How the classes of a teacher from a file may differ from the data's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub classes: TeacherClasses,
    /// Train a teacher from each of these seeds; their ensemble teaches all students. Empty: every
    /// student has a teacher of its own seed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(min = 2), extend("uniqueItems" = true)))]
    pub seeds: Vec<u64>,
    /// Train this many teachers, each without one part of the training set. A student learns what the teacher says that has
    /// not seen the example, and of other inputs what all say together. With as many files in `weights`: these are they, in the
    /// order of the parts. 0: no parts.
    #[serde(default, skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "schema", schemars(range(max = 100)))]
    pub folds: u32,
    /// How the outputs of several teachers are averaged.
    #[serde(default, skip_serializing_if = "is_default")]
    pub average: Average,
    /// Relative weight of each of several teachers. Empty: equal weights.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(extend("items" = { "type": "number", "format": "double", "exclusiveMinimum": 0.0 })))]
    pub shares: Vec<f64>,
    /// What several teachers count by in each example, beside their shares.
    #[serde(default, skip_serializing_if = "is_default")]
    pub weighting: Weighting,
    /// Minimum accuracy of the teacher, from 0 to 1; below it the run stops. Left out: a tenth of the way from
    /// always predicting the most frequent class to being always right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0, max = 1.0)))]
    pub min_accuracy: Option<f64>,
    /// The model to train, if `weights` is not set: a table, or the name of an ONNX file that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::model_schema::model_or_file"))]
    pub model: Option<ModelConfig>,
    /// How to train it.
    #[serde(default)]
    pub train: TrainConfig,
}

/// What several teachers count by in each example.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Weighting {
    /// Their shares alone, the same for all examples.
    #[default]
    Shares,
    /// How sure each is: one over the perplexity of its probabilities.
    Entropy,
    /// How often each was right on the validation set where it named the class that it names.
    Accuracy,
}

/// Whether a path is that of an ONNX file.
pub fn is_onnx(path: impl AsRef<std::path::Path>) -> bool {
    path.as_ref().extension().is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"))
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl TeacherConfig {
    /// The paths of teachers that are there already; none where they are trained.
    pub fn files(&self) -> Vec<&str> {
        self.weights.as_ref().map_or(vec![], Paths::all)
    }

    /// Those of the teachers of the students of a seed.
    pub fn files_for(&self, seed: u64) -> Vec<&str> {
        match &self.weights {
            Some(Paths::OfSeeds(paths)) => paths.get(&seed.to_string()).map(String::as_str).into_iter().collect(),
            _ => self.files(),
        }
    }

    /// Whether each seed has a teacher of its own, which is a file.
    pub fn is_of_seeds(&self) -> bool {
        matches!(self.weights, Some(Paths::OfSeeds(_)))
    }

    /// Whether several models teach as one.
    pub fn is_ensemble(&self) -> bool {
        self.n_members() > 1
    }

    /// See [`min_probability`](Self::min_probability); teachers compute in f32.
    #[expect(clippy::cast_possible_truncation, reason = "validated to be between 1e-12 and 0.5")]
    pub fn min_probability_f32(&self) -> Option<f32> {
        self.min_probability.map(|p| p as f32)
    }

    fn n_members(&self) -> usize {
        match &self.weights {
            Some(Paths::Several(files)) => files.len(),
            Some(Paths::One(_) | Paths::OfSeeds(_)) => 1,
            None => self.member_seeds().len().max(1),
        }
    }

    /// The seeds of several teachers that are trained here; with folds they count from 1. None where each seed of the recipe
    /// has a teacher of its own.
    pub fn member_seeds(&self) -> Vec<u64> {
        match self.folds {
            0 => self.seeds.clone(),
            n => (1..=u64::from(n)).collect(),
        }
    }

    fn validate_folds(&self) -> Result<(), ConfigProblem> {
        const MAX_FOLDS: u32 = 100;
        let wrong = |problem: String, help: &str| Err(ConfigProblem::new("folds", problem, help));
        match (self.folds, &self.weights) {
            (0, _) => Ok(()),
            (1, _) => wrong("must be at least 2, got 1".to_owned(), "set `folds = 5`, or leave it out"),
            (n, _) if n > MAX_FOLDS => wrong(format!("must be at most {MAX_FOLDS}, got {n}"), "set `folds = 5`"),
            (_, None) if !self.seeds.is_empty() => {
                wrong("is set, and `seeds` too".to_owned(), "leave one of them out; both train several teachers")
            }
            (_, None) => Ok(()),
            (n, Some(Paths::Several(files))) if files.len() == n as usize => Ok(()),
            (n, Some(_)) => {
                let problem = format!("is {n}, but `weights` does not list {n} files, one for each fold");
                wrong(
                    problem,
                    "list the teachers in the order of the folds, each trained without its own, or leave `folds` out",
                )
            }
        }
    }

    fn validate_members(&self) -> Result<(), ConfigProblem> {
        if self.weights.is_some() && self.files().is_empty() {
            let help = "name a file, or leave `weights` out to train a teacher";
            return Err(ConfigProblem::new("weights", "must name at least one file, got none", help));
        }
        if self.weights.is_some() && !self.seeds.is_empty() {
            let note = "teachers that come from files are not trained";
            let help = "leave one of them out; `teacher.seeds=[]` on the command line does";
            return Err(ConfigProblem::new("seeds", "is set beside `weights`", help).note(note));
        }
        if self.seeds.len() == 1 {
            let help = "name more, or leave `seeds` out; one teacher of all seeds is trained first and named in `teacher.weights`";
            return Err(ConfigProblem::new("seeds", "must name at least two teachers, got 1", help));
        }
        if let Some(seed) = first_duplicate(&self.seeds) {
            return Err(ConfigProblem::new("seeds", format!("lists seed {seed} twice"), "list every seed once")
                .note("the same seed gives the same model, so it would count twice"));
        }
        let n = self.n_members();
        if !self.shares.is_empty() && self.shares.len() != n {
            let problem = format!("must be as many as there are teachers, {n}, got {}", self.shares.len());
            return Err(ConfigProblem::new(
                "shares",
                problem,
                "give one number for each teacher, or leave `shares` out",
            ));
        }
        if self.weighting != Weighting::Shares && n < 2 {
            let problem = "is set, and there is one teacher";
            return Err(ConfigProblem::new("weighting", problem, "name several teachers, or leave `weighting` out"));
        }
        match self.shares.iter().find(|share| !(**share > 0.0 && share.is_finite())) {
            Some(share) => {
                let problem = format!("must be finite numbers greater than 0, got {share}");
                Err(ConfigProblem::new("shares", problem, "remove a teacher that should not count"))
            }
            None => Ok(()),
        }
    }

    /// Each seed of the recipe needs its teacher.
    pub(super) fn validate_for(&self, seeds: &[u64]) -> Result<(), ConfigProblem> {
        if !self.is_of_seeds() {
            return Ok(());
        }
        match seeds.iter().find(|&&seed| self.files_for(seed).is_empty()) {
            Some(seed) => {
                let help =
                    format!("add `{seed} = \"teacher-seed{seed}.safetensors\"`, or leave the seed out of `seeds`");
                Err(ConfigProblem::new("weights", format!("names no file for seed {seed}"), help)
                    .note("a table names a teacher for each seed; one name is that of a teacher of all seeds"))
            }
            None => Ok(()),
        }
    }

    /// Settings for files are of no use without any.
    fn validate_files(&self) -> Result<(), ConfigProblem> {
        if self.classes == TeacherClasses::Subset && self.weights.is_none() {
            let note = "a teacher that is trained here has the classes of the data";
            return Err(ConfigProblem::new("classes", "is set without `weights`", "leave it out").note(note));
        }
        if self.probabilities.is_some() && self.files().into_iter().all(is_onnx) {
            let help = "leave it out, or name a table in `weights`; for ONNX files set `teacher.onnx.probabilities`";
            return Err(ConfigProblem::new("probabilities", "is set, but no teacher is a table of answers", help));
        }
        if let Some(p) = self.min_probability {
            if self.weights.is_none() {
                let note = "the probabilities of a teacher that is trained here are never 0";
                return Err(
                    ConfigProblem::new("min_probability", "is set without `weights`", "leave it out").note(note)
                );
            }
            if !(MIN_PROBABILITY..=MAX_PROBABILITY).contains(&p) {
                let problem = format!("must be from {MIN_PROBABILITY} to {MAX_PROBABILITY}, got {p}");
                return Err(ConfigProblem::new("min_probability", problem, "set `min_probability = 0.001`"));
            }
        }
        self.validate_taps()?;
        let Some(onnx) = &self.onnx else { return Ok(()) };
        if !self.files().into_iter().any(is_onnx) {
            let help = "leave it out, or name a file that ends with .onnx in `weights`";
            return Err(ConfigProblem::new("onnx", "is set, but no teacher is an ONNX file", help));
        }
        onnx.validate().map_err(|problem| problem.under("onnx"))
    }

    /// Networks of this program show all their values.
    fn validate_taps(&self) -> Result<(), ConfigProblem> {
        if self.taps.is_empty() {
            return Ok(());
        }
        if !self.files().into_iter().any(is_onnx) {
            let help = "leave it out, or name a file that ends with .onnx in `weights`";
            return Err(ConfigProblem::new("taps", "is set, but no teacher is an ONNX file", help)
                .note("a network of this program shows its values by itself: `hidden.0`, `stage.1` and so on"));
        }
        if self.is_ensemble() {
            let problem = "is set, but an ensemble of teachers has no inner values";
            return Err(ConfigProblem::new("taps", problem, "name one teacher, or leave `taps` out"));
        }
        self.taps.validate()
    }

    /// What a teacher explains of the variance of numbers may be less than nothing.
    pub(super) fn validate(&self, predicts_numbers: bool) -> Result<(), ConfigProblem> {
        let (possible, range) = match predicts_numbers {
            true => (f64::MIN..=1.0, "a number up to 1"),
            false => (0.0..=1.0, "between 0 and 1"),
        };
        if let Some(accuracy) = self.min_accuracy.filter(|accuracy| !possible.contains(accuracy)) {
            return Err(ConfigProblem::new(
                "min_accuracy",
                format!("must be {range}, got {accuracy}"),
                "set `min_accuracy = 0.9`, or leave the key out",
            ));
        }
        self.validate_folds()?;
        self.validate_members()?;
        self.validate_files()?;
        match (&self.weights, &self.model) {
            (Some(_), _) => Ok(()),
            (None, Some(model)) => {
                validate_model(model).map_err(|problem| problem.under("model"))?;
                self.train.validate().map_err(|problem| problem.under("train"))
            }
            (None, None) => Err(ConfigProblem::new(
                "model",
                "or `weights` is needed",
                "set `model = { hidden = [1200, 1200] }` to train a teacher, or `weights = \"teacher.safetensors\"`",
            )),
        }
    }
}

impl Recipe {
    /// Teachers of folds know the examples of their own by the inputs.
    pub(super) fn validate_folds(&self) -> Result<(), ConfigProblem> {
        if self.teacher.folds > 0 && self.train.augment.changes_inputs() {
            let help = "leave one of them out; `data.mixtures` and `data.munge` also make further inputs";
            let problem = "is set, but `train.augment` changes the inputs of the students";
            return Err(ConfigProblem::new("teacher.folds", problem, help)
                .note("the teacher that has not seen an example is found by its input"));
        }
        Ok(())
    }
}
