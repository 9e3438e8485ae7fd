//! What computes a graph. One engine is built in, or none; another would be a module with the same two functions.

#[cfg(not(feature = "tract"))]
mod none;
#[cfg(feature = "tract")]
mod tract;

#[cfg(not(feature = "tract"))]
pub(crate) use none::{Engine, describe};
#[cfg(feature = "tract")]
pub(crate) use tract::{Engine, describe};

use crate::Description;
use crate::shape::Shape;

/// Whether this build can compute ONNX files.
pub const HAS_ENGINE: bool = cfg!(feature = "tract");

/// A graph that is ready to be computed, and what was found out on the way.
pub(crate) struct Prepared {
    pub(crate) engine: Engine,
    pub(crate) shape: Shape,
    pub(crate) n_classes: usize,
    /// Whether the output is probabilities.
    pub(crate) probabilities: bool,
    pub(crate) description: Description,
}
