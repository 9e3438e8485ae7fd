//! Networks that other programs wrote as ONNX, as networks that can be trained.

mod activations;
mod constant;
mod convert;
mod file;
mod fold;
mod layers;
mod names;
mod shapes;
mod strided;

use std::collections::HashMap;

use distill_models::{GraphConfig, Model as _, ModelConfig, Network, Task, Trainable as _};
use distill_tensor::Params;

use crate::ExportError;
use crate::onnx::{NUMBERS, TASK};
use convert::{Converter, Purpose};
use file::File;

/// A network that was read from an ONNX file: what it computes, and its weights.
#[derive(Debug, Clone)]
pub struct FromOnnx {
    config: GraphConfig,
    input_shape: Vec<usize>,
    n_classes: usize,
    classes: Option<Vec<String>>,
    task: Task,
    producer: String,
    weights: HashMap<String, Vec<f32>>,
    notes: Vec<String>,
}

/// Reads a network with its weights from the bytes of an ONNX file, as PyTorch writes it with either of its exporters.
///
/// It has one input, `[batch, …]` in f32, and its first output are the logits, `[batch, classes]`. Convolutions, batch norms,
/// linear layers, pools, sums, concatenations, dropout and the functions of [`Activation`](distill_models::Activation) can be
/// trained; anything else is refused with its name. Operations that PyTorch writes as several nodes, such as GELU, become one
/// again. Whatever the bytes are, memory is taken only for what they hold.
///
/// # Errors
/// [`ExportError::Unreadable`] for bytes of another kind; [`ExportError::Node`] with the node that is not possible here.
///
/// # Examples
/// ```
/// use distill_export::{OnnxExport, OnnxExportOptions, network_from_onnx};
/// use distill_models::{CnnConfig, Model, Network, Provenance};
/// use ndarray::Array2;
/// let config = CnnConfig { channels: vec![3], ..CnnConfig::default() };
/// let model = Network::new(config, vec![1, 6, 6], vec!["yes".into(), "no".into()], 1)?;
/// let bytes = OnnxExport::new(&model, &Provenance::new(), OnnxExportOptions::default())?.to_bytes()?;
///
/// let read = network_from_onnx(&bytes)?;
/// assert_eq!((read.input_shape(), read.n_classes()), (&[1, 6, 6][..], 2));
/// let again = read.network(model.spec().classes.clone())?;
/// let inputs = Array2::from_elem((1, 36), 0.5);
/// let difference = again.logits(inputs.view())? - model.logits(inputs.view())?;
/// assert!(difference.iter().all(|difference| difference.abs() < 1e-5));
/// # Ok::<(), distill_export::ExportError>(())
/// ```
pub fn network_from_onnx(bytes: &[u8]) -> Result<FromOnnx, ExportError> {
    read(bytes, Purpose::Training, None)
}

/// Reads a network that is only asked, and not trained. More is possible then: `Slice` with steps and `Pad` of channels, as
/// shortcuts without weights have them, become convolutions with fixed ones and zeros, and layers may have the same weights.
/// A softmax at the end is not left out but refused, as the answers are those of the file.
///
/// The shape of an example is that of the file, unless its sides are open; `input_shape` says then what they are.
///
/// # Errors
/// As [`network_from_onnx`].
pub fn frozen_network_from_onnx(bytes: &[u8], input_shape: Option<&[usize]>) -> Result<FromOnnx, ExportError> {
    read(bytes, Purpose::Asking, input_shape)
}

fn read(bytes: &[u8], purpose: Purpose, input_shape: Option<&[usize]>) -> Result<FromOnnx, ExportError> {
    let unreadable = |reason: String| ExportError::Unreadable { reason };
    let mut file = File::read(bytes).map_err(unreadable)?;
    let constants = std::mem::take(&mut file.constants);
    let classes = file.metadata.get("classes").and_then(|json| serde_json::from_str(json).ok());
    // Other programs have other words there, such as `classify`, and none of them is this one.
    let is_of_numbers = file.metadata.get(TASK) == Some(&NUMBERS);
    let task = if is_of_numbers { Task::Numbers } else { Task::Classes };
    let producer = file.producer.clone();
    let read = Converter::new(&file, constants, bytes.len(), purpose, input_shape).map_err(unreadable)?.convert()?;
    let n_classes = match read.graph.values().last().map(|value| value.shape.as_slice()) {
        Some(&[n]) => n,
        shape => return Err(unreadable(format!("its output has the shape {shape:?}, not one number for each class"))),
    };
    let input_shape = read.graph.value(0).shape.clone();
    let config = GraphConfig::from(&read.graph);
    // Of the right number, or they are those of something else.
    let classes = classes.filter(|classes: &Vec<String>| classes.len() == n_classes);
    Ok(FromOnnx { config, input_shape, n_classes, classes, task, producer, weights: read.weights, notes: read.notes })
}

impl FromOnnx {
    /// What the network computes.
    pub fn config(&self) -> &GraphConfig {
        &self.config
    }

    /// The shape of an example.
    pub fn input_shape(&self) -> &[usize] {
        &self.input_shape
    }

    /// How many logits it gives.
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// The names of the classes, where the file has them, as those of this crate do.
    pub fn classes(&self) -> Option<&[String]> {
        self.classes.as_deref()
    }

    /// What its output is: numbers, where this crate wrote that into the file; else logits.
    pub fn task(&self) -> Task {
        self.task
    }

    /// The program that wrote the file.
    pub fn producer(&self) -> &str {
        &self.producer
    }

    /// What is other than in the file, in whole sentences.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The network with the weights of the file, and with its task.
    ///
    /// # Errors
    /// [`ExportError::Model`] for another number of classes, or weights that do not make a network.
    pub fn network(&self, classes: Vec<String>) -> Result<Network, ExportError> {
        let config = ModelConfig::from(self.config.clone());
        let layout = config.layout(&self.input_shape, classes.len())?;
        let mut params = Params::zeros(layout.clone());
        for (id, name, _) in layout.iter() {
            let values = self.weights.get(name).filter(|values| values.len() == params.vector(id).len());
            let values = values.ok_or_else(|| {
                let reason = format!("it has no weights for `{name}`, or another number of them");
                ExportError::Unreadable { reason }
            })?;
            params.vector_mut(id).copy_from_slice(values);
        }
        let network = Network::with_params(config, None, self.input_shape.clone(), classes, params)?;
        let network = network.with_task(self.task);
        debug_assert_eq!(network.spec().classes.len(), self.n_classes);
        debug_assert_eq!(network.params().iter().count(), self.weights.len());
        Ok(network)
    }
}

#[cfg(test)]
mod tests;
