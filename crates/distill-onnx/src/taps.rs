//! Inner values that are shown: whether a file has them, and whether they have a row for each example.

use tract_onnx::pb::{ModelProto, ValueInfoProto};

use crate::{Description, OnnxError, Tap, file};

/// The shape of an output, and its numbers.
pub(crate) type Answer = (Vec<usize>, Vec<f32>);

/// What the last value of a tape is called.
const LOGITS: &str = "logits";

/// Makes the values that are to be shown outputs of the graph, as the engines compute these alone. Returns their names in the file.
pub(crate) fn add(
    file: &mut ModelProto,
    taps: &[Tap],
    output: &str,
    description: &Description,
) -> Result<Vec<String>, OnnxError> {
    for (i, Tap { name, tensor }) in taps.iter().enumerate() {
        let refused =
            |reason: &str| OnnxError::Tap { tensor: tensor.clone(), reason: reason.to_owned(), found: vec![] };
        if tensor == output {
            return Err(refused("it is the output, which is always there as `logits`"));
        }
        if name == LOGITS {
            return Err(refused("it has the name of the output, `logits`"));
        }
        if taps[..i].iter().any(|other| other.tensor == *tensor || other.name == *name) {
            return Err(refused("it, or its name, occurs twice"));
        }
        let graph = file.graph.as_mut().filter(|graph| file::producer(graph, tensor).is_some());
        let Some(graph) = graph else {
            let found = description.values.iter().map(|(value, _)| value.clone()).collect();
            let reason = "no operator of the file computes it".to_owned();
            return Err(OnnxError::Tap { tensor: tensor.clone(), reason, found });
        };
        if graph.output.iter().all(|port| port.name != *tensor) {
            graph.output.push(ValueInfoProto { name: tensor.clone(), ..ValueInfoProto::default() });
        }
    }
    Ok(taps.iter().map(|tap| tap.tensor.clone()).collect())
}

/// Checks that each value has the batch as its first side, and something for every example.
///
/// `twice` are their shapes for a batch of twice the size, where the file leaves it open and the graph can be computed so: a
/// side of one may be no batch.
pub(crate) fn check(
    taps: &[Tap],
    shapes: &[Vec<usize>],
    twice: Option<&[Vec<usize>]>,
    batch: usize,
) -> Result<(), OnnxError> {
    for (i, (tap, shape)) in taps.iter().zip(shapes).enumerate() {
        let follows = |shape: &[usize], batch: usize| shape.first() == Some(&batch);
        let of_twice = twice.and_then(|shapes| shapes.get(i));
        let is_wide = shape.len() > 1 && shape.iter().all(|&side| side > 0);
        if !is_wide || !follows(shape, batch) || of_twice.is_some_and(|shape| !follows(shape, 2 * batch)) {
            let seen = of_twice.map_or(String::new(), |shape| format!(", and {shape:?} of {}", 2 * batch));
            let reason = format!(
                "its first side is not the batch, or it has no other: for a batch of {batch} it has shape {shape:?}{seen}"
            );
            return Err(OnnxError::Tap { tensor: tap.tensor.clone(), reason, found: vec![] });
        }
    }
    Ok(())
}

/// The shapes of some answers.
pub(crate) fn shapes(answers: Vec<Answer>) -> Vec<Vec<usize>> {
    answers.into_iter().map(|(shape, _)| shape).collect()
}
