use serde::{Deserialize, Serialize};

use super::{ImageLayout, first_duplicate};
use crate::ConfigProblem;

/// Images have no longer side.
const MAX_SIDE: u32 = 4096;

/// More pieces have few rows each.
const MAX_PIECES: usize = 256;

/// More bands have no point of a transform between them.
const MAX_BANDS: usize = 512;

/// How the columns of a table are read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ColumnConfig {
    /// The column with the class. Left out: the one named label, class or target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Columns with numbers to predict, in the place of a class: a regression. With arrays, the names of the columns of `y`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(extend("uniqueItems" = true, "examples" = [["price"]])))]
    pub targets: Vec<String>,
    /// The column with a text. It is then the only input, and `data.text` says what it is to a model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Columns that are not inputs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
    /// Numeric columns to read as categories, such as postal codes. Columns of words are categories anyway.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub categorical: Vec<String>,
    /// The mark before the decimals of numbers in CSV, `,` or `.`. Left out: as the numbers of a column tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [","])))]
    pub decimal: Option<char>,
    /// Cut numbers into at most so many pieces, each of which is a feature: the part of it that lies below the number (Gorishniy
    /// and others, 2022). Left out: a number is one feature.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 2, max = MAX_PIECES)))]
    pub pieces: Option<usize>,
    /// Words that stand in fewer training rows than this have one feature together, and so have words that no training row has. Left
    /// out: each word has its own, and unknown ones have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 2)))]
    pub rare: Option<u32>,
    /// The column with the fold of each training row, for `teacher.folds`; it is no input. Left out: folds are drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fold: Option<String>,
    /// Of one table: the column that says whether a row is for `train`, `validation` or `test`. Left out: the one named `split`, if
    /// it has these words alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// Of one table: the share of the rows of each class that tests, drawn at random and the same for every seed. Left out: 0.2,
    /// unless a column says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0)))]
    pub test: Option<f64>,
}

impl ColumnConfig {
    /// Whether it says how the rows of one table are divided.
    pub fn divides(&self) -> bool {
        self.split.is_some() || self.test.is_some()
    }

    /// Whether it names numbers to predict, and nothing else.
    pub fn are_targets(&self) -> bool {
        *self == Self { targets: self.targets.clone(), ..Self::default() }
    }

    pub(super) fn validate(&self) -> Result<(), ConfigProblem> {
        if let Some(mark) = self.decimal.filter(|mark| !",.".contains(*mark)) {
            let problem = format!("must be `,` or `.`, got `{mark}`");
            return Err(ConfigProblem::new("decimal", problem, "set `decimal = \",\"`, or leave it out"));
        }
        if let Some(n) = self.pieces.filter(|n| !(2..=MAX_PIECES).contains(n)) {
            let problem = format!("must be from 2 to {MAX_PIECES}, got {n}");
            return Err(ConfigProblem::new("pieces", problem, "set `pieces = 16`, or leave it out"));
        }
        if self.rare.is_some_and(|n| n < 2) {
            let problem = "must be at least 2, the rows that a word must stand in to have a feature of its own";
            return Err(ConfigProblem::new("rare", problem, "set `rare = 5`, or leave it out"));
        }
        match self.test {
            Some(_) if self.split.is_some() => {
                let problem = "is set, and `columns.split` too, which says the set of each row";
                return Err(ConfigProblem::new("test", problem, "leave one of them out"));
            }
            Some(share) if !(share > 0.0 && share < 1.0) => {
                let problem = format!("must be greater than 0 and less than 1, got {share}");
                return Err(ConfigProblem::new("test", problem, "set `test = 0.2`"));
            }
            _ => {}
        }
        if let Some(name) = first_duplicate(&self.targets) {
            return Err(ConfigProblem::new("targets", format!("lists `{name}` twice"), "list every column once"));
        }
        let of_numbers = [("label", self.label.is_some()), ("text", self.text.is_some())];
        if let Some((key, _)) = of_numbers.into_iter().find(|(_, is_set)| !self.targets.is_empty() && *is_set) {
            let problem = format!("is set, and `columns.{key}` too");
            let note = match key {
                "text" => "texts have classes",
                _ => "a row has a class or numbers to predict",
            };
            return Err(ConfigProblem::new("targets", problem, "leave one of them out").note(note));
        }
        let others = [
            ("ignore", self.ignore.is_empty()),
            ("categorical", self.categorical.is_empty()),
            ("fold", self.fold.is_none()),
            ("pieces", self.pieces.is_none()),
            ("rare", self.rare.is_none()),
        ];
        match others.into_iter().find(|(_, is_empty)| self.text.is_some() && !is_empty) {
            Some((key, _)) => {
                let problem = "is set, and `columns.text` too, which is then the only input";
                Err(ConfigProblem::new(key, problem, "leave one of them out"))
            }
            None => Ok(()),
        }
    }
}

/// How images are read, from image files or arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ImageConfig {
    /// Height and width to resize all images to. Left out: all images must have the same size.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(inner(range(min = 1, max = MAX_SIDE))))]
    pub size: Option<[u32; 2]>,
    /// Crop the centre instead of distorting images with another aspect ratio.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub crop: bool,
    /// Convert images to greyscale.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub grey: bool,
    /// Use the twenty coarse classes of CIFAR-100 instead of the hundred fine ones.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub coarse: bool,
    /// Axis order of four-dimensional NumPy arrays. Left out: `nchw`, unless the shape looks like `nhwc`, which is an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout: Option<ImageLayout>,
}

impl ImageConfig {
    /// Whether it says where colours are, and nothing else.
    pub fn is_layout(&self) -> bool {
        self.layout.is_some() && *self == Self { layout: self.layout, ..Self::default() }
    }

    pub(super) fn validate(&self) -> Result<(), ConfigProblem> {
        match self.size {
            Some([height, width]) if !(1..=MAX_SIDE).contains(&height) || !(1..=MAX_SIDE).contains(&width) => {
                let problem = format!("must have sides from 1 to {MAX_SIDE}, got {height} and {width}");
                Err(ConfigProblem::new("size", problem, "set `size = [32, 32]`"))
            }
            None if self.crop => {
                Err(ConfigProblem::new("crop", "is set without `size`", "set `size` too, or leave `crop` out"))
            }
            _ => Ok(()),
        }
    }
}

/// How recordings are read.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct SoundConfig {
    /// Seconds of an input: the middle of longer recordings, and shorter ones between silence. Left out: all recordings must
    /// have the same length.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0.01, max = 600), extend("examples" = [1.0])))]
    pub seconds: Option<f64>,
    /// Length of a frame in milliseconds.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1000)))]
    pub window_ms: f64,
    /// Milliseconds from one frame to the next.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1000)))]
    pub step_ms: f64,
    /// Number of mel bands of a frame.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 512)))]
    pub bands: usize,
    /// Number of cepstral coefficients (MFCC) to take in place of the bands.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 512), extend("examples" = [10])))]
    pub coefficients: Option<usize>,
}

impl Default for SoundConfig {
    fn default() -> Self {
        Self { seconds: None, window_ms: 40.0, step_ms: 20.0, bands: 40, coefficients: None }
    }
}

impl SoundConfig {
    pub(super) fn validate(&self) -> Result<(), ConfigProblem> {
        let wrong = |key, problem: String, help: &str| Err(ConfigProblem::new(key, problem, help));
        if let Some(seconds) = self.seconds.filter(|seconds| !(0.01..=600.0).contains(seconds)) {
            return wrong("seconds", format!("must be from 0.01 to 600, got {seconds}"), "set `seconds = 1.0`");
        }
        for (key, ms, help) in
            [("window_ms", self.window_ms, "set `window_ms = 40`"), ("step_ms", self.step_ms, "set `step_ms = 20`")]
        {
            if !(1.0..=1000.0).contains(&ms) {
                return wrong(key, format!("must be from 1 to 1000, got {ms}"), help);
            }
        }
        if !(1..=MAX_BANDS).contains(&self.bands) {
            return wrong("bands", format!("must be from 1 to {MAX_BANDS}, got {}", self.bands), "set `bands = 40`");
        }
        match self.coefficients {
            Some(n) if n == 0 || n > self.bands => {
                let problem = format!("must be from 1 to the {} bands, got {n}", self.bands);
                wrong("coefficients", problem, "set `coefficients = 10`, or leave it out")
            }
            _ => Ok(()),
        }
    }
}
