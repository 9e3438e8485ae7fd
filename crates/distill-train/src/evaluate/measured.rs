use distill_datasets::Dataset;
use distill_models::Model;

use super::{Evaluation, NumberEvaluation, evaluate, evaluate_numbers};
use crate::TrainError;

/// How a model does on a set, whatever is to be said of its examples.
#[derive(Debug, Clone, PartialEq)]
pub enum Measured {
    /// They belong to classes.
    Classes(Evaluation),
    /// They have numbers to predict.
    Numbers(NumberEvaluation),
}

/// Evaluates a model on a set with labels of any kind.
///
/// # Errors
/// As [`evaluate`] and [`evaluate_numbers`].
pub fn measure(model: &dyn Model, data: &dyn Dataset) -> Result<Measured, TrainError> {
    match data.spec().numbers {
        None => evaluate(model, data).map(Measured::Classes),
        Some(_) => evaluate_numbers(model, data).map(Measured::Numbers),
    }
}

impl Measured {
    /// Examples of the set.
    pub fn examples(&self) -> usize {
        match self {
            Self::Classes(found) => found.examples,
            Self::Numbers(found) => found.examples(),
        }
    }

    /// Of classes.
    pub fn classes(&self) -> Option<&Evaluation> {
        match self {
            Self::Classes(found) => Some(found),
            Self::Numbers(_) => None,
        }
    }

    /// Of numbers.
    pub fn numbers(&self) -> Option<&NumberEvaluation> {
        match self {
            Self::Numbers(found) => Some(found),
            Self::Classes(_) => None,
        }
    }

    /// What the better of two models has less of: errors, then negative log-likelihood; of numbers no errors, and the part of the
    /// variance that is left unexplained.
    pub fn rank(&self) -> (usize, f64) {
        match self {
            Self::Classes(found) => (found.errors, found.nll),
            Self::Numbers(found) => (0, found.unexplained()),
        }
    }

    /// The part of the examples that is right, or of the variance that is explained.
    pub fn score(&self) -> f64 {
        match self {
            Self::Classes(found) => found.accuracy(),
            Self::Numbers(found) => found.r2(),
        }
    }

    /// The score of a model that always says the same: of classes the most frequent one, of numbers their means.
    pub fn chance(&self) -> f64 {
        match self {
            Self::Classes(found) => found.chance(),
            Self::Numbers(_) => 0.0,
        }
    }

    /// How alike two models answer: the part of the examples to which both give the same class, or
    /// [`NumberEvaluation::agreement`].
    ///
    /// # Panics
    /// If the two were not evaluated on the same set.
    pub fn agreement(&self, other: &Self) -> f64 {
        match (self, other) {
            (Self::Classes(a), Self::Classes(b)) => a.agreement(b),
            (Self::Numbers(a), Self::Numbers(b)) => a.agreement(b),
            _ => panic!("agreement is between predictions for one set"),
        }
    }
}
