//! What a file says of itself, read from its bytes alone, so that every build can tell it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use distill_export::wire::{Fields, Value};

use crate::{Description, MAX_BYTES, OnnxError, Port, wire};

/// Names of the types of numbers, by their number in the format.
const ELEMENTS: [&str; 17] = [
    "undefined",
    "f32",
    "u8",
    "i8",
    "u16",
    "i16",
    "i32",
    "i64",
    "string",
    "bool",
    "f16",
    "f64",
    "u32",
    "u64",
    "complex64",
    "complex128",
    "bf16",
];

/// Types of numbers that are learnt: f32, f16 and f64.
const LEARNT: [i64; 3] = [1, 10, 11];

/// The value of `TensorProto.data_location` for data in another file.
pub(crate) const EXTERNAL: i64 = 1;

/// Reads what a file says of itself.
pub(crate) fn describe(bytes: &[u8]) -> Result<Description, OnnxError> {
    if bytes.len() > MAX_BYTES {
        return Err(OnnxError::TooLarge { n_bytes: bytes.len(), max: MAX_BYTES });
    }
    let damaged = |reason: String| OnnxError::Damaged { reason };
    wire::check(bytes).map_err(damaged)?;
    let mut found = Found::default();
    found.model(bytes).map_err(damaged)?;
    if found.operators.is_empty() {
        return Err(damaged("it has no graph".to_owned()));
    }
    let [name, version] = &found.producer;
    Ok(Description {
        producer: format!("{name} {version}").trim().to_owned(),
        opset: found.opset.unwrap_or_default(),
        name: found.name,
        operators: found.operators,
        // Older files list constants among the inputs.
        inputs: found.inputs.into_iter().filter(|input| !found.constants.contains(&input.name)).collect(),
        outputs: found.outputs,
        values: found.values,
        parameters: found.parameters,
        metadata: found.metadata,
        files: found.files.into_iter().collect(),
    })
}

/// The name of a type of numbers.
pub(crate) fn element_name(element: i64) -> String {
    let name = usize::try_from(element).ok().and_then(|element| ELEMENTS.get(element));
    name.map_or_else(|| format!("number {element}"), |&name| name.to_owned())
}

/// What was found so far.
#[derive(Default)]
struct Found {
    producer: [String; 2],
    opset: Option<i64>,
    name: String,
    operators: BTreeMap<String, usize>,
    constants: HashSet<String>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    values: Vec<(String, String)>,
    parameters: usize,
    metadata: BTreeMap<String, String>,
    files: BTreeSet<String>,
}

impl Found {
    fn model(&mut self, bytes: &[u8]) -> Result<(), String> {
        for field in Fields::new(bytes) {
            match field? {
                (2, Value::Bytes(name)) => self.producer[0] = text(name),
                (3, Value::Bytes(version)) => self.producer[1] = text(version),
                (7, Value::Bytes(graph)) => self.graph(graph)?,
                (8, Value::Bytes(opset)) => {
                    if let Some(version) = opset_version(opset)? {
                        self.opset.get_or_insert(version);
                    }
                }
                (14, Value::Bytes(entry)) => {
                    let [key, value] = pair(entry)?;
                    self.metadata.insert(key, value);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn graph(&mut self, bytes: &[u8]) -> Result<(), String> {
        for field in Fields::new(bytes) {
            match field? {
                (1, Value::Bytes(node)) => self.node(node)?,
                (2, Value::Bytes(name)) => self.name = text(name),
                (5, Value::Bytes(tensor)) => {
                    let name = self.tensor(tensor)?;
                    self.constants.insert(name);
                }
                (11, Value::Bytes(input)) => self.inputs.push(port(input)?),
                (12, Value::Bytes(output)) => self.outputs.push(port(output)?),
                _ => {}
            }
        }
        Ok(())
    }

    fn node(&mut self, bytes: &[u8]) -> Result<(), String> {
        let (mut operator, mut outputs) = (String::new(), vec![]);
        for field in Fields::new(bytes) {
            match field? {
                (2, Value::Bytes(name)) if !name.is_empty() => outputs.push(text(name)),
                (4, Value::Bytes(name)) => operator = text(name),
                (5, Value::Bytes(attribute)) => {
                    for field in Fields::new(attribute) {
                        if let (5 | 10, Value::Bytes(tensor)) = field? {
                            self.tensor(tensor)?;
                        }
                    }
                }
                _ => {}
            }
        }
        if operator != "Constant" {
            self.values.extend(outputs.into_iter().map(|output| (output, operator.clone())));
        }
        *self.operators.entry(operator).or_default() += 1;
        Ok(())
    }

    /// Counts the numbers of a constant that are learnt, notes where they are, and returns its name. One number that stands
    /// alone, such as a half, belongs to a formula.
    fn tensor(&mut self, bytes: &[u8]) -> Result<String, String> {
        let (mut name, mut element, mut dims, mut external, mut place) = (String::new(), 0, vec![], false, None);
        for field in Fields::new(bytes) {
            match field? {
                (1, sides) => dims.extend(sides.ints()?),
                (2, Value::Int(number)) => element = number,
                (8, Value::Bytes(bytes)) => name = text(bytes),
                (13, Value::Bytes(entry)) => {
                    let [key, value] = pair(entry)?;
                    external = true;
                    if key == "location" {
                        place = Some(value);
                    }
                }
                (14, Value::Int(location)) => external |= location == EXTERNAL,
                _ => {}
            }
        }
        if external {
            self.files.insert(place.unwrap_or_default());
        }
        if LEARNT.contains(&element) && !dims.is_empty() {
            let sides = dims.into_iter().map(|side| side_of(side).unwrap_or(0));
            self.parameters = self.parameters.saturating_add(sides.fold(1, usize::saturating_mul));
        }
        Ok(name)
    }
}

/// The version of the operators of ONNX itself.
fn opset_version(bytes: &[u8]) -> Result<Option<i64>, String> {
    let (mut domain, mut version) = (String::new(), 0);
    for field in Fields::new(bytes) {
        match field? {
            (1, Value::Bytes(name)) => domain = text(name),
            (2, Value::Int(number)) => version = number,
            _ => {}
        }
    }
    Ok(["", "ai.onnx"].contains(&domain.as_str()).then_some(version))
}

/// Key and value of an entry.
pub(crate) fn pair(bytes: &[u8]) -> Result<[String; 2], String> {
    let mut pair = [String::new(), String::new()];
    for field in Fields::new(bytes) {
        if let (at @ (1 | 2), Value::Bytes(word)) = field? {
            pair[usize::from(at == 2)] = text(word);
        }
    }
    Ok(pair)
}

/// Name, type of the elements, and shape of an input or output.
fn port(bytes: &[u8]) -> Result<Port, String> {
    let mut port = Port { name: String::new(), element: "unknown".to_owned(), dims: vec![] };
    for field in Fields::new(bytes) {
        match field? {
            (1, Value::Bytes(name)) => port.name = text(name),
            (2, Value::Bytes(kind)) => {
                for field in Fields::new(kind) {
                    match field? {
                        (1, Value::Bytes(tensor)) => tensor_type(tensor, &mut port)?,
                        // A map for each example, as `ZipMap` makes them.
                        (4 | 5, _) => port.element = "map".to_owned(),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Ok(port)
}

fn tensor_type(bytes: &[u8], port: &mut Port) -> Result<(), String> {
    port.element = element_name(0);
    for field in Fields::new(bytes) {
        match field? {
            (1, Value::Int(element)) => port.element = element_name(element),
            (2, Value::Bytes(shape)) => {
                for field in Fields::new(shape) {
                    if let (1, Value::Bytes(side)) = field? {
                        port.dims.push(open_or_side(side)?);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// A side of a shape, `None` if it is open: a name in place of a number, or neither.
fn open_or_side(bytes: &[u8]) -> Result<Option<usize>, String> {
    let mut side = None;
    for field in Fields::new(bytes) {
        match field? {
            (1, Value::Int(number)) => side = side_of(number),
            (2, Value::Bytes(_)) => side = None,
            _ => {}
        }
    }
    Ok(side)
}

/// A side, if it is not negative.
fn side_of(number: i64) -> Option<usize> {
    usize::try_from(number).ok()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use distill_export::wire::Message;

    use super::*;

    fn field(number: u64, inside: &[u8]) -> Vec<u8> {
        Message::default().bytes(number, inside).clone().into_bytes()
    }

    #[test]
    fn everything_a_file_says_is_found() {
        let place = [field(1, b"location"), field(2, b"a.onnx.data")].concat();
        // A weight of 2x3 numbers in another file, a half that stands alone, and a shape of whole numbers.
        let weight = [&[8, 2, 8, 3, 16, 1][..], &field(8, b"w"), &field(13, &place), &[14 << 3, 1]].concat();
        let half = [&[16, 1][..], &field(8, b"half")].concat();
        let sides = [&field(1, &[2, 3])[..], &[16, 7], &field(8, b"s")].concat();
        let shape = [field(1, &field(2, b"N")), field(1, &[8, 2]), field(1, &[])].concat();
        let input = |name: &[u8]| {
            let kind = field(1, &[&[8, 11][..], &field(2, &shape)].concat());
            [field(1, name), field(2, &kind)].concat()
        };
        // A constant of four numbers in an attribute.
        let constant = field(5, &[&field(1, b"value")[..], &field(5, &[10, 1, 4, 16, 10])].concat());
        let graph = [
            field(1, &[field(2, b"y"), field(4, b"Gemm")].concat()),
            field(1, &[field(2, b"c"), field(4, b"Constant"), constant].concat()),
            field(2, b"g"),
            [weight, half, sides].map(|tensor| field(5, &tensor)).concat(),
            field(11, &input(b"x")),
            field(11, &input(b"w")),
            field(12, &field(1, b"y")),
        ];
        let file = [
            field(2, b"me"),
            field(3, b"1.0"),
            field(7, &graph.concat()),
            field(8, &[&field(1, b"ai.onnx.ml")[..], &[16, 3]].concat()),
            field(8, &[16, 17]),
            field(14, &[field(1, b"classes"), field(2, b"a,b")].concat()),
        ];
        let found = describe(&file.concat()).unwrap();
        assert_eq!((found.producer.as_str(), found.opset, found.name.as_str()), ("me 1.0", 17, "g"));
        assert_eq!(found.operators, BTreeMap::from([("Constant".to_owned(), 1), ("Gemm".to_owned(), 1)]));
        let port = |name: &str, element: &str, dims: &[Option<usize>]| Port {
            name: name.to_owned(),
            element: element.to_owned(),
            dims: dims.to_vec(),
        };
        assert_eq!(found.inputs, [port("x", "f64", &[None, Some(2), None])]);
        assert_eq!(found.outputs, [port("y", "unknown", &[])]);
        assert_eq!(found.values, [("y".to_owned(), "Gemm".to_owned())]);
        assert_eq!((found.parameters, found.files), (6 + 4, vec!["a.onnx.data".to_owned()]));
        assert_eq!(found.metadata, BTreeMap::from([("classes".to_owned(), "a,b".to_owned())]));
    }

    #[test]
    fn what_has_no_graph_is_refused() {
        for bytes in [&b""[..], &field(7, &[]), &field(2, b"me"), &[0x3a, 5, 1]] {
            assert!(matches!(describe(bytes), Err(OnnxError::Damaged { .. })));
        }
        // Sides that no memory could hold.
        let side = [&[8][..], &[255; 8], &[127]].concat();
        let graph = [field(1, &field(4, b"Gemm")), field(5, &[side.clone(), side, vec![16, 1]].concat())].concat();
        assert_eq!(describe(&field(7, &graph)).unwrap().parameters, usize::MAX);
    }
}
