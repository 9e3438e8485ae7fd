//! The nodes of a file and their attributes, as they lie in its bytes.

use std::collections::HashMap;

use distill_export::wire::{Fields, Value};

use super::numbers;

/// Pipelines have some dozen nodes, however many trees are in one of them.
const MAX_NODES: usize = 1 << 12;

/// Inputs, outputs and attributes of all nodes, and constants.
const MAX_NAMES: usize = 1 << 16;

/// Domains whose operators are those of ONNX.
const DOMAINS: [&str; 3] = ["", "ai.onnx", "ai.onnx.ml"];

/// What a file computes.
pub(super) struct Graph<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    /// The bytes of each `TensorProto`, by its name.
    pub(super) constants: HashMap<&'a str, &'a [u8]>,
}

/// A `NodeProto`. An input that is left out has an empty name.
pub(super) struct Node<'a> {
    place: usize,
    pub(super) op: &'a str,
    name: &'a str,
    domain: &'a str,
    pub(super) inputs: Vec<&'a str>,
    pub(super) outputs: Vec<&'a str>,
    attributes: Vec<(&'a str, &'a [u8])>,
}

fn text<'a>(value: Value<'a>) -> Result<&'a str, String> {
    str::from_utf8(value.bytes()?).map_err(|error| format!("a text is not UTF-8: {error}"))
}

/// The field of that number, the last if there are several, as in Protocol Buffers.
fn last<'a>(bytes: &'a [u8], wanted: u64) -> Result<Option<Value<'a>>, String> {
    let mut last = None;
    for field in Fields::new(bytes) {
        let (number, value) = field?;
        if number == wanted {
            last = Some(value);
        }
    }
    Ok(last)
}

impl<'a> Graph<'a> {
    /// Reads the only graph of a file.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let Some(graph) = last(bytes, 7)? else { return Err("it has no graph".to_owned()) };
        let (mut nodes, mut constants, mut n_names) = (vec![], HashMap::new(), 0);
        for field in graph.fields()? {
            match field? {
                (1, node) => {
                    let node = Node::read(nodes.len(), node.fields()?, &mut n_names)?;
                    nodes.push(node);
                }
                (5, tensor) => {
                    let tensor = tensor.bytes()?;
                    let name = last(tensor, 8)?.map_or(Ok(""), text)?;
                    n_names += 1;
                    if constants.insert(name, tensor).is_some() {
                        return Err(format!("it has two tensors `{name}`"));
                    }
                }
                _ => {}
            }
            if nodes.len() > MAX_NODES || n_names > MAX_NAMES {
                return Err(format!("it has more than {MAX_NODES} nodes, or {MAX_NAMES} names"));
            }
        }
        Ok(Self { nodes, constants })
    }
}

impl<'a> Node<'a> {
    fn read(place: usize, fields: Fields<'a>, n_names: &mut usize) -> Result<Self, String> {
        let (inputs, outputs, attributes) = (vec![], vec![], vec![]);
        let mut node = Self { place, op: "", name: "", domain: "", inputs, outputs, attributes };
        for field in fields {
            let (number, value) = field?;
            match number {
                1 => node.inputs.push(text(value)?),
                2 => node.outputs.push(text(value)?),
                3 => node.name = text(value)?,
                4 => node.op = text(value)?,
                5 => {
                    let bytes = value.bytes()?;
                    node.attributes.push((last(bytes, 1)?.map_or(Ok(""), text)?, bytes));
                }
                7 => node.domain = text(value)?,
                _ => continue,
            }
            *n_names += 1;
            if *n_names > MAX_NAMES {
                return Err(format!("its nodes have more than {MAX_NAMES} names"));
            }
        }
        Ok(node)
    }

    /// Which one it is, for messages.
    pub(super) fn label(&self) -> String {
        let name = if self.name.is_empty() { self.outputs.first().copied().unwrap_or_default() } else { self.name };
        format!("the {} `{name}` (node {} of the ONNX file)", self.op, self.place)
    }

    pub(super) fn is_standard(&self) -> bool {
        DOMAINS.contains(&self.domain)
    }

    pub(super) fn input(&self, at: usize) -> Result<&'a str, String> {
        let input = self.inputs.get(at).filter(|input| !input.is_empty());
        input.copied().ok_or_else(|| format!("has no input {at}"))
    }

    /// The bytes of an `AttributeProto`.
    pub(super) fn attribute(&self, name: &str) -> Option<&'a [u8]> {
        self.attributes.iter().find(|(found, _)| *found == name).map(|(_, bytes)| *bytes)
    }

    pub(super) fn int(&self, name: &str) -> Result<Option<i64>, String> {
        match self.attribute(name) {
            None => Ok(None),
            Some(bytes) => last(bytes, 3)?.map(Value::int).transpose(),
        }
    }

    pub(super) fn float(&self, name: &str) -> Result<Option<f32>, String> {
        match self.attribute(name) {
            None => Ok(None),
            Some(bytes) => last(bytes, 2)?.map(Value::float).transpose(),
        }
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, String> {
        match self.attribute(name) {
            None => Ok(None),
            Some(bytes) => last(bytes, 4)?.map(text).transpose(),
        }
    }

    /// A list of `max` texts at most, of which `convert` makes something.
    pub(super) fn texts<T>(
        &self,
        name: &str,
        max: usize,
        convert: impl Fn(&'a [u8]) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        let Some(bytes) = self.attribute(name) else { return Ok(vec![]) };
        let n = Fields::new(bytes).filter(|field| matches!(field, Ok((9, _)))).count();
        if n > max {
            return Err(format!("has {n} texts in `{name}`, {max} are possible"));
        }
        let mut texts = Vec::with_capacity(n);
        for field in Fields::new(bytes) {
            if let (9, value) = field? {
                texts.push(convert(value.bytes()?)?);
            }
        }
        Ok(texts)
    }

    /// A list of whole numbers. What 32 bits cannot hold becomes the nearest that they can, which is no number of a node.
    pub(super) fn ints(&self, name: &str) -> Result<Vec<i32>, String> {
        self.attribute(name).map_or(Ok(vec![]), |bytes| numbers::ints(bytes, 8))
    }

    /// A list of numbers: floats, or those of the tensor under the same name with `_as_tensor`.
    pub(super) fn floats(&self, name: &str) -> Result<Vec<f64>, String> {
        let as_tensor = format!("{name}_as_tensor");
        match (self.attribute(name), self.attribute(&as_tensor)) {
            (Some(_), Some(_)) => Err(format!("has both `{name}` and `{as_tensor}`")),
            (Some(bytes), None) => numbers::floats(bytes, 7),
            (None, Some(bytes)) => match last(bytes, 5)? {
                Some(tensor) => Ok(numbers::tensor(tensor.bytes()?)
                    .map_err(|problem| format!("has `{as_tensor}`, which {problem}"))?
                    .1),
                None => Err(format!("has `{as_tensor}`, which is no tensor")),
            },
            (None, None) => Ok(vec![]),
        }
    }
}
