#![doc = include_str!("../README.md")]

mod activation;
mod answers;
mod bags;
mod columns;
mod dense;
mod described;
mod dropout;
mod embedding;
mod ensemble;
mod error;
mod file;
mod header;
mod header_check;
mod max_norm;
mod mlp;
mod model;
mod standardized;
mod tape;

pub use activation::Activation;
pub use answers::AnswerKind;
pub use columns::Columns;
pub use described::Described;
pub use dropout::{Dropout, Noise};
pub use embedding::EmbeddingConfig;
pub use ensemble::{Average, Ensemble};
pub use error::ModelError;
pub use file::{Provenance, from_safetensors, to_safetensors};
pub use header::{Header, ModelCard, TensorEntry};
pub use header_check::{MAX_HEADER_BYTES, check_safetensors};
pub use mlp::{Mlp, MlpConfig, ModelKind};
pub use model::{Model, ModelSpec, Scratch, Trainable};
pub use standardized::{Standardization, Standardized};
pub use tape::Tape;
