#![doc = include_str!("../README.md")]

mod activation;
mod answers;
mod bags;
mod buffer;
mod channels;
mod config;
mod dense;
mod described;
mod dropout;
mod embedding;
mod ensemble;
mod error;
mod file;
mod fn_model;
mod graph;
mod header;
mod header_check;
mod map_shape;
mod max_norm;
mod model;
mod network;
mod selected_logits;
mod slot;
mod standardized;
mod tape;
mod task;
mod without_zeros;
mod work;
mod zeros;

pub use activation::Activation;
pub use answers::AnswerKind;
pub use config::{
    CnnConfig, DsCnnConfig, GraphConfig, MlpConfig, MobileNetConfig, ModelConfig, ModelKind, NodeConfig, ResNetConfig,
    Standard, TextCnnConfig,
};
pub use described::Described;
pub use dropout::{Dropout, StepKey};
pub use embedding::EmbeddingConfig;
pub use ensemble::{Average, Ensemble, Trust};
pub use error::ModelError;
pub use file::{Provenance, from_safetensors, to_safetensors};
pub use fn_model::FnModel;
pub use graph::{Conv, Graph, Node, Op, Value, Window};
pub use header::{Header, ModelCard, TensorEntry};
pub use header_check::{MAX_HEADER_BYTES, check_safetensors};
pub use map_shape::MapShape;
pub use model::{Model, ModelSpec, Scratch, Trainable};
pub use network::Network;
pub use selected_logits::SelectedLogits;
pub use slot::Slot;
pub use standardized::{Standardization, Standardized};
pub use tape::Tape;
pub use task::Task;
pub use without_zeros::WithoutZeros;
pub use zeros::{MIN_PROBABILITY, Zeros};
