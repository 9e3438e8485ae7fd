use serde::{Deserialize, Serialize};

use crate::ConfigProblem;

/// Names of classes: a list, or a text file that has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    untagged,
    expecting = "expected a list of names, such as `[\"cat\", \"dog\"]`, or the name of a file that has them"
)]
pub enum ClassNames {
    /// In the order of the output, or of the labels.
    List(Vec<String>),
    /// A file with one name in each line, or a JSON array.
    File(String),
}

impl Default for ClassNames {
    fn default() -> Self {
        Self::List(vec![])
    }
}

impl ClassNames {
    /// The names; none where they are in a file that nobody has read.
    pub fn list(&self) -> &[String] {
        match self {
            Self::List(names) => names,
            Self::File(_) => &[],
        }
    }
}

/// Where the channels of an image are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ImageLayout {
    /// Before its rows and columns.
    #[default]
    Nchw,
    /// After them.
    Nhwc,
}

/// Settings that an ONNX file does not contain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct OnnxConfig {
    /// Name of the input. Left out: the only input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// Name or position of the output. Left out: `logits`, or the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Whether the output is probabilities. Left out: true if they add up to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probabilities: Option<bool>,
    /// Whether the outputs are numbers to predict, and not of classes. Left out: as the data has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numbers: Option<bool>,
    /// Axis order of images.
    #[serde(skip_serializing_if = "is_default")]
    pub layout: ImageLayout,
    /// Shape of one example in the data. Left out: the shape in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub input_shape: Option<Vec<usize>>,
    /// Class names in the order of the output. Left out: the names in the file, or else numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<ClassNames>,
    /// The input is `scale * x + shift`, where `x` is the value in the data.
    #[serde(skip_serializing_if = "is_one")]
    pub scale: f64,
    /// See `scale`.
    #[serde(skip_serializing_if = "is_default")]
    pub shift: f64,
    /// Path of an ONNX Runtime library to compute the file with. Left out: the built-in engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub library: Option<String>,
}

impl Default for OnnxConfig {
    fn default() -> Self {
        Self {
            input: None,
            output: None,
            probabilities: None,
            numbers: None,
            layout: ImageLayout::default(),
            input_shape: None,
            classes: None,
            scale: 1.0,
            shift: 0.0,
            library: None,
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn is_one(value: &f64) -> bool {
    value.to_bits() == 1.0_f64.to_bits()
}

impl OnnxConfig {
    /// Checks the settings that have a meaning without the file.
    ///
    /// # Errors
    /// The first setting without one.
    pub fn validate(&self) -> Result<(), ConfigProblem> {
        for (key, value, zero, help) in
            [("scale", self.scale, false, "set `scale = 255.0`"), ("shift", self.shift, true, "set `shift = 0.0`")]
        {
            // The engine computes in f32.
            if value.abs() > f64::from(f32::MAX)
                || value.is_nan()
                || (!zero && value.abs() < f64::from(f32::MIN_POSITIVE))
            {
                let what = if zero { "must be a finite number" } else { "must be a finite number other than 0" };
                return Err(ConfigProblem::new(key, format!("{what}, got {value}"), help));
            }
        }
        if self.input_shape.as_ref().is_some_and(|sides| sides.is_empty() || sides.contains(&0)) {
            let problem =
                format!("must have sides greater than 0, got {:?}", self.input_shape.as_deref().unwrap_or(&[]));
            return Err(ConfigProblem::new(
                "input_shape",
                problem,
                "set `input_shape = [1, 28, 28]`, as the data has it",
            ));
        }
        match &self.classes {
            Some(ClassNames::List(names)) if names.len() < 2 && self.numbers != Some(true) => {
                let problem = format!("must name at least two classes, got {}", names.len());
                Err(ConfigProblem::new("classes", problem, "name every class of the output, in its order"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_not_written() {
        assert_eq!(serde_json::to_string(&OnnxConfig::default()).unwrap(), "{}");
        let text = r#"{"output":"probs","probabilities":true,"layout":"nhwc","classes":"names.txt","scale":255.0}"#;
        let config: OnnxConfig = serde_json::from_str(text).unwrap();
        assert_eq!(config.classes, Some(ClassNames::File("names.txt".to_owned())));
        assert_eq!(serde_json::to_string(&config).unwrap(), text);
        assert!(serde_json::from_str::<OnnxConfig>(r#"{"engine":"tract"}"#).is_err());
        assert!(config.validate().is_ok());
    }

    #[test]
    fn settings_without_a_meaning_are_refused() {
        let none = OnnxConfig::default();
        let key = |config: OnnxConfig| config.validate().unwrap_err().path;
        assert_eq!(key(OnnxConfig { scale: 0.0, ..none.clone() }), "scale");
        assert_eq!(key(OnnxConfig { shift: f64::NAN, ..none.clone() }), "shift");
        assert_eq!(key(OnnxConfig { input_shape: Some(vec![]), ..none.clone() }), "input_shape");
        assert_eq!(key(OnnxConfig { input_shape: Some(vec![0]), ..none.clone() }), "input_shape");
        assert_eq!(key(OnnxConfig { classes: Some(ClassNames::List(vec![])), ..none }), "classes");
    }
}
