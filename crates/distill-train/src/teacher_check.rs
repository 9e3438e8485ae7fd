use std::sync::Arc;

use distill_datasets::{Dataset, Subset};
use distill_models::Model;

use crate::{TrainError, evaluate};

/// Examples that a teacher is looked at on before it teaches.
const MAX_EXAMPLES: usize = 2000;

/// The part of the way from naming the most frequent class to being always right that a teacher
/// must have gone, where the recipe names no bound.
const DEFAULT_GAIN: f64 = 0.1;

/// Whether a teacher knows enough to teach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TeacherCheck {
    /// Examples it was asked for.
    pub examples: usize,
    /// The part of them that it gets right.
    pub accuracy: f64,
    /// The part that always naming the most frequent class gets right.
    pub chance: f64,
    /// The accuracy that is demanded.
    pub bound: f64,
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
        let accuracy = evaluate(teacher, &Subset::new(data.clone(), indices)?)?.accuracy();
        let chance = counts.into_iter().max().unwrap_or_default() as f64 / examples as f64;
        let bound = min_accuracy.unwrap_or(chance + DEFAULT_GAIN * (1.0 - chance));
        Ok(Self { examples, accuracy, chance, bound })
    }

    /// Whether it may teach.
    pub fn passes(&self) -> bool {
        self.accuracy >= self.bound
    }
}
