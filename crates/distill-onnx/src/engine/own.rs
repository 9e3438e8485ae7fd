//! Graphs of operations that distill has itself: a network of its own computes them, with the convolutions and on all the threads
//! that students have, or trees and what pipelines have around them.

use distill_export::{ExportError, frozen_network_from_onnx};
use distill_models::{Model as _, ModelError, Network, Scratch, Task};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

use super::Prepared;
use super::ports::{BATCH, MAX_TENSORS, check_classes, choose_input, choose_output, choose_task};
use crate::describe::describe;
use crate::shape::{INPUT_SHAPE, Shape};
use crate::trees::{self, Beyond};
use crate::{ChannelOrder, Description, OnnxError, OnnxOptions, Port, Trees};

/// Rows that a thread takes at a time.
const BLOCK: usize = 16;

/// What trees may be given: f32, each of which is an f64 too.
const FLOATS: [&str; 2] = ["f32", "f64"];
/// Or whole numbers, of which an example has the nearest.
const WHOLE: [&str; 2] = ["i64", "i32"];

/// Operators had other meanings before.
const OLDEST_OPSET: i64 = 9;

/// What computes a file.
pub(crate) enum Own {
    Network(Box<Network>),
    Trees(Box<Trees>),
}

/// What computes a file, or the reason why another engine has to, as a part of a sentence.
pub(crate) fn prepare(bytes: &[u8], options: &OnnxOptions) -> Result<Result<Prepared<Own>, String>, OnnxError> {
    let description = describe(bytes)?;
    if !options.taps.is_empty() {
        return Ok(Err("inner values are tapped".to_owned()));
    }
    if options.layout == ChannelOrder::Nhwc {
        return Ok(Err("the layout is `nhwc`".to_owned()));
    }
    let input = choose_input(&description.inputs, options)?.clone();
    let task = choose_task(&description, options)?;
    let output = choose_output(&description, options, task)?;
    let said = description.metadata.get(INPUT_SHAPE).and_then(|text| serde_json::from_str(text).ok());
    let shape = || Shape::new(&input, options, said.as_ref(), BATCH);
    if trees::is_among(description.operators.keys()) {
        return of_trees(bytes, (&input, &output), shape()?, task, description);
    }
    if description.opset < OLDEST_OPSET {
        let opset = description.opset;
        return Ok(Err(format!(
            "the file has operators of opset {opset}, and distill's are those from {OLDEST_OPSET} on"
        )));
    }
    if input.element != "f32" {
        return Ok(Err(format!("the input `{}` is made of {}, not of f32", input.name, input.element)));
    }
    if description.outputs.first().is_none_or(|first| first.name != output) {
        return Ok(Err(format!("the output is `{output}`, not the first of the file")));
    }
    let shape = shape()?;
    let read = match frozen_network_from_onnx(bytes, shape.graph.get(1..)) {
        Ok(read) => read,
        Err(error) => return Ok(Err(reason(error))),
    };
    let n_classes = read.n_classes();
    check_classes(&output, &[shape.batch(), n_classes], shape.batch(), task)?;
    let network = match read.network((0..n_classes).map(|class| class.to_string()).collect()) {
        Ok(network) => network,
        Err(error) => return Ok(Err(reason(error))),
    };
    let numbers = network.graph().values().iter().map(|value| value.shape.iter().product::<usize>());
    if numbers.fold(0, usize::saturating_add) > MAX_TENSORS / BATCH {
        return Ok(Err("an example would take gigabytes".to_owned()));
    }
    let engine = Own::Network(Box::new(network));
    Ok(Ok(Prepared { engine, shape, n_classes, task, taps: vec![], producer: String::new(), description }))
}

fn of_trees(
    bytes: &[u8],
    (input, output): (&Port, &str),
    shape: Shape,
    task: Task,
    mut description: Description,
) -> Result<Result<Prepared<Own>, String>, OnnxError> {
    let rounds = WHOLE.contains(&input.element.as_str());
    if !rounds && !FLOATS.contains(&input.element.as_str()) {
        let Port { name, element, .. } = input;
        return Ok(Err(format!("the input `{name}` is made of {element}, not of f32, f64, i64 or i32")));
    }
    let trees = match Trees::read(bytes, &input.name, output, shape.features())? {
        Ok(trees) => trees.rounding(rounds),
        Err(Beyond { node, why }) => return Ok(Err(format!("{node} {why}"))),
    };
    let n_classes = check_classes(output, &[shape.batch(), trees.n_outputs()], shape.batch(), task)?;
    description.parameters = trees.n_parameters();
    let producer = trees.producer().to_owned();
    let engine = Own::Trees(Box::new(trees));
    Ok(Ok(Prepared { engine, shape, n_classes, task, taps: vec![], producer, description }))
}

impl Own {
    /// How many rows it computes together, at the least.
    pub(crate) fn rows_at_a_time(&self) -> usize {
        match self {
            Self::Network(network) => network.rows_at_a_time(),
            Self::Trees(_) => 1,
        }
    }

    /// How many trees it has; none for a network.
    pub(crate) fn n_trees(&self) -> Option<usize> {
        match self {
            Self::Network(_) => None,
            Self::Trees(trees) => Some(trees.n_trees()),
        }
    }

    /// Writes what it answers to a matrix. Many rows are shared among the threads from the first layer to the last, so that none
    /// waits for the others behind every layer.
    pub(crate) fn answers_into(
        &self,
        inputs: ArrayView2<'_, f32>,
        scratch: &mut Scratch,
        mut out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), ModelError> {
        let network = match self {
            Self::Trees(trees) => {
                trees.answers_into(inputs, out);
                return Ok(());
            }
            Self::Network(network) => network,
        };
        if inputs.nrows() <= BLOCK {
            return network.logits_into(inputs, scratch, out);
        }
        let blocks = inputs.axis_chunks_iter(Axis(0), BLOCK).into_par_iter();
        let blocks = blocks.zip(out.axis_chunks_iter_mut(Axis(0), BLOCK));
        blocks.map_init(Scratch::default, |scratch, (inputs, out)| network.logits_into(inputs, scratch, out)).collect()
    }

    /// What it answers to some rows, one after the other.
    pub(crate) fn run(
        &self,
        rows: &mut dyn Iterator<Item = &[f32]>,
        scaled: impl Fn(f32) -> f32,
    ) -> Result<Vec<f32>, OnnxError> {
        let failed = |reason: String| OnnxError::Engine { reason };
        let inputs: Vec<f32> = rows.flatten().map(|&value| scaled(value)).collect();
        let (features, n_classes) = match self {
            Self::Network(network) => (network.spec().features(), network.spec().classes.len()),
            Self::Trees(trees) => (trees.n_features(), trees.n_outputs()),
        };
        let inputs = Array2::from_shape_vec((inputs.len() / features, features), inputs);
        let inputs = inputs.map_err(|error| failed(error.to_string()))?;
        let mut answers = Array2::zeros((inputs.nrows(), n_classes));
        let answered = self.answers_into(inputs.view(), &mut Scratch::default(), answers.view_mut());
        answered.map_err(|error| failed(error.to_string()))?;
        Ok(answers.into_iter().collect())
    }
}

fn reason(error: ExportError) -> String {
    match error {
        ExportError::Unreadable { reason } => reason,
        error => error.to_string(),
    }
}
