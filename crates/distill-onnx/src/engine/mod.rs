//! What computes a graph: tract, or ONNX Runtime where its library is named, or nothing if neither is built in.

#[cfg(not(feature = "tract"))]
mod none;
#[cfg(feature = "ort")]
mod ort;
#[cfg(feature = "tract")]
mod tract;

#[cfg(not(feature = "tract"))]
pub(crate) use none::Engine;
#[cfg(feature = "tract")]
pub(crate) use tract::Engine;

use crate::Description;
use crate::shape::Shape;

/// Whether this build can compute ONNX files.
pub const HAS_ENGINE: bool = cfg!(feature = "tract");

/// A graph that is ready to be computed, and what was found out on the way.
pub(crate) struct Prepared {
    pub(crate) engine: Engine,
    pub(crate) shape: Shape,
    pub(crate) n_classes: usize,
    /// The shapes of the values that are tapped, the batch first.
    pub(crate) taps: Vec<Vec<usize>>,
    /// The operator that computes the output, but for those that only change its form.
    pub(crate) producer: String,
    pub(crate) description: Description,
}
