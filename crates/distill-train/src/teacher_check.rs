use std::sync::Arc;

use distill_datasets::{Dataset, Subset};
use distill_models::Model;

use crate::{TrainError, evaluate};

/// Examples that a teacher is looked at on before it teaches.
const MAX_EXAMPLES: usize = 2000;

/// The part of the way from naming the most frequent class to being always right that a teacher
/// must have gone, where the recipe names no bound.
const DEFAULT_GAIN: f64 = 0.1;

/// How far the mean confidence of a teacher may be below its accuracy, and which part of the likelihood of one that knows
/// nothing it may have, before its logits are doubted. Probabilities that are taken for logits have a confidence of
/// `e / (e + classes - 1)` at most.
const MAX_DOUBT: f64 = 0.25;
const MAX_LOSS: f64 = 0.4;

/// Whether a teacher knows enough to teach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TeacherCheck {
    /// Examples it was asked for.
    pub examples: usize,
    /// The part of them that it gets right.
    pub accuracy: f64,
    /// The part that always naming the most frequent class gets right.
    pub chance: f64,
    /// The accuracy that is needed.
    pub bound: f64,
    /// Mean probability that it gives to the class that it names.
    pub confidence: f64,
    /// Mean negative log-likelihood of the labels, in nats.
    pub nll: f64,
    /// What the likelihood is of a teacher that knows nothing: the logarithm of the number of classes.
    pub max_nll: f64,
}

impl TeacherCheck {
    /// Asks the teacher for up to 2,000 examples, spread over the data.
    ///
    /// # Errors
    /// As [`evaluate`].
    pub fn of(teacher: &dyn Model, data: &Arc<dyn Dataset>, min_accuracy: Option<f64>) -> Result<Self, TrainError> {
        let examples = data.len().min(MAX_EXAMPLES);
        let indices: Vec<usize> = (0..examples).map(|i| i * data.len() / examples).collect();
        let mut counts = vec![0_usize; data.spec().classes.len()];
        for label in indices.iter().filter_map(|&index| data.label(index)) {
            if let Some(count) = counts.get_mut(label as usize) {
                *count += 1;
            }
        }
        let found = evaluate(teacher, &Subset::new(data.clone(), indices)?)?;
        let accuracy = found.accuracy();
        let chance = counts.into_iter().max().unwrap_or_default() as f64 / examples as f64;
        let bound = min_accuracy.unwrap_or(chance + DEFAULT_GAIN * (1.0 - chance));
        Ok(Self {
            examples,
            accuracy,
            chance,
            bound,
            confidence: found.confidences.iter().sum::<f64>() / examples as f64,
            nll: found.nll,
            max_nll: (found.n_classes as f64).ln(),
        })
    }

    /// Whether it is right much more often than it believes, as if its answers were no logits.
    pub fn is_doubtful(&self) -> bool {
        self.accuracy - self.confidence > MAX_DOUBT && self.nll > MAX_LOSS * self.max_nll
    }

    /// Whether it may teach.
    pub fn passes(&self) -> bool {
        self.accuracy >= self.bound
    }
}
