//! What an ONNX file of somebody else has, as far as a network can be made of it. Names and numbers stay in the bytes of the file.

use std::collections::{BTreeMap, HashMap};

use super::constant::Constant;
use crate::attribute::Attribute;
use crate::limits::{DATA_TYPE_FLOAT, MAX_ITEMS, push};
use crate::wire::{Fields, Value};

/// Most nodes, and most tensors. A network has 4096 nodes at most, and other programs write several for one.
const MAX_NODES: usize = 1 << 14;
const MAX_METADATA: usize = 64;

pub(super) struct File<'a> {
    /// Name and version of the program that wrote it.
    pub(super) producer: String,
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) constants: HashMap<&'a str, Constant<'a>>,
    pub(super) inputs: Vec<Port<'a>>,
    pub(super) outputs: Vec<&'a str>,
    pub(super) metadata: BTreeMap<&'a str, &'a str>,
}

/// A `NodeProto`. An input that is left out has an empty name.
pub(super) struct Node<'a> {
    pub(super) op: &'a str,
    pub(super) name: &'a str,
    pub(super) inputs: Vec<&'a str>,
    pub(super) outputs: Vec<&'a str>,
    attributes: Vec<&'a [u8]>,
}

/// An input: its sides, where they have a size.
pub(super) struct Port<'a> {
    pub(super) name: &'a str,
    pub(super) element: i64,
    pub(super) sides: Vec<Option<usize>>,
}

pub(super) fn text<'a>(value: Value<'a>) -> Result<&'a str, String> {
    str::from_utf8(value.bytes()?).map_err(|error| format!("a text is not UTF-8: {error}"))
}

impl<'a> File<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let (mut producer, mut graph, mut metadata) = (["", ""], None, BTreeMap::new());
        for field in Fields::new(bytes) {
            let (number, value) = field?;
            match number {
                2 => producer[0] = text(value)?,
                3 => producer[1] = text(value)?,
                7 if graph.is_some() => return Err("it has two graphs".to_owned()),
                7 => graph = Some(value.fields()?),
                14 => {
                    let mut entry = ["", ""];
                    for field in value.fields()? {
                        match field? {
                            (1, key) => entry[0] = text(key)?,
                            (2, value) => entry[1] = text(value)?,
                            _ => {}
                        }
                    }
                    if metadata.len() == MAX_METADATA {
                        return Err(format!("it has more than {MAX_METADATA} entries of metadata"));
                    }
                    metadata.insert(entry[0], entry[1]);
                }
                25 => {
                    return Err(
                        "it has functions; export it with `do_constant_folding` and without functions".to_owned()
                    );
                }
                _ => {}
            }
        }
        let mut file = Self {
            producer: producer.join(" ").trim().to_owned(),
            nodes: vec![],
            constants: HashMap::new(),
            inputs: vec![],
            outputs: vec![],
            metadata,
        };
        for field in graph.ok_or("it has no graph")? {
            let (number, value) = field?;
            match number {
                1 => push(&mut file.nodes, Node::read(value.fields()?)?, MAX_NODES)?,
                5 => {
                    let (name, constant) = Constant::read(value.fields()?)?;
                    if file.constants.len() == MAX_NODES {
                        return Err(format!("it has more than {MAX_NODES} tensors"));
                    }
                    if file.constants.insert(name, constant).is_some() {
                        return Err(format!("it has two tensors {name:?}"));
                    }
                }
                11 => push(&mut file.inputs, Port::read(value.fields()?)?, MAX_NODES)?,
                12 => {
                    for field in value.fields()? {
                        if let (1, name) = field? {
                            push(&mut file.outputs, text(name)?, MAX_ITEMS)?;
                        }
                    }
                }
                15 => return Err("it has sparse tensors".to_owned()),
                _ => {}
            }
        }
        // Older files list their weights among the inputs.
        file.inputs.retain(|input| !file.constants.contains_key(input.name));
        Ok(file)
    }
}

impl<'a> Node<'a> {
    fn read(fields: Fields<'a>) -> Result<Self, String> {
        let mut node = Self { op: "", name: "", inputs: vec![], outputs: vec![], attributes: vec![] };
        let mut domain = "";
        for field in fields {
            let (number, value) = field?;
            match number {
                1 => push(&mut node.inputs, text(value)?, 4 * MAX_ITEMS)?,
                2 => push(&mut node.outputs, text(value)?, MAX_ITEMS)?,
                3 => node.name = text(value)?,
                4 => node.op = text(value)?,
                5 => push(&mut node.attributes, value.bytes()?, MAX_ITEMS)?,
                7 => domain = text(value)?,
                _ => {}
            }
        }
        // What scales the inputs of scikit-learn's perceptrons is the one operator on tables that networks have, too.
        if !matches!(domain, "" | "ai.onnx") && (domain, node.op) != ("ai.onnx.ml", "Scaler") {
            let domain: String = domain.chars().take(60).collect();
            return Err(format!("the node `{}` is of the domain {domain:?}, not of ONNX", node.name));
        }
        Ok(node)
    }

    /// The value of an attribute, if it has that.
    pub(super) fn attribute(&self, name: &str) -> Result<Option<Attribute<'a>>, String> {
        for attribute in &self.attributes {
            let (found, value) = Attribute::decode(Fields::new(attribute))?;
            if found == name {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    pub(super) fn int(&self, name: &str, otherwise: i64) -> Result<i64, String> {
        match self.attribute(name)? {
            None => Ok(otherwise),
            Some(Attribute::Int(value)) => Ok(value),
            Some(_) => Err(format!("has `{name}`, which is no whole number")),
        }
    }

    pub(super) fn float(&self, name: &str, otherwise: f32) -> Result<f32, String> {
        match self.attribute(name)? {
            None => Ok(otherwise),
            Some(Attribute::Float(value)) => Ok(value),
            Some(_) => Err(format!("has `{name}`, which is no float")),
        }
    }

    /// A list of whole numbers, empty if there is none.
    pub(super) fn ints(&self, name: &str) -> Result<Vec<i64>, String> {
        match self.attribute(name)? {
            None => Ok(vec![]),
            Some(Attribute::Ints(values)) => Ok(values),
            Some(_) => Err(format!("has `{name}`, which is no list of whole numbers")),
        }
    }

    /// A list of floats, empty if there is none. Each takes as many bytes in the file.
    pub(super) fn floats(&self, name: &str) -> Result<Vec<f32>, String> {
        for attribute in &self.attributes {
            let (mut found, mut floats) = ("", vec![]);
            for field in Fields::new(attribute) {
                match field? {
                    (1, value) => found = text(value)?,
                    (7, Value::Bytes(packed)) if packed.len().is_multiple_of(4) => {
                        floats.extend(packed.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)));
                    }
                    (7, value) => floats.push(value.float()?),
                    _ => {}
                }
            }
            if found == name {
                return Ok(floats);
            }
        }
        Ok(vec![])
    }

    pub(super) fn text(&self, name: &str) -> Result<String, String> {
        match self.attribute(name)? {
            None => Ok(String::new()),
            Some(Attribute::Text(value)) => Ok(String::from_utf8_lossy(value).into_owned()),
            Some(_) => Err(format!("has `{name}`, which is no text")),
        }
    }
}

impl<'a> Port<'a> {
    fn read(fields: Fields<'a>) -> Result<Self, String> {
        let mut port = Self { name: "", element: 0, sides: vec![] };
        for field in fields {
            match field? {
                (1, name) => port.name = text(name)?,
                (2, kind) => {
                    for field in kind.fields()? {
                        let (1, tensor) = field? else { continue };
                        port.tensor(tensor.fields()?)?;
                    }
                }
                _ => {}
            }
        }
        Ok(port)
    }

    fn tensor(&mut self, fields: Fields<'a>) -> Result<(), String> {
        for field in fields {
            match field? {
                (1, element) => self.element = element.int()?,
                (2, shape) => {
                    for field in shape.fields()? {
                        let (1, side) = field? else { continue };
                        let mut size = None;
                        for field in side.fields()? {
                            if let (1, value) = field? {
                                size = usize::try_from(value.int()?).ok().filter(|&size| size > 0);
                            }
                        }
                        push(&mut self.sides, size, MAX_ITEMS)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn is_float(&self) -> bool {
        self.element == DATA_TYPE_FLOAT
    }
}
