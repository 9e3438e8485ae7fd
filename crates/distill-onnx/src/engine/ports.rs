//! Inputs and outputs, and how large what lies between may be: the same for all engines.

use crate::{Description, OnnxError, OnnxOptions, Port};

/// Numbers in all tensors of a graph together.
pub(super) const MAX_TENSORS: usize = 1 << 30;

/// Classes of a model.
const MAX_CLASSES: usize = 1 << 20;

/// Examples in a batch where the file leaves it open. A constant: results do not depend on who asks for how many.
pub(super) const BATCH: usize = 16;

/// What outputs are made of that are no numbers for each class.
const LABELS: [&str; 4] = ["i64", "i32", "string", "bool"];

fn names(ports: &[Port]) -> Vec<String> {
    ports.iter().map(|port| port.name.clone()).collect()
}

pub(super) fn choose_input<'a>(inputs: &'a [Port], options: &OnnxOptions) -> Result<&'a Port, OnnxError> {
    let refused = |wanted| OnnxError::Port { kind: "input", found: names(inputs), wanted };
    match (inputs, &options.input) {
        ([], _) => Err(refused("one is needed".to_owned())),
        ([one], None) => Ok(one),
        ([one], Some(name)) if one.name == *name => Ok(one),
        (_, Some(name)) if inputs.iter().all(|input| input.name != *name) => Err(refused(format!("not `{name}`"))),
        _ => Err(refused("and only one can be given".to_owned())),
    }
}

/// The name of the output, which may be any tensor of the graph.
pub(super) fn choose_output(description: &Description, options: &OnnxOptions) -> Result<String, OnnxError> {
    let outputs = &description.outputs;
    let refused = |wanted| Err(OnnxError::Port { kind: "output", found: names(outputs), wanted });
    let Some(wanted) = &options.output else {
        // Classifiers of tables give the likeliest class first, and then the probabilities.
        let numbers = outputs.iter().find(|output| !LABELS.contains(&output.element.as_str()));
        let usual = outputs.iter().find(|output| output.name == "logits").or(numbers).or(outputs.first());
        return usual.map_or_else(|| refused("one is needed".to_owned()), |output| Ok(output.name.clone()));
    };
    let computed = description.values.iter().map(|(name, _)| name);
    if outputs.iter().map(|output| &output.name).chain(computed).any(|name| name == wanted) {
        return Ok(wanted.clone());
    }
    match wanted.parse::<usize>().ok().and_then(|position| outputs.get(position)) {
        Some(output) => Ok(output.name.clone()),
        None => refused(format!("not `{wanted}`")),
    }
}

/// Classes of an output `[batch, classes]`, beside which there may be sides of one.
pub(super) fn check_classes(name: &str, dims: &[usize], batch: usize) -> Result<usize, OnnxError> {
    let refused = || OnnxError::OutputShape { name: name.to_owned(), dims: dims.to_vec(), batch };
    let (first, sides) = dims.split_first().ok_or_else(refused)?;
    let mut wide = sides.iter().filter(|&&side| side != 1);
    match (wide.next(), wide.next()) {
        (Some(&n), None) if *first == batch && (2..=MAX_CLASSES).contains(&n) => Ok(n),
        _ => Err(refused()),
    }
}
