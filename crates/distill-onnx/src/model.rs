use std::collections::BTreeMap;

use distill_models::{Model, ModelError, ModelSpec, Provenance, Scratch};
use ndarray::{ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

use crate::engine::{self, Engine, Prepared};
use crate::shape::Shape;
use crate::{Description, OnnxError, OnnxOptions, names};

/// The largest file that is read: Protocol Buffers allow no more.
pub const MAX_BYTES: usize = i32::MAX as usize;

/// The least probability whose logarithm is taken; smaller ones count as this.
const MIN_PROBABILITY: f32 = 1e-12;

/// How far the probabilities of an example may be from 1 together.
const MAX_EXCESS: f32 = 1e-2;

/// A classifier from an ONNX file.
///
/// Each batch of the graph has the same size, the last one is filled with zeros. So an answer depends neither on who
/// asks for how many nor on the number of threads.
pub struct OnnxModel {
    engine: Engine,
    shape: Shape,
    probabilities: bool,
    scale: f32,
    shift: f32,
    spec: ModelSpec,
    description: Description,
}

impl std::fmt::Debug for OnnxModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OnnxModel").field("spec", &self.spec).field("shape", &self.shape).finish_non_exhaustive()
    }
}

impl OnnxModel {
    /// Prepares a file to be asked. Whatever the bytes are, sizes that they claim are compared with what is there.
    ///
    /// # Errors
    /// [`OnnxError::NoEngine`] without the feature `tract`; any other if the file or an option cannot be used.
    pub fn from_bytes(bytes: &[u8], options: &OnnxOptions) -> Result<Self, OnnxError> {
        for (key, value) in [("scale", options.scale), ("shift", options.shift)] {
            if !value.is_finite() || (key == "scale" && value == 0.0) {
                return Err(OnnxError::Option { key, reason: format!("cannot be {value}") });
            }
        }
        let Prepared { engine, shape, n_classes, probabilities, description } = Engine::prepare(bytes, options)?;
        let classes = names::choose(options.classes.as_deref(), &description.metadata, n_classes)?;
        let spec = ModelSpec {
            architecture: architecture(&description),
            input_shape: shape.data.clone(),
            classes,
            parameters: description.parameters,
        };
        let (scale, shift) = (options.scale, options.shift);
        let model = Self { engine, shape, probabilities, scale, shift, spec, description };
        model.try_out()?;
        Ok(model)
    }

    /// What a file says of itself, without preparing it.
    ///
    /// # Errors
    /// As [`from_bytes`](Self::from_bytes).
    pub fn describe(bytes: &[u8]) -> Result<Description, OnnxError> {
        engine::describe(bytes)
    }

    /// What its file says of itself.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Whether the file answers with probabilities, of which the logits are the logarithms.
    pub fn has_probabilities(&self) -> bool {
        self.probabilities
    }

    /// Where the model comes from: what this program wrote into the file, or else who made it.
    pub fn provenance(&self) -> Provenance {
        let written = self.description.metadata.get("provenance");
        written.and_then(|text| serde_json::from_str::<Provenance>(text).ok()).unwrap_or_else(|| {
            let pairs = [("producer", &self.description.producer), ("graph", &self.description.name)];
            let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
            pairs.map(|(key, value)| (key.to_owned(), value.clone())).collect::<BTreeMap<_, _>>()
        })
    }

    /// Computes one batch of zeros: what cannot be computed is found before anybody waits for it.
    fn try_out(&self) -> Result<(), OnnxError> {
        let zeros = vec![0.0; self.spec.features()];
        let answer = self.answer(&mut std::iter::once(zeros.as_slice()))?;
        let Some(first) = answer.get(..self.spec.classes.len()) else {
            return Err(OnnxError::Engine { reason: "the output is shorter than its shape".to_owned() });
        };
        let sum: f32 = first.iter().sum();
        let unlike = |&p: &f32| !(-MAX_EXCESS..=1.0 + MAX_EXCESS).contains(&p);
        if self.probabilities && (first.iter().any(unlike) || (sum - 1.0).abs() > MAX_EXCESS) {
            let reason = format!("is set, but for an example of zeros the outputs are {first:.3?}, with sum {sum}");
            return Err(OnnxError::Option { key: "probabilities", reason });
        }
        Ok(())
    }

    fn answer(&self, rows: &mut dyn Iterator<Item = &[f32]>) -> Result<Vec<f32>, OnnxError> {
        self.engine.run(&self.shape, rows, |value| self.scale * value + self.shift)
    }

    fn block(&self, inputs: ArrayView2<'_, f32>, mut out: ArrayViewMut2<'_, f32>) -> Result<(), OnnxError> {
        let inputs = inputs.as_standard_layout();
        let rows = inputs.as_slice().unwrap_or_default();
        let answer = self.answer(&mut rows.chunks_exact(self.spec.features()))?;
        for (mut out, answer) in out.rows_mut().into_iter().zip(answer.chunks_exact(self.spec.classes.len())) {
            for (out, &value) in out.iter_mut().zip(answer) {
                *out = match self.probabilities {
                    // A NaN stays one, so that it is found.
                    true if value < MIN_PROBABILITY => MIN_PROBABILITY.ln(),
                    true => value.ln(),
                    false => value,
                };
            }
        }
        Ok(())
    }
}

impl Model for OnnxModel {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn logits_into(
        &self,
        inputs: ArrayView2<'_, f32>,
        _: &mut Scratch,
        mut out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), ModelError> {
        if inputs.ncols() != self.spec.features() {
            return Err(ModelError::Features { expected: self.spec.features(), actual: inputs.ncols() });
        }
        let batch = self.shape.batch();
        let inputs = inputs.axis_chunks_iter(Axis(0), batch).into_par_iter();
        let blocks = inputs.zip(out.axis_chunks_iter_mut(Axis(0), batch));
        let outcomes: Vec<_> = blocks.map(|(inputs, out)| self.block(inputs, out)).collect();
        // The first error in the order of the rows, with any number of threads.
        let outcome: Result<(), OnnxError> = outcomes.into_iter().collect();
        outcome.map_err(|error| ModelError::Engine { reason: error.to_string() })
    }
}

/// What our own files name their graph, else its size.
fn architecture(description: &Description) -> String {
    let n: usize = description.operators.values().sum();
    match description.producer.starts_with("distill ") && !description.name.is_empty() {
        true => description.name.clone(),
        false => format!("ONNX graph of {n} operators"),
    }
}
