#![doc = include_str!("../README.md")]

mod attribute;
mod build;
mod compare;
mod error;
mod evaluate;
mod fold;
mod graph;
mod import;
mod limits;
mod maps;
mod npy;
mod npz;
mod onnx;
mod op;
mod options;
mod plan;
pub mod wire;
mod zip;

pub use build::output_name;
pub use compare::{ExportCheck, compare};
pub use error::ExportError;
pub use import::{FromOnnx, frozen_network_from_onnx, network_from_onnx};
pub use npz::{from_npz, to_npz};
pub use onnx::{NUMBERS, OPSET, OnnxExport, PRODUCER, TASK};
pub use options::OnnxExportOptions;
