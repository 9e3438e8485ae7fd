use distill_train::Comparison;
use serde::{Deserialize, Serialize};

use crate::latency::Latency;

/// All that a report shows of one recipe, over the seeds of one or more runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub title: String,
    pub runs: Vec<RunFacts>,
    /// The resolved recipe, as TOML.
    pub recipe: String,
    pub kd: KdFacts,
    pub data: DataFacts,
    pub models: Vec<ModelFacts>,
    pub comparison: Option<Comparison>,
    pub curves: Vec<Curve>,
    pub gallery: Gallery,
}

/// One run: where it lies, what made it, on what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFacts {
    pub path: String,
    pub status: String,
    /// RFC 3339.
    pub started: String,
    pub seconds: f64,
    /// Name and version of what made it.
    pub program: String,
    pub processor: String,
    pub threads: usize,
    pub command: String,
}

/// How the student was distilled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KdFacts {
    pub method: String,
    pub temperature: f64,
    pub alpha: f64,
}

/// The data: where they come from, how many examples of each part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataFacts {
    pub source: String,
    pub train: usize,
    pub validation: usize,
    pub transfer: usize,
    pub test: usize,
    pub classes: Vec<String>,
    pub input_shape: Vec<usize>,
}

/// One model of one seed: what it is and how it does on the test set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelFacts {
    /// `teacher`, `baseline` or `student`.
    pub role: String,
    pub seed: u64,
    pub architecture: String,
    pub parameters: usize,
    pub weights_bytes: usize,
    pub weights_sha256: String,
    pub test_examples: usize,
    pub test_errors: usize,
    /// Nats.
    pub test_nll: f64,
    /// Between 0 and 1.
    pub test_ece: f64,
    /// Part of the test set on which it gives the teacher's class; nothing for the teacher.
    pub agreement: Option<f64>,
    /// Nothing for a model that came from a file.
    pub train_seconds: Option<f64>,
    pub latency: Option<Latency>,
    /// Examples of the test set: a row for each label, a column for each predicted class.
    pub confusion: Vec<Vec<u64>>,
    /// Bins of equal width over the confidence from 0 to 1, empty ones too.
    pub calibration: Vec<CalibrationBin>,
}

/// The examples of one range of confidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalibrationBin {
    pub examples: usize,
    /// Mean probability of the predicted class.
    pub confidence: f64,
    pub accuracy: f64,
}

/// How one model learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    pub role: String,
    pub seed: u64,
    pub points: Vec<CurvePoint>,
}

/// The end of one epoch; losses are means over it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    pub epoch: u32,
    pub step: u32,
    pub loss: f64,
    pub hard: Option<f64>,
    pub soft: Option<f64>,
    pub kl: Option<f64>,
    pub lr: f64,
    pub validation_errors: Option<usize>,
    pub validation_examples: Option<usize>,
    pub seconds: f64,
}

/// Examples of the test set worth a look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gallery {
    /// Nothing when the data are no images.
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
    pub width: u32,
    pub height: u32,
    pub channels: usize,
}

/// One example of the test set and the probabilities that the models give to each class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GalleryExample {
    pub index: usize,
    pub label: u32,
    /// Empty when the data are no images; hexadecimal in JSON.
    #[serde(with = "super::hex")]
    pub pixels: Vec<u8>,
    pub teacher: Vec<f64>,
    /// At the temperature of the gallery.
    pub teacher_soft: Vec<f64>,
    pub student: Vec<f64>,
    pub baseline: Option<Vec<f64>>,
}
