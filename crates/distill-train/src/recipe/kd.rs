use std::sync::Arc;

use distill_losses::{Distillation, SoftTerm, SquaredError, Temperature};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::FeatureConfig;
use crate::{ConfigProblem, TrainError};

/// Beyond these, logits that are divided by the temperature leave the range of `f32`.
const MIN_TEMPERATURE: f64 = 1e-3;
const MAX_TEMPERATURE: f64 = 1e6;

/// The soft loss between teacher and student.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum KdMethod {
    /// `T² KL` of the probabilities at temperature `T`.
    #[default]
    Kd,
    /// `T²` times the cross entropy with them: the same gradient.
    SoftCrossEntropy,
    /// The logits, centred: the limit for large `T`.
    LogitMatching,
    /// Of numbers to predict: the squared error, in units of the variance.
    SquaredError,
    /// Of numbers to predict: the squared error of labels, where the student's error is not below the teacher's by `margin`.
    TeacherBounded,
}

impl KdMethod {
    /// As it stands in a recipe.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kd => "kd",
            Self::SoftCrossEntropy => "soft-cross-entropy",
            Self::LogitMatching => "logit-matching",
            Self::SquaredError => "squared-error",
            Self::TeacherBounded => "teacher-bounded",
        }
    }

    /// As people say it, without a setting.
    pub fn words(self) -> &'static str {
        match self {
            Self::Kd => "distillation",
            Self::SoftCrossEntropy => "soft cross entropy",
            Self::LogitMatching => "logit matching",
            Self::SquaredError => "squared error",
            Self::TeacherBounded => "squared error, bounded by the teacher's",
        }
    }

    /// What a report says of it at this temperature, such as `kd, T = 4`.
    pub fn describe(self, temperature: f64) -> String {
        match self {
            Self::Kd | Self::SoftCrossEntropy => format!("{}, {}", self.name(), self.in_short(temperature)),
            Self::LogitMatching | Self::SquaredError | Self::TeacherBounded => self.name().to_owned(),
        }
    }

    /// What tells two students of one teacher apart: `T = 4`, or `logits` where no temperature has a part in it.
    pub fn in_short(self, temperature: f64) -> String {
        match self {
            Self::Kd | Self::SoftCrossEntropy => format!("T = {temperature}"),
            Self::LogitMatching => "logits".to_owned(),
            Self::SquaredError => "numbers".to_owned(),
            Self::TeacherBounded => "bounded".to_owned(),
        }
    }

    /// Whether it compares nothing where an example has no label, so that recipes with such inputs are refused.
    pub fn needs_labels(self) -> bool {
        match self {
            Self::Kd | Self::SoftCrossEntropy | Self::LogitMatching | Self::SquaredError | Self::TeacherBounded => {
                false
            }
        }
    }

    /// Whether it needs the teacher's logits of all classes: the largest, and what the others have together, are not enough.
    pub fn needs_all_classes(self) -> bool {
        match self {
            Self::Kd | Self::SoftCrossEntropy => false,
            Self::LogitMatching | Self::SquaredError | Self::TeacherBounded => true,
        }
    }
}

/// When the teacher's logits are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum TargetsMode {
    /// Before training, if that computes fewer logits than doing it for every batch.
    #[default]
    Auto,
    /// Before training, once for each augmented view that the students may see.
    Cached,
    /// On the fly, for every batch.
    Live,
}

/// How the student learns from the teacher.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct KdConfig {
    /// The soft loss.
    pub method: KdMethod,
    /// The softmax temperature `T` of teacher and student.
    #[cfg_attr(feature = "schema", schemars(range(min = MIN_TEMPERATURE, max = MAX_TEMPERATURE)))]
    pub temperature: f64,
    /// Weight of the soft loss, from 0 to 1. The loss on the labels has the rest.
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0, max = 1.0)))]
    pub alpha: f64,
    /// How far the student's mean squared error must be below the teacher's, in units of the variance, for the teacher to say no
    /// more: for `teacher-bounded`.
    #[serde(skip_serializing_if = "is_zero")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0)))]
    pub margin: f64,
    /// When the teacher's logits are computed.
    pub targets: TargetsMode,
    /// A file with precomputed teacher logits, written by `distill teach`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["cache/my-recipe.soft.safetensors"])))]
    pub cache: Option<String>,
    /// Losses on inner values, which are added to that on the logits. The teacher is then asked for every batch.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = super::features::MAX_FEATURES), extend("examples" = [[{ "kind": "similarity", "student": "hidden.0", "teacher": "hidden.0", "weight": 100.0 }]])))]
    pub features: Vec<FeatureConfig>,
}

impl Default for KdConfig {
    fn default() -> Self {
        Self {
            method: KdMethod::Kd,
            temperature: 4.0,
            alpha: 0.9,
            margin: 0.0,
            targets: TargetsMode::Auto,
            cache: None,
            features: vec![],
        }
    }
}

impl KdConfig {
    /// Checks what can be checked without the rest of the recipe.
    pub(super) fn validate(&self) -> Result<(), ConfigProblem> {
        if self.margin != 0.0 && self.method != KdMethod::TeacherBounded {
            let help = "leave it out, or set `method = \"teacher-bounded\"`";
            return Err(ConfigProblem::new("margin", "is set, but the teacher is no bound", help));
        }
        if !(self.margin >= 0.0 && self.margin.is_finite()) {
            let problem = format!("must be a finite number of at least 0, got {}", self.margin);
            return Err(ConfigProblem::new("margin", problem, "set `margin = 0.0`"));
        }
        // Temperature and weight are checked there, whatever the method is.
        Self { method: KdMethod::Kd, ..self.clone() }.loss().map(drop)
    }

    /// The loss on the logits of classes that this describes.
    ///
    /// # Errors
    /// If temperature or weight have no meaning, or the method is one for numbers.
    pub fn loss(&self) -> Result<Distillation, ConfigProblem> {
        let possible = (MIN_TEMPERATURE..=MAX_TEMPERATURE).contains(&self.temperature);
        let temperature = possible.then_some(self.temperature).and_then(|t| Temperature::new(t).ok());
        let temperature = temperature.ok_or_else(|| {
            ConfigProblem::new(
                "temperature",
                format!("must be from {MIN_TEMPERATURE} to {MAX_TEMPERATURE}, got {}", self.temperature),
                "set `temperature = 4.0`",
            )
            .note("logits are divided by the temperature; 1 to 20 is usual")
        })?;
        let term = match self.method {
            KdMethod::Kd => SoftTerm::Kd(temperature),
            KdMethod::SoftCrossEntropy => SoftTerm::SoftCrossEntropy(temperature),
            KdMethod::LogitMatching => SoftTerm::LogitMatching,
            KdMethod::SquaredError | KdMethod::TeacherBounded => return Err(self.of_numbers_alone()),
        };
        Distillation::new(term, self.alpha).map_err(|_| {
            ConfigProblem::new("alpha", format!("must be between 0 and 1, got {}", self.alpha), "set `alpha = 0.9`")
                .note("alpha is the weight of the teacher and 1 - alpha the weight of the labels")
        })
    }

    /// What is wrong with a method for numbers, where there are classes.
    pub(super) fn of_numbers_alone(&self) -> ConfigProblem {
        let problem = format!("is \"{}\", which compares numbers, but the data has classes", self.method.name());
        ConfigProblem::new("method", problem, "leave it out, or name the numbers to predict in `data.columns.targets`")
    }

    /// The loss on numbers that this describes: `numbers` has a row for each label, and `deviation` what is one unit of each.
    ///
    /// # Errors
    /// If the weight or the margin have no meaning.
    pub fn number_loss(&self, numbers: Arc<Array2<f32>>, deviation: &[f64]) -> Result<SquaredError, TrainError> {
        let loss = SquaredError::new(numbers, deviation)?.with_teacher(self.alpha)?;
        Ok(if self.method == KdMethod::TeacherBounded { loss.bounded(self.margin)? } else { loss })
    }
}

fn is_zero(margin: &f64) -> bool {
    *margin == 0.0
}
