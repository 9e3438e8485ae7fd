#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "tract"), allow(dead_code, reason = "an engine would use it"))]

mod beside;
mod describe;
mod engine;
mod error;
#[cfg(feature = "tract")]
mod file;
#[cfg(feature = "tract")]
mod growth;
mod guard;
mod model;
mod names;
mod options;
mod shape;
#[cfg(feature = "tract")]
mod taps;
mod trees;
mod wire;

pub use beside::{external_files, with_weights_inside};
pub use engine::{HAS_TRACT, OnnxEngine};
pub use error::OnnxError;
pub use guard::is_guarded;
pub use model::OnnxModel;
pub use names::parse_names;
pub use options::{ChannelOrder, Description, OnnxOptions, Port, Tap};
pub use trees::Trees;
pub use wire::MAX_BYTES;
