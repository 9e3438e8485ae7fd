use distill_train::{Comparison, Leak};
use serde::{Deserialize, Serialize};

use crate::folder::{NumberScores, number_or_null};
use crate::latency::Latency;

/// All that a report shows of one recipe, over the seeds of one or more runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The name of the recipe.
    pub title: String,
    /// The runs whose models are shown together.
    pub runs: Vec<RunFacts>,
    /// The resolved recipe, as TOML.
    pub recipe: String,
    /// What the distilled students minimise.
    pub kd: KdFacts,
    /// What they all learned from.
    pub data: DataFacts,
    /// One for each role and seed, in the order in which they were trained.
    pub models: Vec<ModelFacts>,
    /// The distilled students against those on labels alone; nothing where there are not both.
    pub comparison: Option<Comparison>,
    /// For each model that was trained here.
    pub curves: Vec<Curve>,
    /// Examples with the answers of the models of one seed.
    pub gallery: Gallery,
}

/// One run: where it lies, what made it, on what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFacts {
    /// Its directory, short where it is below the present folder or the home of the user.
    pub path: String,
    /// Such as `completed`.
    pub status: String,
    /// When it was begun, RFC 3339 in UTC.
    pub started: String,
    /// Its time, also that before it was resumed.
    pub seconds: f64,
    /// Name and version of what made it.
    pub program: String,
    /// Its name, as the system has it.
    pub processor: String,
    /// Threads that it might use.
    pub threads: usize,
    /// What was typed, with short paths.
    pub command: String,
}

/// How the student was distilled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KdFacts {
    /// `kd.method`, such as `kd`.
    pub method: String,
    /// The softmax temperature of teacher and student.
    pub temperature: f64,
    /// Weight of the teacher, from 0 to 1; the labels have the rest.
    pub alpha: f64,
}

/// The data: where they come from, how many examples of each part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataFacts {
    /// `data.source` with a short path, and the classes that were selected.
    pub source: String,
    /// Examples that the teacher learns from.
    pub train: usize,
    /// Examples that training is watched on; 0 where there is no such set.
    pub validation: usize,
    /// Examples that students with a teacher learn from.
    pub transfer: usize,
    /// Those of them whose labels students see, where the recipe hides the labels of others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labelled: Option<usize>,
    /// Examples that the models are compared on.
    pub test: usize,
    /// Their names, in the order of a model's outputs.
    pub classes: Vec<String>,
    /// Whether models predict numbers, of which `classes` are then the names.
    #[serde(default)]
    pub are_numbers: bool,
    /// The sides of an input: channels, height, width of an image.
    pub input_shape: Vec<usize>,
}

/// One model of one seed: what it is and how it does on the test set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelFacts {
    /// `teacher`, `member`, `baseline` or `student`.
    pub role: String,
    /// Which of the recipe's seeds it was trained with.
    pub seed: u64,
    /// Such as `784-30-10`.
    pub architecture: String,
    /// Numbers that training sets; 0 for a table of answers.
    pub parameters: usize,
    /// Bytes of its file.
    pub weights_bytes: usize,
    /// Of its file, in hexadecimal.
    pub weights_sha256: String,
    /// Examples that it was tested on.
    pub test_examples: usize,
    /// How many of them it gets wrong.
    pub test_errors: usize,
    /// Mean negative log-likelihood on the test set, in nats; NaN, as below, for numbers.
    #[serde(deserialize_with = "number_or_null")]
    pub test_nll: f64,
    /// Expected calibration error on the test set, from 0 to 1.
    #[serde(deserialize_with = "number_or_null")]
    pub test_ece: f64,
    /// Of a model that predicts numbers: how far they are from those of the test set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_numbers: Option<NumberScores>,
    /// Part of the test set on which it gives the teacher's class, or how near its numbers are; nothing for the teacher.
    pub agreement: Option<f64>,
    /// Of teachers of folds: what they say of training examples, those that they have not seen and those that they have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folds: Option<Leak>,
    /// Nothing for a model that came from a file.
    pub train_seconds: Option<f64>,
    /// Time for one example at a time; nothing where it was not measured.
    pub latency: Option<Latency>,
    /// Examples of the test set: a row for each label, a column for each predicted class.
    pub confusion: Vec<Vec<u64>>,
    /// Bins of equal width over the confidence from 0 to 1, empty ones too.
    pub calibration: Vec<CalibrationBin>,
    /// Of each number, some examples that are spread over the test set: the number, and what the model says of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pairs: Vec<Vec<[f32; 2]>>,
}

/// The examples of one range of confidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// How many there are; the two below are 0 where there are none.
    pub examples: usize,
    /// Mean probability of the predicted class.
    pub confidence: f64,
    /// Part of them that is right, from 0 to 1.
    pub accuracy: f64,
}

/// How one model learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// `teacher`, `member`, `baseline` or `student`.
    pub role: String,
    /// Which of the recipe's seeds it was trained with.
    pub seed: u64,
    /// In the order of the epochs.
    pub points: Vec<CurvePoint>,
}

/// The end of one epoch; losses are means over it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Counted from 1.
    pub epoch: u32,
    /// Steps until its end, over all epochs.
    pub step: u32,
    /// What is minimised.
    pub loss: f64,
    /// Cross entropy with the labels, in nats, before its weight.
    pub hard: Option<f64>,
    /// The soft term with its factor `T²`, before its weight.
    pub soft: Option<f64>,
    /// `KL(teacher ‖ student)` at the temperature, in nats, without `T²`.
    pub kl: Option<f64>,
    /// Learning rate of its last step.
    pub lr: f64,
    /// Validation examples that are wrong, where there is such a set.
    pub validation_errors: Option<usize>,
    /// Examples of the validation set.
    pub validation_examples: Option<usize>,
    /// The part of the variance of the validation set that is explained, of numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_r2: Option<f64>,
    /// Time of training, without validation.
    pub seconds: f64,
}

/// Examples of the test set worth a look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gallery {
    /// Nothing when the data are not images.
    pub image: Option<ImageShape>,
    /// The temperature of `teacher_soft`.
    pub temperature: f64,
    /// Where the student's answer is not the teacher's.
    pub disagreements: Vec<GalleryExample>,
    /// Where the teacher's wrong classes say most.
    pub dark_knowledge: Vec<GalleryExample>,
}

/// How the pixels of an example lie: `[channels, height, width]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageShape {
    /// Pixels of a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// 1 for grey, 3 for red, green and blue.
    pub channels: usize,
}

/// One example of the test set and the probabilities that the models give to each class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GalleryExample {
    /// Where it is in the test set, from 0.
    pub index: usize,
    /// The class that is right, as its place among the classes.
    pub label: u32,
    /// Empty when the data are not images; hexadecimal in JSON.
    #[serde(with = "super::hex")]
    pub pixels: Vec<u8>,
    /// At `T = 1`.
    pub teacher: Vec<f64>,
    /// At the temperature of the gallery.
    pub teacher_soft: Vec<f64>,
    /// Of the distilled student, at `T = 1`.
    pub student: Vec<f64>,
    /// Of the student on labels alone, at `T = 1`, where there is one.
    pub baseline: Option<Vec<f64>>,
}
