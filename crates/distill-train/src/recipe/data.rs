use distill_datasets::{Dataset, select};
use serde::{Deserialize, Serialize};

use super::text::is_zero;
use super::{ClassNames, ColumnConfig, ImageConfig, MungeConfig, SoundConfig, Standardize, TextConfig};
use crate::ConfigProblem;
use crate::TrainError;

/// Mixtures of each example: more would be more epochs.
const MAX_MIXTURES: usize = 100;

/// Where the data comes from and which part of it is used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// `mnist`, `cifar-10`, `udhr`, `asterisk-en`, a table in one file, or a folder with IDX files, CIFAR, arrays of NumPy, tables,
    /// images or sound files.
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["mnist"])))]
    pub source: String,
    /// What text is to a model and how snippets are cut, if the source is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<TextConfig>,
    /// How columns are read, if the source is a table or a folder with tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<ColumnConfig>,
    /// How images are read, if the source is a folder with image files or arrays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<ImageConfig>,
    /// How recordings are read, if the source is a folder with sound files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sound: Option<SoundConfig>,
    /// Class names in the order of the labels: a list, or a text file with one name a line. Empty: the names in the data.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [["cat", "dog"]])))]
    pub classes: ClassNames,
    /// A file of unlabelled inputs in IDX, npy or CSV. The distilled student also trains on these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["more.npy"])))]
    pub unlabelled: Option<String>,
    /// Share of the students' examples that keep their labels, some of each class. The others are for the distilled student
    /// alone, without labels.
    #[serde(default = "all", skip_serializing_if = "is_all")]
    #[cfg_attr(feature = "schema", schemars(range(max = 1.0), extend("exclusiveMinimum" = 0.0)))]
    pub labelled: f64,
    /// Mixtures of two inputs for each training example. They have no labels: only the distilled student sees them.
    #[serde(
        default,
        rename(serialize = "mixup", deserialize = "mixtures"),
        alias = "mixup",
        skip_serializing_if = "is_zero"
    )]
    #[cfg_attr(feature = "schema", schemars(range(max = 100)))]
    pub mixtures: usize,
    /// Further rows of a table, made from each training row and its nearest neighbour. They have no labels: only the distilled
    /// student sees them.
    #[serde(default, skip_serializing_if = "MungeConfig::is_off")]
    pub munge: MungeConfig,
    /// Whether to standardise each input feature by its mean and standard deviation over the training set, or by those of
    /// its colour: `"channel"`. Saved models still take raw inputs. Left out: true for the columns of tables, otherwise false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standardize: Option<Standardize>,
    /// Share of the examples of each class that test, drawn at random and the same for every seed, where the data has no test
    /// set: one table without a column that says it, or folders of classes alone. Left out: 0.2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0)))]
    pub test: Option<f64>,
    /// What says which examples belong together, such as those of one person: they stay in one set, wherever sets, validation
    /// examples and folds are drawn. The name of a column of a table, or a regular expression whose first group in the name of a file
    /// counts, such as `"^([^-]+)-"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1), extend("examples" = ["patient"])))]
    pub group: Option<String>,
    /// Number of training examples held out for validation, the same for every seed.
    #[serde(default)]
    pub validation: usize,
    /// Memory limit for the training set and for the test set, each, such as `512 MiB`.
    /// A larger set stays on disk and is shuffled window by window. Left out: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = r"^[0-9]+ *([kMG]?B|[KMG]iB)$"), extend("examples" = ["512 MiB"])))]
    pub memory: Option<String>,
    /// The part of the training set that teacher and students train on. Its classes also select the validation and
    /// test examples.
    #[serde(default)]
    pub select: SelectConfig,
    /// The part of `select` that the students train on: the transfer set.
    #[serde(default)]
    pub transfer: SelectConfig,
}

fn all() -> f64 {
    1.0
}

fn is_all(share: &f64) -> bool {
    *share == all()
}

/// A part of a training set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct SelectConfig {
    /// Only these classes. Empty: all.
    pub only: Vec<String>,
    /// Without these classes.
    pub without: Vec<String>,
    /// The fraction of the examples of each class.
    #[cfg_attr(feature = "schema", schemars(range(max = 1.0), extend("exclusiveMinimum" = 0.0)))]
    pub fraction: f64,
}

impl Default for SelectConfig {
    fn default() -> Self {
        Self { only: vec![], without: vec![], fraction: 1.0 }
    }
}

impl DataConfig {
    /// The column of a table that is a text.
    pub fn text_column(&self) -> Option<&str> {
        self.columns.as_ref()?.text.as_deref()
    }

    /// Whether some of the students' examples have no label that a student sees.
    pub fn hides_labels(&self) -> bool {
        !is_all(&self.labelled)
    }

    /// Snippets of text whose labels nobody sees.
    pub fn unlabelled_snippets(&self) -> usize {
        self.text.map_or(0, |text| text.unlabelled)
    }

    /// Further inputs that are made of each example of the students, without labels.
    pub fn made_of_each(&self) -> usize {
        self.mixtures + self.munge.passes
    }

    pub(super) fn validate(&self) -> Result<(), ConfigProblem> {
        for (table, select) in [("select", &self.select), ("transfer", &self.transfer)] {
            if !(select.fraction > 0.0 && select.fraction <= 1.0) {
                return Err(ConfigProblem::new(
                    "fraction",
                    format!("must be greater than 0 and at most 1, got {}", select.fraction),
                    "set `fraction = 1.0`",
                )
                .under(table));
            }
        }
        if !(self.labelled > 0.0 && self.labelled <= 1.0) {
            let problem = format!("must be greater than 0 and at most 1, got {}", self.labelled);
            let help = "set `labelled = 0.1` for a tenth of the labels, or leave it out for all of them";
            return Err(ConfigProblem::new("labelled", problem, help));
        }
        if let Some(share) = self.test.filter(|share| !(*share > 0.0 && *share < 1.0)) {
            let problem = format!("must be greater than 0 and less than 1, got {share}");
            return Err(ConfigProblem::new("test", problem, "set `test = 0.2`, or leave it out"));
        }
        if self.test.is_some() && self.columns.as_ref().is_some_and(ColumnConfig::divides) {
            let problem = "is set, and `columns.split` or `columns.test` too";
            return Err(ConfigProblem::new("test", problem, "leave one of them out"));
        }
        self.images.iter().try_for_each(ImageConfig::validate).map_err(|problem| problem.under("images"))?;
        self.sound.iter().try_for_each(SoundConfig::validate).map_err(|problem| problem.under("sound"))?;
        self.text.iter().try_for_each(TextConfig::validate).map_err(|problem| problem.under("text"))?;
        self.columns.iter().try_for_each(ColumnConfig::validate).map_err(|problem| problem.under("columns"))?;
        if self.mixtures > MAX_MIXTURES {
            let problem = format!("must be at most {MAX_MIXTURES}, got {}", self.mixtures);
            return Err(ConfigProblem::new("mixtures", problem, "set `mixtures = 2`, mixtures for each example"));
        }
        self.munge.validate().map_err(|problem| problem.under("munge"))?;
        if self.mixtures > 0 && !self.munge.is_off() {
            let note = "both make further inputs of each example";
            return Err(ConfigProblem::new("munge", "is set, and `mixtures` too", "leave one of them out").note(note));
        }
        if self.unlabelled.is_some() && self.unlabelled_snippets() > 0 {
            let problem = "is set, and `text.unlabelled` too";
            return Err(ConfigProblem::new("unlabelled", problem, "leave one of them out"));
        }
        Ok(())
    }

    /// Refuses inputs without labels, for a method that compares nothing on them.
    pub(super) fn refuse_unlabelled(&self, method: &str) -> Result<(), ConfigProblem> {
        let settings = [
            ("unlabelled", self.unlabelled.is_some()),
            ("text.unlabelled", self.unlabelled_snippets() > 0),
            ("mixtures", self.mixtures > 0),
            ("munge", !self.munge.is_off()),
            ("labelled", self.hides_labels()),
        ];
        let Some((setting, _)) = settings.into_iter().find(|(_, is_set)| *is_set) else { return Ok(()) };
        let problem = format!("gives inputs without labels, but `kd.method = \"{method}\"` needs a label for each");
        Err(ConfigProblem::new(setting, problem, "leave it out, or choose another method"))
    }
}

impl SelectConfig {
    /// Which classes are left, such as `only 7, 8`, for people; `None` if all are.
    pub fn class_words(&self) -> Option<String> {
        const SHOWN: usize = 12;
        let parts =
            [("only", &self.only), ("without", &self.without)].into_iter().filter(|(_, names)| !names.is_empty());
        let words = parts.map(|(word, names)| {
            let more = if names.len() > SHOWN { ", …" } else { "" };
            format!("{word} {}{more}", names[..names.len().min(SHOWN)].join(", "))
        });
        Some(words.collect::<Vec<_>>().join(" and ")).filter(|words| !words.is_empty())
    }

    /// The examples of a dataset that have one of the classes; `None` where all classes are selected.
    pub(crate) fn classes(&self, data: &dyn Dataset) -> Result<Option<Vec<usize>>, TrainError> {
        if self.only.is_empty() && self.without.is_empty() {
            return Ok(None);
        }
        self.narrow(data, (0..data.len()).collect()).map(Some)
    }

    /// Those of some examples that have one of the classes.
    fn narrow(&self, data: &dyn Dataset, mut indices: Vec<usize>) -> Result<Vec<usize>, TrainError> {
        if !self.only.is_empty() {
            indices = select::only_classes(data, &indices, &self.only)?;
        }
        if !self.without.is_empty() {
            indices = select::without_classes(data, &indices, &self.without)?;
        }
        Ok(indices)
    }

    /// Narrows a selection of a dataset to what this describes.
    pub(crate) fn apply(&self, data: &dyn Dataset, indices: Vec<usize>, seed: u64) -> Result<Vec<usize>, TrainError> {
        let mut indices = self.narrow(data, indices)?;
        if self.fraction < 1.0 {
            indices = select::fraction(data, &indices, self.fraction, seed)?;
        }
        Ok(indices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_all_labels_is_said_by_nobody() {
        let config = |more: &str| serde_json::from_str::<DataConfig>(&format!(r#"{{ "source": "x"{more} }}"#)).unwrap();
        let all = config(r#", "labelled": 1.0"#);
        assert_eq!(all, config(""));
        assert!(!serde_json::to_string(&all).unwrap().contains("labelled"));
        assert!(serde_json::to_string(&config(r#", "labelled": 0.1"#)).unwrap().contains("\"labelled\":0.1"));
        for share in [0.0, -0.1, 1.1, f64::NAN] {
            let problem = DataConfig { labelled: share, ..all.clone() }.validate().unwrap_err();
            assert_eq!(problem.path, "labelled", "{problem}");
        }
    }

    #[test]
    fn inputs_without_labels_are_refused_by_name() {
        let refused = |more: &str| {
            let config: DataConfig = serde_json::from_str(&format!(r#"{{ "source": "x"{more} }}"#)).unwrap();
            config.refuse_unlabelled("dkd")
        };
        assert_eq!(refused(""), Ok(()));
        for (path, more) in [
            ("unlabelled", r#", "unlabelled": "more""#),
            ("text.unlabelled", r#", "text": { "unlabelled": 3 }"#),
            ("mixtures", r#", "mixtures": 2"#),
            ("munge", r#", "munge": { "passes": 2 }"#),
            ("labelled", r#", "labelled": 0.5"#),
        ] {
            let problem = refused(more).unwrap_err();
            assert_eq!(problem.path, path);
            assert!(problem.problem.contains("`kd.method = \"dkd\"` needs a label"), "{problem}");
        }
    }
}
