use std::collections::HashSet;

use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto, tensor_proto::DataType};
use tract_onnx::prelude::Framework as _;

use crate::describe::element_name;
use crate::{MAX_BYTES, OnnxError, growth, wire};

/// Domains whose operators are those of ONNX.
const DOMAINS: [&str; 3] = ["", "ai.onnx", "ai.onnx.ml"];

/// A ResNet of a thousand layers has some thousand.
const MAX_NODES: usize = 20_000;

const MAX_RANK: usize = 8;

/// Operators with graphs inside, which may run for ever.
const CONTROL: [&str; 4] = ["If", "Loop", "Scan", "SequenceMap"];

/// Operators that answer differently each time.
const RANDOM: [&str; 6] =
    ["Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"];

/// Operators that leave numbers what they are, or nearly so.
const FORM: [&str; 8] = ["Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Clip", "Dropout"];

/// The domain of classifiers of tables.
const TABLES: &str = "ai.onnx.ml";

/// Reads a file that has all its weights inside, and checks what the engine would believe. Which operators there are,
/// `is_known` says. Where numbers that are `wanted` are made a map, they are wanted as they are.
pub(crate) fn decode(
    bytes: &[u8],
    wanted: &mut [String],
    is_known: impl Fn(&str) -> bool,
) -> Result<ModelProto, OnnxError> {
    if bytes.len() > MAX_BYTES {
        return Err(OnnxError::TooLarge { n_bytes: bytes.len(), max: MAX_BYTES });
    }
    wire::check_all(bytes).map_err(damaged)?;
    let mut file =
        tract_onnx::onnx().proto_model_for_read(&mut &bytes[..]).map_err(|error| damaged(format!("{error:#}")))?;
    if let Some(graph) = file.graph.as_mut().filter(|graph| graph.node.iter().any(|node| node.domain == TABLES)) {
        unmap(graph, wanted);
        keep(graph, wanted);
    }
    match &file.graph {
        Some(graph) if !graph.node.is_empty() => {
            check_graph(graph, is_known)?;
            growth::check(graph)?;
        }
        _ => return Err(damaged("it has no graph")),
    }
    Ok(file)
}

/// The operator that computes a tensor.
pub(crate) fn producer<'a>(graph: &'a GraphProto, tensor: &str) -> Option<&'a NodeProto> {
    graph.node.iter().find(|node| node.output.iter().any(|output| output == tensor))
}

/// The operator whose numbers a tensor has, in whatever form.
pub(crate) fn source<'a>(graph: &'a GraphProto, tensor: &str) -> Option<&'a str> {
    let mut node = producer(graph, tensor)?;
    while FORM.contains(&node.op_type.as_str())
        && let Some(before) = node.input.first().and_then(|input| producer(graph, input))
    {
        node = before;
    }
    Some(&node.op_type)
}

/// Names the numbers where they are not yet a map, as `ZipMap` makes one for each example.
fn unmap(graph: &GraphProto, wanted: &mut [String]) {
    for name in wanted {
        if let Some(node) = producer(graph, name).filter(|node| node.op_type == "ZipMap")
            && let Some(input) = node.input.first()
        {
            name.clone_from(input);
        }
    }
}

/// Leaves out what these do not need, such as labels beside probabilities: an engine need not know its operators.
fn keep(graph: &mut GraphProto, wanted: &[String]) {
    let mut needed: HashSet<String> = wanted.iter().cloned().collect();
    let mut is_needed: Vec<bool> = vec![];
    for node in graph.node.iter().rev() {
        let needs = node.output.iter().any(|output| needed.contains(output));
        if needs {
            needed.extend(node.input.iter().cloned());
        }
        is_needed.push(needs);
    }
    graph.node.retain(|_| is_needed.pop().unwrap_or(true));
    let computed: HashSet<&String> = graph.node.iter().flat_map(|node| &node.output).collect();
    graph.output.retain(|output| computed.contains(&output.name));
}

fn damaged(reason: impl Into<String>) -> OnnxError {
    OnnxError::Damaged { reason: reason.into() }
}

fn unsupported(what: impl Into<String>, why: &str) -> OnnxError {
    OnnxError::Unsupported { what: what.into(), why: why.to_owned() }
}

fn check_graph(graph: &GraphProto, is_known: impl Fn(&str) -> bool) -> Result<(), OnnxError> {
    if graph.node.len() > MAX_NODES {
        return Err(unsupported(format!("{} operators", graph.node.len()), "20000 are the most"));
    }
    let mut defined: HashSet<&str> = HashSet::new();
    for tensor in &graph.initializer {
        check_tensor(tensor)?;
        if !defined.insert(&tensor.name) {
            return Err(damaged(format!("the tensor `{}` occurs twice", tensor.name)));
        }
    }
    let mut inputs = HashSet::new();
    for input in &graph.input {
        if !inputs.insert(input.name.as_str()) {
            return Err(damaged(format!("the input `{}` occurs twice", input.name)));
        }
    }
    defined.extend(inputs);
    for node in &graph.node {
        check_operator(node, is_known(&node.op_type))?;
        // Files have their operators in the order of computation, so that a cycle shows as this.
        if let Some(input) = node.input.iter().find(|input| !input.is_empty() && !defined.contains(input.as_str())) {
            return Err(damaged(format!("{} takes `{input}`, which nothing before it computes", node.op_type)));
        }
        for output in node.output.iter().filter(|output| !output.is_empty()) {
            if !defined.insert(output) {
                return Err(damaged(format!("`{output}` is computed twice")));
            }
        }
    }
    match graph.output.iter().find(|output| !defined.contains(output.name.as_str())) {
        Some(output) => Err(damaged(format!("nothing computes the output `{}`", output.name))),
        None => Ok(()),
    }
}

fn check_operator(node: &NodeProto, known: bool) -> Result<(), OnnxError> {
    let name = node.op_type.as_str();
    if !DOMAINS.contains(&node.domain.as_str()) {
        return Err(unsupported(
            format!("the operator `{name}` of `{}`", node.domain),
            "it is not a standard ONNX operator",
        ));
    }
    if RANDOM.contains(&name) {
        return Err(unsupported(format!("the operator `{name}`"), "a teacher gives the same answer every time"));
    }
    let has_graph = node.attribute.iter().any(|attribute| attribute.g.is_some() || !attribute.graphs.is_empty());
    if CONTROL.contains(&name) || has_graph {
        return Err(unsupported(format!("the operator `{name}`"), "a graph inside a graph may run for ever"));
    }
    if !known {
        return Err(unsupported(format!("the operator `{name}`"), "tract does not know it"));
    }
    for attribute in &node.attribute {
        attribute.t.iter().chain(&attribute.tensors).try_for_each(check_tensor)?;
    }
    Ok(())
}

/// Compares the size that a tensor claims with the bytes that are there.
fn check_tensor(tensor: &TensorProto) -> Result<(), OnnxError> {
    let name = &tensor.name;
    let element = DataType::try_from(tensor.data_type).unwrap_or(DataType::Undefined);
    let Some(width) = width(element) else {
        return Err(unsupported(
            format!("the type {} of `{name}`", element_name(tensor.data_type.into())),
            "export it as f32",
        ));
    };
    let n = tensor.dims.iter().try_fold(1_usize, |n, &side| n.checked_mul(usize::try_from(side).ok()?));
    let Some(n) = n.filter(|_| tensor.dims.len() <= MAX_RANK) else {
        return Err(damaged(format!("the tensor `{name}` has the shape {:?}", tensor.dims)));
    };
    let found = match element {
        _ if !tensor.raw_data.is_empty() => tensor.raw_data.len() / width,
        DataType::Float => tensor.float_data.len(),
        DataType::Double => tensor.double_data.len(),
        DataType::Int64 | DataType::Uint64 => tensor.int64_data.len().max(tensor.uint64_data.len()),
        _ => tensor.int32_data.len(),
    };
    let whole = tensor.raw_data.is_empty() || tensor.raw_data.len().is_multiple_of(width);
    if found != n || !whole {
        return Err(damaged(format!("the tensor `{name}` of shape {:?} has {found} numbers", tensor.dims)));
    }
    Ok(())
}

/// Bytes of a number, of the types that are read.
fn width(element: DataType) -> Option<usize> {
    match element {
        DataType::Uint8 | DataType::Int8 | DataType::Bool => Some(1),
        DataType::Uint16 | DataType::Int16 | DataType::Float16 => Some(2),
        DataType::Float | DataType::Int32 | DataType::Uint32 => Some(4),
        DataType::Double | DataType::Int64 | DataType::Uint64 => Some(8),
        _ => None,
    }
}
