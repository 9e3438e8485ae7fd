use super::file::text;
use crate::limits::{DATA_TYPE_FLOAT, MAX_ITEMS, push, side};
use crate::wire::{Fields, Value};

const INT32: i64 = 6;
const INT64: i64 = 7;
const BOOL: i64 = 9;
/// Lists of whole numbers are shapes and axes here.
const MAX_INTS: usize = 64;

/// A tensor whose numbers are known: a weight, or a part of a shape.
#[derive(Debug, Clone)]
pub(super) struct Constant<'a> {
    pub(super) dims: Vec<usize>,
    pub(super) data: Data<'a>,
}

#[derive(Debug, Clone)]
pub(super) enum Data<'a> {
    /// Little-endian f32 in the file.
    Raw(&'a [u8]),
    Floats(Vec<f32>),
    /// Whole numbers, where `None` is the size of the batch.
    Ints(Vec<Option<i64>>),
    /// Numbers of another type, by its number, or more whole numbers than a shape has.
    Other(i64),
}

impl<'a> Constant<'a> {
    pub(super) fn floats(dims: Vec<usize>, floats: Vec<f32>) -> Self {
        Self { dims, data: Data::Floats(floats) }
    }

    pub(super) fn ints(ints: Vec<Option<i64>>) -> Self {
        Self { dims: vec![ints.len()], data: Data::Ints(ints) }
    }

    /// Name and numbers of a `TensorProto`, which has as many as its shape says.
    pub(super) fn read(fields: Fields<'a>) -> Result<(&'a str, Self), String> {
        let (mut name, mut dims, mut kind, mut raw) = ("", vec![], 0, None);
        let (mut packed, mut floats, mut ints) = (None, vec![], vec![]);
        for field in fields {
            let (number, value) = field?;
            match (number, value) {
                // Each by itself, or all one after the other.
                (1, Value::Int(_)) => push(&mut dims, side(value)?, MAX_ITEMS)?,
                (1, Value::Bytes(bytes)) if bytes.len() <= 10 * MAX_ITEMS => {
                    for dim in value.ints()? {
                        push(&mut dims, side(Value::Int(dim))?, MAX_ITEMS)?;
                    }
                }
                (1, _) => return Err("a tensor has too many sides".to_owned()),
                (2, _) => kind = value.int()?,
                (4, Value::Bytes(bytes)) => packed = Some(bytes),
                (4, _) => floats.push(value.float()?),
                (5 | 7, Value::Bytes(bytes)) if bytes.len() > 10 * MAX_INTS => {}
                (5 | 7, _) => {
                    ints.extend(value.ints()?);
                    ints.truncate(MAX_INTS + 1);
                }
                (8, _) => name = text(value)?,
                (9, _) => raw = Some(value.bytes()?),
                (14, Value::Int(1)) => {
                    return Err(format!(
                        "tensor {name:?} is in a file beside it; put it inside, or export it with `external_data=False`"
                    ));
                }
                _ => {}
            }
        }
        let numbers = dims.iter().try_fold(1_usize, |product, &side| product.checked_mul(side));
        let numbers = numbers.filter(|&numbers| numbers < isize::MAX as usize / 16);
        let bad = |found: usize| format!("tensor {name:?} of shape {dims:?} has {found} numbers");
        let numbers = numbers.ok_or_else(|| bad(0))?;
        let data = match (kind, raw.or(packed)) {
            (DATA_TYPE_FLOAT, Some(raw)) if raw.len() == numbers * 4 => Data::Raw(raw),
            (DATA_TYPE_FLOAT, Some(raw)) => return Err(bad(raw.len() / 4)),
            (DATA_TYPE_FLOAT, None) if floats.len() == numbers => Data::Floats(floats),
            (DATA_TYPE_FLOAT, None) => return Err(bad(floats.len())),
            (INT64 | INT32 | BOOL, _) if numbers > MAX_INTS => Data::Other(kind),
            (INT64, Some(raw)) if raw.len() == numbers * 8 => {
                Data::Ints(raw.as_chunks().0.iter().map(|bytes| Some(i64::from_le_bytes(*bytes))).collect())
            }
            (INT32, Some(raw)) if raw.len() == numbers * 4 => {
                Data::Ints(raw.as_chunks().0.iter().map(|bytes| Some(i32::from_le_bytes(*bytes).into())).collect())
            }
            (BOOL, Some(raw)) if raw.len() == numbers => {
                Data::Ints(raw.iter().map(|&byte| Some(byte.into())).collect())
            }
            (INT64 | INT32 | BOOL, None) if ints.len() == numbers => Data::Ints(ints.into_iter().map(Some).collect()),
            (INT64 | INT32 | BOOL, _) => return Err(bad(ints.len())),
            (other, _) => Data::Other(other),
        };
        Ok((name, Self { dims, data }))
    }

    /// Numbers in memory, not in the file.
    pub(super) fn n_copied(&self) -> usize {
        match &self.data {
            Data::Floats(floats) => floats.len(),
            Data::Ints(ints) => ints.len(),
            Data::Raw(_) | Data::Other(_) => 1,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// The floats, all of them finite; not of another type.
    pub(super) fn to_floats(&self) -> Result<Vec<f32>, String> {
        let floats = match &self.data {
            Data::Raw(raw) => raw.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
            Data::Floats(floats) => floats.clone(),
            Data::Ints(_) => return Err("has whole numbers where f32 is needed".to_owned()),
            Data::Other(10) => return Err("has weights of f16; export it in f32".to_owned()),
            Data::Other(11) => return Err("has weights of f64; export it in f32".to_owned()),
            Data::Other(other) => return Err(format!("has weights of the type {other}; export it in f32")),
        };
        match floats.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(format!("has the weight {} at element {at}", floats[at])),
            None => Ok(floats),
        }
    }

    /// One number, of whatever shape.
    pub(super) fn scalar(&self) -> Option<f32> {
        match &self.data {
            Data::Ints(ints) => match ints[..] {
                #[expect(clippy::cast_precision_loss, reason = "bounds of functions are small")]
                [Some(int)] => Some(int as f32),
                _ => None,
            },
            _ if self.len() == 1 => self.to_floats().ok()?.first().copied(),
            _ => None,
        }
    }

    /// Whole numbers, where the batch may be.
    pub(super) fn sizes(&self) -> Option<&[Option<i64>]> {
        match &self.data {
            Data::Ints(ints) => Some(ints),
            _ => None,
        }
    }
}
