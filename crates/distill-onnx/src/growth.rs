//! What a graph computes from constants alone is computed while it is prepared, before anybody can ask how large it
//! becomes. A few numbers in a file may stand for terabytes, so that sizes are bounded first.

use std::collections::HashMap;

use tract_onnx::pb::{GraphProto, NodeProto, TensorProto, tensor_proto::DataType};

use crate::OnnxError;

/// Numbers in one constant, and in all of them.
const MAX_ONE: usize = 1 << 28;
const MAX_ALL: usize = 1 << 30;

/// Sides of a tensor.
const MAX_RANK: usize = 8;

/// Operators whose result is as large as their operands, or attributes, say.
const BY_VALUE: [&str; 16] = [
    "AveragePool",
    "Conv",
    "ConvInteger",
    "ConvTranspose",
    "EyeLike",
    "GlobalLpPool",
    "LpPool",
    "MaxPool",
    "MaxUnpool",
    "NonZero",
    "OneHot",
    "Pad",
    "Range",
    "Resize",
    "Tile",
    "Upsample",
];

/// What is known of a constant.
#[derive(Debug, Clone, Default)]
struct Constant {
    /// At least as many numbers as it has.
    n: usize,
    dims: Option<Vec<usize>>,
    /// Its numbers, where it may be a shape.
    numbers: Option<Vec<i64>>,
}

/// Refuses a graph whose constants would take gigabytes.
pub(crate) fn check(graph: &GraphProto) -> Result<(), OnnxError> {
    let mut constants: HashMap<&str, Constant> = HashMap::new();
    let mut all = 0_usize;
    for tensor in &graph.initializer {
        let constant = Constant::of(tensor);
        all = all.saturating_add(constant.n);
        constants.insert(&tensor.name, constant);
    }
    for node in &graph.node {
        let mut inputs = vec![];
        let mut computed = true;
        for input in node.input.iter().filter(|input| !input.is_empty()) {
            match constants.get(input.as_str()) {
                Some(constant) => inputs.push(constant),
                None => computed = false,
            }
        }
        // The shape of the input is known when it is prepared.
        let is_shape = ["Shape", "Size"].contains(&node.op_type.as_str());
        if !computed && !is_shape {
            continue;
        }
        let constant = if is_shape { Constant { n: MAX_RANK, ..Constant::default() } } else { result(node, &inputs)? };
        all = all.saturating_add(constant.n.saturating_mul(node.output.len()));
        if constant.n > MAX_ONE || all > MAX_ALL {
            return Err(refused(node, "it makes a constant of gigabytes"));
        }
        for output in node.output.iter().filter(|output| !output.is_empty()) {
            constants.insert(output, constant.clone());
        }
    }
    Ok(())
}

fn refused(node: &NodeProto, what: &str) -> OnnxError {
    let why = format!("{what}; fold the constants of the file, such as with `onnxsim`");
    OnnxError::Unsupported { what: format!("`{}` of constants alone", node.op_type), why }
}

/// A bound of what an operator makes of constants.
fn result(node: &NodeProto, inputs: &[&Constant]) -> Result<Constant, OnnxError> {
    let sum = || inputs.iter().fold(0_usize, |sum, constant| sum.saturating_add(constant.n));
    let name = node.op_type.as_str();
    if BY_VALUE.contains(&name) {
        return Err(refused(node, "its size is in its numbers"));
    }
    match (name, inputs) {
        ("Constant", _) => {
            let tensor = node.attribute.iter().find_map(|attribute| attribute.t.as_ref());
            let n = node.attribute.iter().map(|a| a.ints.len() + a.floats.len() + a.strings.len()).sum::<usize>();
            let numbers = node.attribute.iter().find(|a| !a.ints.is_empty()).map(|a| a.ints.clone());
            Ok(tensor.map_or(Constant { n: n.max(1), dims: None, numbers }, Constant::of))
        }
        ("ConstantOfShape", [shape]) | ("Expand", [_, shape]) => {
            let numbers = shape.numbers.as_ref().ok_or_else(|| refused(node, "its size is computed"))?;
            let n = numbers.iter().try_fold(1_usize, |n, &side| n.checked_mul(usize::try_from(side).ok()?));
            // The other operand of `Expand` may be the larger one in some sides.
            let other = if name == "Expand" { inputs.first().map_or(1, |constant| constant.n) } else { 1 };
            let n = n.and_then(|n| n.checked_mul(other)).unwrap_or(usize::MAX);
            Ok(Constant { n, dims: None, numbers: None })
        }
        // Of these, and of all that is not named here, nothing is larger than its operands together.
        (_, [] | [_]) | ("Concat" | "Slice" | "Reshape" | "Unsqueeze" | "Squeeze" | "Split" | "Clip", _) => {
            Ok(Constant { n: sum(), dims: None, numbers: None })
        }
        (_, [first, rest @ ..]) => Ok(rest.iter().fold((*first).clone(), |a, b| together(&a, b))),
    }
}

/// Two operands that are stretched to each other, or of which each number meets each.
fn together(a: &Constant, b: &Constant) -> Constant {
    let stretched = match (&a.dims, &b.dims) {
        (Some(a), Some(b)) => stretch(a, b),
        _ => None,
    };
    match stretched {
        Some(dims) => {
            let n = dims.iter().fold(1_usize, |n, &side| n.saturating_mul(side));
            Constant { n, dims: Some(dims), numbers: None }
        }
        None => Constant { n: a.n.saturating_mul(b.n), dims: None, numbers: None },
    }
}

fn stretch(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let (long, short) = if a.len() < b.len() { (b, a) } else { (a, b) };
    let mut dims = long.to_vec();
    for (side, &other) in dims.iter_mut().rev().zip(short.iter().rev()) {
        *side = match (*side, other) {
            (1, other) => other,
            (side, other) if other == 1 || other == side => side,
            _ => return None,
        };
    }
    Some(dims)
}

impl Constant {
    fn of(tensor: &TensorProto) -> Self {
        let dims: Vec<usize> = tensor.dims.iter().map(|&side| usize::try_from(side).unwrap_or(0)).collect();
        let n = dims.iter().fold(1_usize, |n, &side| n.saturating_mul(side));
        let whole = tensor.data_type == DataType::Int64 as i32 && n <= MAX_RANK;
        let numbers = whole.then(|| match tensor.raw_data.is_empty() {
            true => tensor.int64_data.clone(),
            false => tensor.raw_data.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect(),
        });
        Self { n, dims: Some(dims), numbers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(name: &str, dims: &[i64], numbers: &[i64]) -> TensorProto {
        let data_type = if numbers.is_empty() { DataType::Float } else { DataType::Int64 } as i32;
        let (name, dims, int64_data) = (name.to_owned(), dims.to_vec(), numbers.to_vec());
        TensorProto { name, dims, data_type, int64_data, ..TensorProto::default() }
    }

    fn checked(constants: &[TensorProto], nodes: &[(&str, &[&str], &str)]) -> Result<(), String> {
        let node = |&(op, inputs, output): &(&str, &[&str], &str)| NodeProto {
            op_type: op.to_owned(),
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![output.to_owned()],
            ..NodeProto::default()
        };
        let graph = GraphProto {
            initializer: constants.to_vec(),
            node: nodes.iter().map(node).collect(),
            ..GraphProto::default()
        };
        check(&graph).map_err(|error| error.to_string())
    }

    #[test]
    fn what_constants_grow_to_is_bounded() {
        let huge = [tensor("s", &[2], &[1 << 20, 1 << 20]), tensor("a", &[1], &[7]), tensor("v", &[1 << 20], &[])];
        let two = [tensor("c", &[1 << 20, 1], &[]), tensor("r", &[1, 1 << 20], &[])];
        assert!(checked(&huge, &[("ConstantOfShape", &["s"], "y")]).unwrap_err().contains("gigabytes"));
        assert!(checked(&huge, &[("Expand", &["a", "s"], "y")]).unwrap_err().contains("gigabytes"));
        assert!(checked(&huge, &[("Tile", &["v", "s"], "y")]).unwrap_err().contains("in its numbers"));
        assert!(checked(&two, &[("MatMul", &["c", "r"], "y")]).unwrap_err().contains("gigabytes"));
        assert!(checked(&two, &[("Add", &["c", "r"], "y")]).unwrap_err().contains("gigabytes"));
        let names: Vec<String> = (0..20).map(|i| format!("t{i}")).collect();
        let doubled: Vec<[&str; 2]> =
            std::iter::once("v").chain(names.iter().map(String::as_str)).map(|n| [n, n]).collect();
        let nodes: Vec<(&str, &[&str], &str)> =
            names.iter().zip(&doubled).map(|(name, inputs)| ("Concat", &inputs[..], name.as_str())).collect();
        assert!(checked(&huge, &nodes).unwrap_err().contains("gigabytes"));
        assert!(
            checked(&[], &[("Shape", &["x"], "s"), ("ConstantOfShape", &["s"], "y")]).unwrap_err().contains("computed")
        );
    }

    #[test]
    fn what_exporters_write_passes() {
        let constants = [
            tensor("s", &[2], &[3, 4]),
            tensor("w", &[1 << 13, 1 << 13], &[]),
            tensor("scale", &[1 << 13, 1], &[]),
            tensor("one", &[], &[1]),
        ];
        let nodes: [(&str, &[&str], &str); 6] = [
            ("Mul", &["w", "scale"], "folded"),
            ("Transpose", &["w"], "turned"),
            ("ConstantOfShape", &["s"], "zeros"),
            ("Shape", &["x"], "shape"),
            ("Gather", &["shape", "one"], "batch"),
            ("Pad", &["x", "s"], "padded"),
        ];
        assert_eq!(checked(&constants, &nodes), Ok(()));
    }
}
