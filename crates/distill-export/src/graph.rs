//! The part of ONNX that networks need, as plain data, to bytes and back.
//!
//! Field numbers are those of `onnx.proto`: <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>.

use crate::attribute::Attribute;
use crate::limits::{DATA_TYPE_FLOAT, MAX_ITEMS, push, side};
use crate::op::Op;
use crate::wire::{Fields, Message};

/// Most nodes, and most tensors, of a graph: what a network of as many nodes as are possible becomes, and a few more.
const MAX_NODES: usize = 1 << 13;

/// A `GraphProto`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Graph {
    pub(crate) name: String,
    pub(crate) nodes: Vec<Node>,
    pub(crate) constants: Vec<Tensor>,
    pub(crate) inputs: Vec<Port>,
    pub(crate) outputs: Vec<Port>,
}

/// A `NodeProto` with one output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) op: Op,
    pub(crate) inputs: Vec<String>,
    /// Name of the value, and of the node.
    pub(crate) output: String,
}

/// A `TensorProto` of floats.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) dims: Vec<usize>,
    pub(crate) values: Vec<f32>,
}

/// A `ValueInfoProto`: an input or output of floats, the first side of which is the batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Port {
    pub(crate) name: String,
    /// The sides after the batch.
    pub(crate) dims: Vec<usize>,
}

/// The name of the side that may have any length.
const BATCH: &str = "batch";

impl Graph {
    pub(crate) fn encode(&self) -> Message {
        let mut graph = Message::default();
        for node in &self.nodes {
            graph.message(1, &node.encode());
        }
        graph.text(2, &self.name);
        for tensor in &self.constants {
            graph.message(5, &tensor.encode());
        }
        for port in &self.inputs {
            graph.message(11, &port.encode());
        }
        for port in &self.outputs {
            graph.message(12, &port.encode());
        }
        graph
    }

    pub(crate) fn decode(fields: Fields<'_>) -> Result<Self, String> {
        let mut graph = Self { name: String::new(), nodes: vec![], constants: vec![], inputs: vec![], outputs: vec![] };
        for field in fields {
            let (number, value) = field?;
            match number {
                1 => push(&mut graph.nodes, Node::decode(value.fields()?)?, MAX_NODES)?,
                2 => graph.name = value.text()?,
                5 => push(&mut graph.constants, Tensor::decode(value.fields()?)?, MAX_NODES)?,
                11 => push(&mut graph.inputs, Port::decode(value.fields()?)?, MAX_ITEMS)?,
                12 => push(&mut graph.outputs, Port::decode(value.fields()?)?, MAX_ITEMS)?,
                _ => {}
            }
        }
        Ok(graph)
    }
}

impl Node {
    fn encode(&self) -> Message {
        let mut node = Message::default();
        for input in &self.inputs {
            node.text(1, input);
        }
        node.text(2, &self.output).text(3, &self.output).text(4, self.op.name());
        for (name, attribute) in self.op.attributes() {
            node.message(5, &attribute.encode(name));
        }
        node
    }

    fn decode(fields: Fields<'_>) -> Result<Self, String> {
        let (mut inputs, mut outputs, mut op, mut attributes) = (vec![], vec![], String::new(), vec![]);
        for field in fields {
            let (number, value) = field?;
            match number {
                1 => push(&mut inputs, value.text()?, MAX_ITEMS)?,
                2 => push(&mut outputs, value.text()?, MAX_ITEMS)?,
                4 => op = value.text()?,
                5 => push(&mut attributes, Attribute::decode(value.fields()?)?, MAX_ITEMS)?,
                7 if !value.bytes()?.is_empty() => return Err("a node is of another domain than ONNX".to_owned()),
                _ => {}
            }
        }
        let op = Op::read(&op, &attributes)?;
        match <[String; 1]>::try_from(outputs) {
            Ok([output]) => Ok(Self { op, inputs, output }),
            Err(outputs) => Err(format!("a {} has {} outputs", op.name(), outputs.len())),
        }
    }
}

impl Tensor {
    fn encode(&self) -> Message {
        let mut tensor = Message::default();
        for &dim in &self.dims {
            tensor.int(1, dim as i64);
        }
        let bytes: Vec<u8> = self.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        tensor.int(2, DATA_TYPE_FLOAT).text(8, &self.name).bytes(9, &bytes);
        tensor
    }

    fn decode(fields: Fields<'_>) -> Result<Self, String> {
        let (mut name, mut dims, mut kind, mut raw) = (String::new(), vec![], 0, &[][..]);
        for field in fields {
            let (number, value) = field?;
            match number {
                1 => push(&mut dims, side(value)?, MAX_ITEMS)?,
                2 => kind = value.int()?,
                8 => name = value.text()?,
                9 => raw = value.bytes()?,
                _ => {}
            }
        }
        if kind != DATA_TYPE_FLOAT {
            return Err(format!("tensor {name:?} has the data type {kind}, not {DATA_TYPE_FLOAT}"));
        }
        let promised = dims.iter().try_fold(4_usize, |product, &side| product.checked_mul(side));
        if promised != Some(raw.len()) {
            return Err(format!("tensor {name:?} of shape {dims:?} has {} bytes of raw data", raw.len()));
        }
        let values: Vec<_> = raw.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        match values.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(format!("tensor {name:?} has the value {} at element {at}", values[at])),
            None => Ok(Self { name, dims, values }),
        }
    }
}

impl Port {
    fn encode(&self) -> Message {
        let mut shape = Message::default();
        let mut batch = Message::default();
        shape.message(1, batch.text(2, BATCH));
        for &side in &self.dims {
            let mut dim = Message::default();
            shape.message(1, dim.int(1, side as i64));
        }
        let (mut tensor, mut kind, mut port) = (Message::default(), Message::default(), Message::default());
        kind.message(1, tensor.int(1, DATA_TYPE_FLOAT).message(2, &shape));
        port.text(1, &self.name).message(2, &kind);
        port
    }

    fn decode(fields: Fields<'_>) -> Result<Self, String> {
        let (mut name, mut dims, mut element) = (String::new(), vec![], 0);
        for field in fields {
            let (number, value) = field?;
            match number {
                1 => name = value.text()?,
                2 => (dims, element) = tensor_type(value.fields()?)?,
                _ => {}
            }
        }
        if element != DATA_TYPE_FLOAT {
            return Err(format!("{name:?} has elements of type {element}, not {DATA_TYPE_FLOAT}"));
        }
        match dims.split_first() {
            Some((Side::Symbol(symbol), sides)) if symbol == BATCH => {
                let size = |side: &Side| match side {
                    Side::Size(size) => Ok(*size),
                    Side::Symbol(symbol) => Err(format!("{name:?} has a second side without a length, {symbol:?}")),
                };
                let dims = sides.iter().map(size).collect::<Result<_, _>>()?;
                Ok(Self { name, dims })
            }
            _ => Err(format!("the first side of {name:?} is not `{BATCH}`")),
        }
    }
}

enum Side {
    Symbol(String),
    Size(usize),
}

/// Sides and element type of a `TypeProto`.
fn tensor_type(fields: Fields<'_>) -> Result<(Vec<Side>, i64), String> {
    let (mut dims, mut element) = (vec![], 0);
    for field in fields {
        let (1, tensor) = field? else { continue };
        for field in tensor.fields()? {
            match field? {
                (1, value) => element = value.int()?,
                (2, shape) => {
                    for field in shape.fields()? {
                        let (1, dim) = field? else { continue };
                        push(&mut dims, dimension(dim.fields()?)?, MAX_ITEMS)?;
                    }
                }
                _ => {}
            }
        }
    }
    Ok((dims, element))
}

fn dimension(fields: Fields<'_>) -> Result<Side, String> {
    let mut dim = Side::Symbol(String::new());
    for field in fields {
        match field? {
            (1, value) => dim = Side::Size(side(value)?),
            (2, value) => dim = Side::Symbol(value.text()?),
            _ => {}
        }
    }
    Ok(dim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let nodes =
            Op::one_of_each().map(|op| Node { op, inputs: vec!["x".into(), "é".into()], output: op.name().into() });
        let tensor =
            |dims: &[usize], values: &[f32]| Tensor { name: "w".into(), dims: dims.to_vec(), values: values.to_vec() };
        let port = |name: &str, dims: &[usize]| Port { name: name.into(), dims: dims.to_vec() };
        let graph = Graph {
            name: "g".into(),
            nodes: nodes.to_vec(),
            constants: vec![tensor(&[], &[-0.0]), tensor(&[2, 1], &[1.5, f32::MIN_POSITIVE]), tensor(&[0], &[])],
            inputs: vec![port("input", &[1, 28, 28])],
            outputs: vec![port("logits", &[10]), port("probabilities", &[])],
        };
        let bytes = graph.encode().into_bytes();
        assert_eq!(Graph::decode(Fields::new(&bytes)).unwrap(), graph);
    }

    #[test]
    fn what_means_something_else_is_refused() {
        let tensor = |dims: &[i64], kind: i64, raw: &[u8]| {
            let mut tensor = Message::default();
            dims.iter().for_each(|&dim| _ = tensor.int(1, dim));
            tensor.int(2, kind).bytes(9, raw);
            Tensor::decode(Fields::new(&tensor.into_bytes())).unwrap_err()
        };
        assert_eq!(tensor(&[2], 1, &[0; 4]), "tensor \"\" of shape [2] has 4 bytes of raw data");
        assert_eq!(tensor(&[-1], 1, &[0; 4]), "a side has the length -1");
        assert!(tensor(&[i64::MAX, i64::MAX], 1, &[0; 4]).contains("has 4 bytes"));
        assert_eq!(tensor(&[1], 11, &[0; 4]), "tensor \"\" has the data type 11, not 1");
        assert_eq!(tensor(&[1], 1, &f32::NAN.to_le_bytes()), "tensor \"\" has the value NaN at element 0");

        let node = |op: &str, name: &str, value: i64| {
            let (mut node, mut attribute) = (Message::default(), Message::default());
            attribute.text(1, name).int(3, value).int(20, 2);
            node.text(2, "y").text(4, op).message(5, &attribute);
            Node::decode(Fields::new(&node.into_bytes()))
        };
        assert!(node("Gemm", "transB", 1).is_ok());
        assert!(node("Gemm", "transB", 0).unwrap_err().starts_with("a Gemm has the attributes"));
        assert!(node("Gemm", "transA", 1).unwrap_err().starts_with("a Gemm has the attributes"));
        assert!(node("Relu", "transB", 1).unwrap_err().starts_with("a Relu has the attributes"));
        assert!(node("Conv", "group", 1).unwrap_err().starts_with("a Conv has the attributes"));
        assert_eq!(node("LSTM", "transB", 1).unwrap_err(), "the operator \"LSTM\" is not one that this crate writes");
    }
}
