//! What computes a graph: distill's own operations where they can, else tract, or ONNX Runtime where its library is named.

#[cfg(not(feature = "tract"))]
mod none;
#[cfg(feature = "ort")]
mod ort;
mod own;
mod ports;
#[cfg(feature = "tract")]
mod tract;

use std::fmt;

#[cfg(not(feature = "tract"))]
use none::Engine as Other;
#[cfg(feature = "tract")]
use tract::Engine as Other;

pub(crate) use own::Own;

use distill_models::Task;

use crate::shape::Shape;
use crate::{Description, OnnxError, OnnxOptions};

/// Whether this build has tract, which computes what distill's own operations cannot.
pub const HAS_TRACT: bool = cfg!(feature = "tract");

/// What computes a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnnxEngine {
    /// A [`Network`](distill_models::Network) of this project, or [`Trees`](crate::Trees), in every build.
    Own,
    /// tract.
    Tract {
        /// Why distill's own operations do not.
        because: String,
    },
    /// The library of ONNX Runtime that the options name.
    OnnxRuntime,
}

/// As a part of a sentence.
impl fmt::Display for OnnxEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => write!(f, "distill's own operations"),
            Self::Tract { because } => write!(f, "tract, as {because}"),
            Self::OnnxRuntime => write!(f, "ONNX Runtime, as `library` names it"),
        }
    }
}

/// What no engine computes: why ours does not is mostly nearer to what can be done about it.
fn also(error: OnnxError, because: &str) -> OnnxError {
    match error {
        OnnxError::Unsupported { what, why } => {
            OnnxError::Unsupported { what, why: format!("{why}, and for distill's own operations {because}") }
        }
        other => other,
    }
}

/// A graph that is ready to be computed.
pub(crate) enum Engine {
    Own(Own),
    Other(Other),
}

/// The same, and what was found out on the way.
pub(crate) struct Prepared<E> {
    pub(crate) engine: E,
    pub(crate) shape: Shape,
    pub(crate) n_classes: usize,
    pub(crate) task: Task,
    /// The shapes of the values that are tapped, the batch first.
    pub(crate) taps: Vec<Vec<usize>>,
    /// The operator that computes the output, but for those that only change its form.
    pub(crate) producer: String,
    pub(crate) description: Description,
}

impl<E> Prepared<E> {
    fn by<F>(self, engine: impl FnOnce(E) -> F) -> Prepared<F> {
        let Self { engine: by, shape, n_classes, task, taps, producer, description } = self;
        Prepared { engine: engine(by), shape, n_classes, task, taps, producer, description }
    }
}

impl Engine {
    /// Prepares a file that has all its weights inside.
    pub(crate) fn prepare(bytes: &[u8], options: &OnnxOptions) -> Result<(Prepared<Self>, OnnxEngine), OnnxError> {
        if options.library.is_some() {
            let prepared = Other::prepare(bytes, options, "`library` is set")?;
            return Ok((prepared.by(Self::Other), OnnxEngine::OnnxRuntime));
        }
        match own::prepare(bytes, options)? {
            Ok(prepared) => Ok((prepared.by(Self::Own), OnnxEngine::Own)),
            Err(because) => {
                let prepared = Other::prepare(bytes, options, &because).map_err(|error| also(error, &because))?;
                Ok((prepared.by(Self::Other), OnnxEngine::Tract { because }))
            }
        }
    }

    /// The operations of distill that compute it, which take any number of rows.
    pub(crate) fn own(&self) -> Option<&Own> {
        match self {
            Self::Own(own) => Some(own),
            Self::Other(_) => None,
        }
    }

    /// The first `n` outputs for at most one batch of examples, each one example after the other.
    pub(crate) fn run(
        &self,
        shape: &Shape,
        rows: &mut dyn Iterator<Item = &[f32]>,
        scaled: impl Fn(f32) -> f32,
        n: usize,
    ) -> Result<Vec<Vec<f32>>, OnnxError> {
        match self {
            Self::Own(own) => own.run(rows, scaled).map(|answers| vec![answers]),
            Self::Other(other) => other.run(shape, rows, scaled, n),
        }
    }
}
