//! Graphs of operations that distill has itself: a network of its own computes them, with the convolutions and on all the threads
//! that students have.

use distill_export::{ExportError, frozen_network_from_onnx};
use distill_models::{Model as _, ModelError, Network, Scratch};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

use super::Prepared;
use super::ports::{BATCH, MAX_TENSORS, check_classes, choose_input, choose_output};
use crate::describe::describe;
use crate::shape::{INPUT_SHAPE, Shape};
use crate::{ChannelOrder, OnnxError, OnnxOptions};

/// Rows that a thread takes at a time.
const BLOCK: usize = 16;

/// Operators had other meanings before.
const OLDEST_OPSET: i64 = 9;

/// A network that computes a file, or the reason why another engine has to, as a part of a sentence.
pub(crate) fn prepare(bytes: &[u8], options: &OnnxOptions) -> Result<Result<Prepared<Network>, String>, OnnxError> {
    let description = describe(bytes)?;
    if !options.taps.is_empty() {
        return Ok(Err("inner values are tapped".to_owned()));
    }
    if options.layout == ChannelOrder::Nhwc {
        return Ok(Err("the layout is `nhwc`".to_owned()));
    }
    if description.opset < OLDEST_OPSET {
        let opset = description.opset;
        return Ok(Err(format!(
            "the file has operators of opset {opset}, and distill's are those from {OLDEST_OPSET} on"
        )));
    }
    let input = choose_input(&description.inputs, options)?;
    if input.element != "f32" {
        return Ok(Err(format!("the input `{}` is made of {}, not of f32", input.name, input.element)));
    }
    let output = choose_output(&description, options)?;
    if description.outputs.first().is_none_or(|first| first.name != output) {
        return Ok(Err(format!("the output is `{output}`, not the first of the file")));
    }
    let said = description.metadata.get(INPUT_SHAPE).and_then(|text| serde_json::from_str(text).ok());
    let shape = Shape::new(input, options, said.as_ref(), BATCH)?;
    let read = match frozen_network_from_onnx(bytes, shape.graph.get(1..)) {
        Ok(read) => read,
        Err(error) => return Ok(Err(reason(error))),
    };
    let n_classes = read.n_classes();
    check_classes(&output, &[shape.batch(), n_classes], shape.batch())?;
    let network = match read.network((0..n_classes).map(|class| class.to_string()).collect()) {
        Ok(network) => network,
        Err(error) => return Ok(Err(reason(error))),
    };
    let numbers = network.graph().values().iter().map(|value| value.shape.iter().product::<usize>());
    if numbers.fold(0, usize::saturating_add) > MAX_TENSORS / BATCH {
        return Ok(Err("an example would take gigabytes".to_owned()));
    }
    let producer = String::new();
    Ok(Ok(Prepared { engine: network, shape, n_classes, taps: vec![], producer, description }))
}

/// Writes the logits of a matrix. Many rows are shared among the threads from the first layer to the last, so that none waits for the
/// others behind every layer.
pub(crate) fn logits_into(
    network: &Network,
    inputs: ArrayView2<'_, f32>,
    scratch: &mut Scratch,
    mut out: ArrayViewMut2<'_, f32>,
) -> Result<(), ModelError> {
    if inputs.nrows() <= BLOCK {
        return network.logits_into(inputs, scratch, out);
    }
    let blocks = inputs.axis_chunks_iter(Axis(0), BLOCK).into_par_iter();
    let blocks = blocks.zip(out.axis_chunks_iter_mut(Axis(0), BLOCK));
    blocks.map_init(Scratch::default, |scratch, (inputs, out)| network.logits_into(inputs, scratch, out)).collect()
}

/// The logits of some rows, one after the other.
pub(crate) fn run(
    network: &Network,
    rows: &mut dyn Iterator<Item = &[f32]>,
    scaled: impl Fn(f32) -> f32,
) -> Result<Vec<f32>, OnnxError> {
    let failed = |reason: String| OnnxError::Engine { reason };
    let inputs: Vec<f32> = rows.flatten().map(|&value| scaled(value)).collect();
    let features = network.spec().features();
    let inputs = Array2::from_shape_vec((inputs.len() / features, features), inputs);
    let inputs = inputs.map_err(|error| failed(error.to_string()))?;
    let logits = network.logits(inputs.view()).map_err(|error| failed(error.to_string()))?;
    Ok(logits.into_iter().collect())
}

fn reason(error: ExportError) -> String {
    match error {
        ExportError::Unreadable { reason } => reason,
        error => error.to_string(),
    }
}
