mod data;
mod features;
mod files;
mod kd;
mod memory;
#[cfg(feature = "schema")]
mod model_schema;
mod munge;
mod numbers;
mod onnx;
mod paths;
mod standardize;
mod taps;
mod teacher;
mod text;

use std::collections::HashSet;
use std::hash::Hash;

use distill_datasets::Dataset;
use distill_models::{ModelConfig, ModelError};
use serde::{Deserialize, Serialize};

use crate::ConfigProblem;
use crate::{CheckpointConfig, TrainConfig};

pub use data::{DataConfig, SelectConfig};
pub use features::{FeatureConfig, FeatureKind};
pub use files::{ColumnConfig, ImageConfig, SoundConfig};
pub use kd::{KdConfig, KdMethod, TargetsMode};
pub use munge::MungeConfig;
pub use onnx::{ClassNames, ImageLayout, OnnxConfig};
pub use standardize::{Standardize, Together};
pub use taps::Taps;
pub use teacher::{Paths, TeacherConfig, Weighting, is_onnx};
pub use text::{TextConfig, TextFeatures};

/// The version of the recipe format that this program reads.
const VERSION: u32 = 1;

/// A whole experiment: a teacher, a student, and the same student on labels alone.
///
/// Every key has a default except the data, the teacher and the student.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Version of the format.
    #[serde(default = "version")]
    #[cfg_attr(feature = "schema", schemars(range(min = VERSION, max = VERSION)))]
    pub version: u32,
    /// Name of the run directory. Default: the name of the recipe file.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["my-recipe"])))]
    pub name: String,
    /// Seeds. The whole experiment is repeated for each.
    #[serde(default = "one_seed")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1), extend("uniqueItems" = true)))]
    pub seeds: Vec<u64>,
    /// The training, validation and test data.
    pub data: DataConfig,
    /// The teacher.
    pub teacher: TeacherConfig,
    /// The student.
    pub student: StudentConfig,
    /// How the student learns from the teacher.
    #[serde(default)]
    pub kd: KdConfig,
    /// How the students are trained.
    #[serde(default)]
    pub train: TrainConfig,
    /// The student on labels alone.
    #[serde(default)]
    pub baseline: BaselineConfig,
    /// Which checkpoints to keep. Does not affect results.
    #[serde(default)]
    pub checkpoint: CheckpointConfig,
}

/// A student.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StudentConfig {
    /// Initial weights of the students: a safetensors or ONNX file of this architecture, or a run directory, from which each
    /// student takes the model of its kind and seed. Default: random weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["runs/my-recipe-001"])))]
    pub weights: Option<String>,
    /// The model to train: a table, or the name of an ONNX file that has it.
    #[cfg_attr(feature = "schema", schemars(schema_with = "model_schema::model_or_file"))]
    pub model: ModelConfig,
}

/// The student trained on labels alone with the same budget: the baseline for the gain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct BaselineConfig {
    /// Whether it is trained.
    pub enabled: bool,
}

impl Default for BaselineConfig {
    fn default() -> Self {
        Self { enabled: true }
    }
}

impl Recipe {
    /// Checks every setting that can be checked without the data.
    ///
    /// # Errors
    /// The first setting without a meaning, with its dotted path.
    pub fn validate(&self) -> Result<(), ConfigProblem> {
        if self.version != VERSION {
            return Err(ConfigProblem::new(
                "version",
                format!("must be {VERSION}, got {}", self.version),
                format!("set `version = {VERSION}`, or use the program that this recipe was written for"),
            ));
        }
        if self.name.is_empty()
            || !self.name.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c))
            || self.name.starts_with('.')
        {
            return Err(ConfigProblem::new(
                "name",
                format!("may hold letters, digits, `-`, `_` and `.`, got `{}`", self.name),
                "set `name = \"mnist\"`",
            )
            .note("the run directory is named after it"));
        }
        if self.seeds.is_empty() {
            return Err(ConfigProblem::new("seeds", "must name at least one seed, got none", "set `seeds = [1]`"));
        }
        if let Some(seed) = first_duplicate(&self.seeds) {
            return Err(ConfigProblem::new("seeds", format!("lists seed {seed} twice"), "list every seed once")
                .note("the same seed gives the same models, so it would count one result twice"));
        }
        self.data.validate().map_err(|problem| problem.under("data"))?;
        self.data.memory_bytes()?;
        self.teacher.validate(self.predicts_numbers()).map_err(|problem| problem.under("teacher"))?;
        self.teacher.validate_for(&self.seeds).map_err(|problem| problem.under("teacher"))?;
        validate_model(&self.student.model).map_err(|problem| problem.under("model").under("student"))?;
        self.train.validate().map_err(|problem| problem.under("train"))?;
        self.validate_numbers()?;
        self.kd.validate().map_err(|problem| problem.under("kd"))?;
        if self.kd.method.needs_labels() {
            self.data.refuse_unlabelled(self.kd.method.name()).map_err(|problem| problem.under("data"))?;
        }
        let models = [("student.model", Some(&self.student.model)), ("teacher.model", self.teacher.model.as_ref())];
        let mixup = [("train.augment.mixup", &self.train), ("teacher.train.augment.mixup", &self.teacher.train)];
        let [student, teacher] = mixup.map(|(key, train)| {
            (key, train.augment.mixup > 0.0, "an embedding takes bucket indices, which cannot be mixed")
        });
        let has_bags = models.iter().any(|(_, model)| model.is_some_and(|model| model.embedding().is_some()));
        let parts = "each part of a batch has other rows of its table";
        let values = [
            student,
            teacher,
            ("train.accumulate", has_bags && self.train.accumulate > 1, parts),
            ("teacher.train.accumulate", has_bags && self.teacher.train.accumulate > 1, parts),
            (
                "data.standardize",
                self.data.standardize.is_some_and(Standardize::is_on),
                "an embedding takes bucket indices, which have no mean",
            ),
            ("data.mixtures", self.data.mixtures > 0, "an embedding takes bucket indices, which cannot be mixed"),
            ("data.munge", !self.data.munge.is_off(), "an embedding takes bucket indices, which are no columns"),
        ];
        if let Some((key, _)) =
            models.iter().find(|(_, model)| model.is_some_and(|model| model.takes_numbers_of_rows()))
            && let Some((setting, _, note)) = values.iter().find(|(_, is_set, _)| *is_set)
        {
            let problem = format!("is set, but `{key}` has an embedding");
            return Err(ConfigProblem::new(setting, problem, "leave one of them out").note(*note));
        }
        if self.kd.targets == TargetsMode::Cached && self.train.augment.n_views().is_none() {
            let problem = "is \"cached\", but `train.augment` shows more views of an input than can be counted";
            return Err(ConfigProblem::new("kd.targets", problem, "set `targets = \"live\"`, or leave it out")
                .note("logits can be cached only for shifts of an image and of its mirror image"));
        }
        self.validate_folds()?;
        self.validate_features()?;
        let is_one = self.teacher.weights.is_some() && !self.teacher.is_of_seeds();
        let fixed = is_one && !self.train.augment.changes_inputs() && self.caches_targets();
        if self.kd.cache.is_some() && !fixed {
            return Err(ConfigProblem::new(
                "kd.cache",
                "is set but the teacher's answers are not fixed before the run",
                "leave `cache` out, or use `teacher.weights` without augmentation of the students' inputs",
            )
            .note("a file of answers belongs to one teacher and to inputs that do not change"));
        }
        self.checkpoint.validate().map_err(|problem| problem.under("checkpoint"))?;
        Ok(())
    }

    /// How the inputs of this source are standardised: as `data.standardize` says, or else each by itself where they are the
    /// columns of a table, which may be of any size and unit, and no model takes them as bucket indices.
    pub fn standardize(&self, data: &dyn Dataset) -> Standardize {
        let mut models = self.teacher.model.iter().chain([&self.student.model]);
        self.data.standardize.unwrap_or_else(|| {
            Standardize::Each(data.columns().is_some() && models.all(|model| !model.takes_numbers_of_rows()))
        })
    }

    /// Whether the inputs of this source are standardised at all.
    pub fn standardizes(&self, data: &dyn Dataset) -> bool {
        self.standardize(data).is_on()
    }

    /// The same recipe with what the data decides written down, so that it says how this data is used wherever it is read.
    #[must_use]
    pub fn settled(&self, data: &dyn Dataset) -> Self {
        let mut recipe = self.clone();
        recipe.data.standardize = Some(self.standardize(data));
        recipe
    }

    /// Whether the teacher is asked once, before the student is trained.
    pub fn caches_targets(&self) -> bool {
        match self.kd.targets {
            _ if !self.kd.features.is_empty() => false,
            TargetsMode::Auto => self.train.augment.n_views().is_some_and(|n| n <= u64::from(self.train.epochs)),
            TargetsMode::Cached => true,
            TargetsMode::Live => false,
        }
    }
}

/// Builds the model's layout for one feature and one class: all checks, no memory.
fn validate_model(model: &ModelConfig) -> Result<(), ConfigProblem> {
    match model.check() {
        Ok(()) => Ok(()),
        Err(ModelError::Config { field, problem }) => {
            Err(ConfigProblem::new(field, problem, format!("change `{field}`")))
        }
        Err(error) => Err(ConfigProblem::new(model.size_key(), format!("is too large: {error}"), "make it smaller")),
    }
}

fn first_duplicate<T: Eq + Hash>(list: &[T]) -> Option<&T> {
    let mut seen = HashSet::new();
    list.iter().find(|&item| !seen.insert(item))
}

fn version() -> u32 {
    VERSION
}

fn one_seed() -> Vec<u64> {
    vec![1]
}
