use distill_train::Comparison;
use serde::{Deserialize, Serialize};

use crate::latency::Latency;

/// All that a report shows of one recipe, over the seeds of one or more runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) title: String,
    pub(crate) runs: Vec<RunFacts>,
    /// The resolved recipe, as TOML.
    pub(crate) recipe: String,
    pub(crate) kd: KdFacts,
    pub(crate) data: DataFacts,
    pub(crate) models: Vec<ModelFacts>,
    pub(crate) comparison: Option<Comparison>,
    pub(crate) curves: Vec<Curve>,
    pub(crate) gallery: Gallery,
}

/// One run: where it lies, what made it, on what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunFacts {
    pub(crate) path: String,
    pub(crate) status: String,
    /// RFC 3339.
    pub(crate) started: String,
    pub(crate) seconds: f64,
    /// Name and version of what made it.
    pub(crate) program: String,
    pub(crate) processor: String,
    pub(crate) threads: usize,
    pub(crate) command: String,
}

/// How the student was distilled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct KdFacts {
    pub(crate) method: String,
    pub(crate) temperature: f64,
    pub(crate) alpha: f64,
}

/// The data: where they come from, how many examples of each part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DataFacts {
    pub(crate) source: String,
    pub(crate) train: usize,
    pub(crate) validation: usize,
    pub(crate) transfer: usize,
    pub(crate) test: usize,
    pub(crate) classes: Vec<String>,
    pub(crate) input_shape: Vec<usize>,
}

/// One model of one seed: what it is and how it does on the test set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ModelFacts {
    /// `teacher`, `baseline` or `student`.
    pub(crate) role: String,
    pub(crate) seed: u64,
    pub(crate) architecture: String,
    pub(crate) parameters: usize,
    pub(crate) weights_bytes: usize,
    pub(crate) weights_sha256: String,
    pub(crate) test_examples: usize,
    pub(crate) test_errors: usize,
    /// Nats.
    pub(crate) test_nll: f64,
    /// Between 0 and 1.
    pub(crate) test_ece: f64,
    /// Part of the test set on which it gives the teacher's class; nothing for the teacher.
    pub(crate) agreement: Option<f64>,
    /// Nothing for a model that came from a file.
    pub(crate) train_seconds: Option<f64>,
    pub(crate) latency: Option<Latency>,
    /// Examples of the test set: a row for each label, a column for each predicted class.
    pub(crate) confusion: Vec<Vec<u64>>,
    /// Bins of equal width over the confidence from 0 to 1, empty ones too.
    pub(crate) calibration: Vec<CalibrationBin>,
}

/// The examples of one range of confidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct CalibrationBin {
    pub(crate) examples: usize,
    /// Mean probability of the predicted class.
    pub(crate) confidence: f64,
    pub(crate) accuracy: f64,
}

/// How one model learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Curve {
    pub(crate) role: String,
    pub(crate) seed: u64,
    pub(crate) points: Vec<CurvePoint>,
}

/// The end of one epoch; losses are means over it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct CurvePoint {
    pub(crate) epoch: u32,
    pub(crate) step: u32,
    pub(crate) loss: f64,
    pub(crate) hard: Option<f64>,
    pub(crate) soft: Option<f64>,
    pub(crate) kl: Option<f64>,
    pub(crate) lr: f64,
    pub(crate) validation_errors: Option<usize>,
    pub(crate) validation_examples: Option<usize>,
    pub(crate) seconds: f64,
}

/// Examples of the test set worth a look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Gallery {
    /// Nothing when the data are no images.
    pub(crate) image: Option<ImageShape>,
    /// The temperature of `teacher_soft`.
    pub(crate) temperature: f64,
    /// Where the student's answer is not the teacher's.
    pub(crate) disagreements: Vec<GalleryExample>,
    /// Where the teacher's wrong classes say most.
    pub(crate) dark_knowledge: Vec<GalleryExample>,
}

/// How the pixels of an example lie: `[channels, height, width]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ImageShape {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) channels: usize,
}

/// One example of the test set and the probabilities that the models give to each class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct GalleryExample {
    pub(crate) index: usize,
    pub(crate) label: u32,
    /// Empty when the data are no images; hexadecimal in JSON.
    #[serde(with = "super::hex")]
    pub(crate) pixels: Vec<u8>,
    pub(crate) teacher: Vec<f64>,
    /// At the temperature of the gallery.
    pub(crate) teacher_soft: Vec<f64>,
    pub(crate) student: Vec<f64>,
    pub(crate) baseline: Option<Vec<f64>>,
}
