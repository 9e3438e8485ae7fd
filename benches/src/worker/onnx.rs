//! ONNX Runtime, called from Rust: so that both sides of a comparison are called in the same way.

use std::path::Path;

use distill_export::{OnnxExport, OnnxExportOptions};
use distill_models::{Model as _, ModelConfig, Network, Provenance};
use ndarray::ArrayView2;
use ort::environment::Environment;
use ort::inputs;
use ort::session::Session;
use ort::value::TensorRef;

use crate::Result;
use crate::request::Hello;

/// Names of the input and the output of a graph that we write.
const PORTS: (&str, &str) = ("input", "logits");

/// The library, loaded.
pub(super) struct Engine {
    environment: Environment,
    version: String,
    threads: usize,
}

impl Engine {
    pub(super) fn load(library: &Path, threads: usize) -> Result<Self> {
        let path = std::path::absolute(library)?;
        let environment = ort::init_from(&path)?.with_name("bench").build()?;
        // The file is named `libonnxruntime.so.1.32.0`.
        let name = library.file_name().unwrap_or_default().to_string_lossy();
        let version = name.split_once(".so.").map_or("of an unknown version", |(_, version)| version).to_owned();
        Ok(Self { environment, version, threads })
    }

    pub(super) fn hello(&self) -> Hello {
        Hello {
            name: "onnxruntime".into(),
            version: self.version.clone(),
            threads: self.threads,
            features: vec!["called from Rust".into()],
        }
    }

    /// A session that answers as this network does.
    pub(super) fn session(&self, model: &Network) -> Result<Graph> {
        // A perceptron reads numbers in a row, as it is given them.
        let flat = matches!(model.config(), ModelConfig::Mlp(_));
        let options = OnnxExportOptions { flat, ..OnnxExportOptions::default() };
        let bytes = OnnxExport::new(model, &Provenance::default(), options)?.to_bytes()?;
        let builder = Session::builder(&self.environment)?.with_intra_threads(self.threads);
        let session = builder.map_err(|error| error.to_string())?.commit_from_memory(&bytes)?;
        let input_shape = &model.spec().input_shape;
        Ok(Graph { session, input_shape: if flat { vec![model.spec().features()] } else { input_shape.clone() } })
    }
}

/// A network in ONNX Runtime.
pub(super) struct Graph {
    session: Session,
    /// Of one example.
    input_shape: Vec<usize>,
}

impl Graph {
    /// The logits of a batch, shape `(batch, classes)` in a row, given to `take`; neither they nor the inputs are copied.
    pub(super) fn answer(&mut self, inputs: ArrayView2<'_, f32>, take: impl FnOnce(&[f32])) -> Result<()> {
        let values = inputs.to_slice().ok_or("the inputs of a batch are not in a row")?;
        let shape: Vec<usize> = [inputs.nrows()].into_iter().chain(self.input_shape.iter().copied()).collect();
        let tensor = TensorRef::from_array_view((shape, values))?;
        let outputs = self.session.run(inputs![PORTS.0 => tensor])?;
        let (_, logits) = outputs[PORTS.1].try_extract_tensor::<f32>()?;
        take(logits);
        Ok(())
    }
}
