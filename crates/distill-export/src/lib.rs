#![doc = include_str!("../README.md")]

mod compare;
mod error;
mod evaluate;
mod graph;
mod npy;
mod npz;
mod onnx;
mod plan;
pub mod wire;
mod zip;

pub use compare::{Comparison, compare};
pub use error::ExportError;
pub use npz::{from_npz, to_npz};
pub use onnx::{OPSET, OnnxModel, OnnxOptions};
