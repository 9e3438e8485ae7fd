//! Nodes whose inputs are known before any example is: constants, and what is computed with shapes.

use super::constant::{Constant, Data};
use super::file::Node;
use crate::attribute::Attribute;
use crate::wire::Fields;

/// Most numbers that a constant is expanded to.
const MAX_EXPANDED: usize = 1 << 14;
/// The same for a list of whole numbers.
const MAX_LIST: usize = 64;

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
        ("ConstantOfShape", 1) => match (sizes(0), node.attribute("value")?) {
            (Some(&[Some(n)]), Some(Attribute::Tensor(value))) => {
                let value = Constant::read(Fields::new(value))?.1;
                let n = usize::try_from(n).ok().filter(|&n| n <= MAX_LIST);
                value.sizes().and_then(|value| Some(Constant::ints(vec![*value.first()?; n?])))
            }
            _ => None,
        },
        ("Reshape", 2) if sizes(0).is_some_and(|ints| ints.len() > 1) => {
            sizes(0).zip(sizes(1)).and_then(|(ints, shape)| Some(same(ints, sides_of(ints.len(), shape)?)))
        }
        ("Slice", 3..=5) => sliced(inputs),
        ("Transpose", 1) => match (&inputs[0].dims[..], sizes(0), &node.ints("perm")?[..]) {
            (&[rows, columns], Some(ints), [] | [1, 0]) => {
                let turned = (0..ints.len()).map(|at| ints[at % rows * columns + at / rows]).collect();
                Some(Constant { dims: vec![columns, rows], data: Data::Ints(turned) })
            }
            _ => None,
        },
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
            let joined = parts.map(|parts| parts.concat()).filter(|joined| joined.len() <= MAX_LIST);
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

/// The sides of so many numbers as a `Reshape` says, of which one may be -1 and is what the others leave.
fn sides_of(n: usize, shape: &[Option<i64>]) -> Option<Vec<usize>> {
    let known =
        shape.iter().flatten().filter(|&&side| side != -1).try_fold(1_usize, |product, &side| {
            usize::try_from(side).ok().and_then(|side| product.checked_mul(side))
        })?;
    let side = |side: &Option<i64>| match (*side)? {
        -1 => n.checked_div(known),
        side => usize::try_from(side).ok(),
    };
    let sides: Vec<usize> = shape.iter().map(side).collect::<Option<_>>()?;
    (sides.iter().try_fold(1_usize, |product, &side| product.checked_mul(side)) == Some(n)).then_some(sides)
}

/// A part of a list or a table of whole numbers along one axis, which may go backwards: the older exporter of PyTorch turns the
/// numbers of a padding so.
fn sliced<'a>(inputs: &[Constant<'a>]) -> Option<Constant<'a>> {
    let ints = inputs[0].sizes()?;
    let one = |at: usize, otherwise: i64| match inputs.get(at) {
        None => Some(otherwise),
        Some(list) => match list.sizes()? {
            &[Some(number)] => Some(number),
            _ => None,
        },
    };
    let (start, end, axis, step) = (one(1, 0)?, one(2, 0)?, one(3, 0)?, one(4, 1)?);
    let mut dims = inputs[0].dims.clone();
    let axis = usize::try_from(if axis < 0 { axis.checked_add(dims.len() as i64)? } else { axis }).ok()?;
    let (side, inner) = (*dims.get(axis)?, dims[axis + 1..].iter().product::<usize>());
    let n = i64::try_from(side).ok()?;
    let [least, most] = if step < 0 { [-1, n - 1] } else { [0, n] };
    let place = |at: i64| (if at < 0 { at.saturating_add(n) } else { at }).clamp(least, most);
    let (mut at, end) = (place(start).max(0), place(end));
    let mut kept = vec![];
    while step != 0 && (at < end) == (step > 0) && at != end {
        kept.push(usize::try_from(at).ok()?);
        at = at.checked_add(step)?;
    }
    let outer = ints.len().checked_div(side.checked_mul(inner)?)?;
    let places =
        (0..outer).flat_map(|o| kept.iter().flat_map(move |&at| (0..inner).map(move |i| (o * side + at) * inner + i)));
    let data = places.map(|place| ints.get(place).copied()).collect::<Option<Vec<_>>>()?;
    dims[axis] = kept.len();
    Some(Constant { dims, data: Data::Ints(data) })
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
