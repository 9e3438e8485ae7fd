use std::collections::BTreeMap;
use std::path::PathBuf;

use distill_models::Task;

/// Where the channels of an image stand in the input of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChannelOrder {
    /// Before its rows and columns, as PyTorch has them.
    #[default]
    Nchw,
    /// After them, as TensorFlow has them. Rows of data, which are channels first, are turned.
    Nhwc,
}

/// Settings that an ONNX file does not contain. The defaults follow the file, or common practice.
#[derive(Debug, Clone, PartialEq)]
pub struct OnnxOptions {
    /// What the outputs are. [`Task::Numbers`]: numbers to predict, which are taken as they are; one for each example, `[batch]` or
    /// `[batch, 1]`, or several, `[batch, n]`. A file of numbers that distill exported says so, and needs no setting.
    pub task: Task,
    /// Name of the input that takes the examples. `None`: the only one.
    pub input: Option<String>,
    /// Name of the output, or of any tensor in the graph; or the position of the output, counted from 0.
    /// `None`: the one named `logits`, or `predictions` for numbers, or else the first.
    pub output: Option<String>,
    /// Whether the output is probabilities, of which the logarithms are the logits. `None`: whether
    /// its numbers for some made-up inputs are from 0 to 1 and add up to 1. Numbers to predict are none.
    pub probabilities: Option<bool>,
    /// Where the channels are.
    pub layout: ChannelOrder,
    /// Shape of one example as the data has it, channels first. `None`: what metadata or input say.
    pub input_shape: Option<Vec<usize>>,
    /// Names of the classes, or of the numbers, in the order of the output. `None`: the metadata's, or `0`, `1`, …
    pub classes: Option<Vec<String>>,
    /// Each number `x` of an example is given as `scale * x + shift`.
    pub scale: f32,
    /// See `scale`.
    pub shift: f32,
    /// The library of ONNX Runtime, version 1.24 or later, that computes in place of tract and of our own operations; the first that is named holds for
    /// the whole process. It needs the feature `ort`.
    pub library: Option<PathBuf>,
    /// Inner values that [`Model::record`](distill_models::Model::record) shows, in this order and before the logits.
    pub taps: Vec<Tap>,
}

/// An inner value that is shown under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tap {
    /// What it is called.
    pub name: String,
    /// Its name in the file. Its first side is the batch; the others are flattened to one row for each example.
    pub tensor: String,
}

impl Default for OnnxOptions {
    fn default() -> Self {
        Self {
            task: Task::Classes,
            input: None,
            output: None,
            probabilities: None,
            layout: ChannelOrder::Nchw,
            input_shape: None,
            classes: None,
            scale: 1.0,
            shift: 0.0,
            library: None,
            taps: vec![],
        }
    }
}

/// An input or an output of a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Type of its elements, such as `f32`.
    pub element: String,
    /// Its shape; `None` for a side that is open, such as the batch.
    pub dims: Vec<Option<usize>>,
}

impl Port {
    /// The shape as text, such as `[?, 1, 28, 28]`.
    pub fn shape(&self) -> String {
        let side = |side: &Option<usize>| side.map_or("?".to_owned(), |side| side.to_string());
        format!("[{}]", self.dims.iter().map(side).collect::<Vec<_>>().join(", "))
    }
}

/// What an ONNX file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Name and version of the program that wrote it.
    pub producer: String,
    /// Version of the operators.
    pub opset: i64,
    /// Name of the graph.
    pub name: String,
    /// How often each operator is used, by name.
    pub operators: BTreeMap<String, usize>,
    /// Inputs that are not constants.
    pub inputs: Vec<Port>,
    /// Outputs.
    pub outputs: Vec<Port>,
    /// Values that operators compute, in the order of the file, each with its operator; no constants.
    pub values: Vec<(String, String)>,
    /// Numbers in the constants that are not scalars.
    pub parameters: usize,
    /// What the producer added.
    pub metadata: BTreeMap<String, String>,
    /// Files beside it in which it keeps weights, as it names them.
    pub files: Vec<String>,
}

impl Description {
    /// Whether distill has exported the file.
    pub(crate) fn is_ours(&self) -> bool {
        self.producer.strip_prefix(distill_export::PRODUCER).is_some_and(|version| version.starts_with(' '))
    }
}
