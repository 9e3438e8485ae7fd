//! Nodes whose inputs are known before any example is: constants, and what is computed with shapes.

use super::constant::{Constant, Data};
use super::file::Node;
use crate::attribute::Attribute;
use crate::wire::Fields;

/// Most numbers that a constant is expanded to.
const MAX_EXPANDED: usize = 1 << 14;

/// What a node makes of constants, or nothing if it is not one that is known.
pub(super) fn fold<'a>(node: &Node<'a>, inputs: &[Constant<'a>]) -> Result<Option<Constant<'a>>, String> {
    let sizes = |at: usize| inputs.get(at).and_then(Constant::sizes);
    let same = |ints: &[Option<i64>], dims: Vec<usize>| Constant { dims, data: Data::Ints(ints.to_vec()) };
    let folded = match (node.op, inputs.len()) {
        ("Constant", 0) => constant(node)?,
        ("Identity" | "Cast" | "CastLike", 1 | 2) => Some(inputs[0].clone()),
        ("Shape", 1) => {
            let dims = inputs[0].dims.iter().map(|&side| Some(i64::try_from(side).unwrap_or(i64::MAX))).collect();
            Some(part_of_shape(node, dims)?)
        }
        ("Unsqueeze" | "Squeeze" | "Reshape", 1 | 2) if inputs[0].len() == 1 || sizes(0).is_some() => {
            let dims = match (node.op, sizes(0).map_or(1, <[_]>::len)) {
                ("Squeeze", 1) => vec![],
                (_, n) => vec![n],
            };
            match sizes(0) {
                Some(ints) => Some(same(ints, dims)),
                None => inputs[0].scalar().map(|float| Constant::floats(dims, vec![float])),
            }
        }
        ("Gather", 2) => match (sizes(0), sizes(1)) {
            (Some(ints), Some(&[Some(at)])) => {
                let n = i64::try_from(ints.len()).unwrap_or_default();
                let at = usize::try_from(if at < 0 { at + n } else { at }).unwrap_or(usize::MAX);
                ints.get(at).map(|&int| Constant { dims: vec![], data: Data::Ints(vec![int]) })
            }
            _ => None,
        },
        ("Concat", _) => {
            let parts: Option<Vec<_>> = (0..inputs.len()).map(sizes).collect();
            let joined = parts.map(|parts| parts.concat()).filter(|joined| joined.len() <= 64);
            joined.map(Constant::ints)
        }
        ("Expand", 2) => match (sizes(0), inputs[0].scalar(), sizes(1)) {
            (Some(ints), _, Some(&[Some(1)])) => Some(same(ints, vec![ints.len()])),
            (None, Some(float), Some(&[Some(n)])) => {
                let n = usize::try_from(n).ok().filter(|&n| n <= MAX_EXPANDED);
                n.map(|n| Constant::floats(vec![n], vec![float; n]))
            }
            _ => None,
        },
        _ => None,
    };
    Ok(folded)
}

/// The sides from `start` to `end`.
pub(super) fn part_of_shape<'a>(node: &Node<'a>, dims: Vec<Option<i64>>) -> Result<Constant<'a>, String> {
    let n = i64::try_from(dims.len()).unwrap_or_default();
    let place = |at: i64| usize::try_from((if at < 0 { at.saturating_add(n) } else { at }).clamp(0, n)).unwrap_or(0);
    let (start, end) = (place(node.int("start", 0)?), place(node.int("end", n)?));
    Ok(Constant::ints(dims.get(start..end).unwrap_or_default().to_vec()))
}

fn constant<'a>(node: &Node<'a>) -> Result<Option<Constant<'a>>, String> {
    let of = |name: &str| node.attribute(name);
    Ok(match (of("value")?, of("value_int")?, of("value_ints")?, of("value_float")?) {
        (Some(Attribute::Tensor(tensor)), ..) => Some(Constant::read(Fields::new(tensor))?.1),
        (_, Some(Attribute::Int(int)), ..) => Some(Constant { dims: vec![], data: Data::Ints(vec![Some(int)]) }),
        (_, _, Some(Attribute::Ints(ints)), _) => Some(Constant::ints(ints.into_iter().map(Some).collect())),
        (.., Some(Attribute::Float(float))) => Some(Constant::floats(vec![], vec![float])),
        _ => None,
    })
}
