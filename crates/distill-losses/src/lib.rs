#![doc = include_str!("../README.md")]

mod attention;
mod batch;
mod class_weights;
mod cross_entropy;
mod distillation;
mod error;
mod kd;
mod logit_matching;
mod loss;
mod pairs;
mod relational;
mod row;
mod similarity;
mod smoothing;
mod squared_error;
mod temperature;
mod terms;

pub use attention::Attention;
pub use class_weights::ClassWeights;
pub use cross_entropy::{CrossEntropy, SmoothedCrossEntropy, cross_entropy, smoothed_cross_entropy};
pub use distillation::{Distillation, SoftTerm};
pub use error::LossError;
pub use kd::{KdValue, kd, soft_cross_entropy};
pub use logit_matching::{logit_matching, logit_mse};
pub use loss::{Loss, LossValue, Targets};
pub use relational::RelationalDistance;
pub use similarity::Similarity;
pub use smoothing::Smoothing;
pub use squared_error::SquaredError;
pub use temperature::Temperature;
pub use terms::{Term, Terms};
