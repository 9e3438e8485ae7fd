//! Inputs and outputs, and how large what lies between may be: the same for all engines.

use distill_export::{NUMBERS, TASK, output_name};
use distill_models::Task;

use crate::{Description, OnnxError, OnnxOptions, Port};

/// Numbers in all tensors of a graph together.
pub(super) const MAX_TENSORS: usize = 1 << 30;

/// Classes of a model.
const MAX_CLASSES: usize = 1 << 20;

/// Examples in a batch where the file leaves it open. A constant: results do not depend on who asks for how many.
pub(super) const BATCH: usize = 16;

/// What outputs are made of that are no numbers for each class.
const LABELS: [&str; 4] = ["i64", "i32", "string", "bool"];

/// What the outputs are: what the file says, where distill has written it, else what the options say.
pub(super) fn choose_task(description: &Description, options: &OnnxOptions) -> Result<Task, OnnxError> {
    match description.metadata.get(TASK) {
        Some(said) if said == NUMBERS => Ok(Task::Numbers),
        None if options.task == Task::Numbers && description.is_ours() => {
            let reason = "cannot be numbers: distill exported this file of a model that tells classes; \
                          give it to data with these classes, or export a model that has learned numbers";
            Err(OnnxError::Option { key: "task", reason: reason.to_owned() })
        }
        _ => Ok(options.task),
    }
}

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
pub(super) fn choose_output(description: &Description, options: &OnnxOptions, task: Task) -> Result<String, OnnxError> {
    let outputs = &description.outputs;
    let usual_name = output_name(task);
    let refused = |wanted| Err(OnnxError::Port { kind: "output", found: names(outputs), wanted });
    let Some(wanted) = &options.output else {
        // Classifiers of tables give the likeliest class first, and then the probabilities.
        let numbers = outputs.iter().find(|output| !LABELS.contains(&output.element.as_str()));
        let usual = outputs.iter().find(|output| output.name == usual_name).or(numbers).or(outputs.first());
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

/// Classes of an output `[batch, classes]`, beside which there may be sides of one; or its numbers, of which one may be enough.
pub(super) fn check_classes(name: &str, dims: &[usize], batch: usize, task: Task) -> Result<usize, OnnxError> {
    let refused = || OnnxError::OutputShape { name: name.to_owned(), dims: dims.to_vec(), batch, task };
    let (first, sides) = dims.split_first().ok_or_else(refused)?;
    let mut wide = sides.iter().filter(|&&side| side != 1);
    match (wide.next(), wide.next()) {
        (None, None) if *first == batch && task == Task::Numbers => Ok(1),
        (Some(&n), None) if *first == batch && (2..=MAX_CLASSES).contains(&n) => Ok(n),
        _ => Err(refused()),
    }
}
