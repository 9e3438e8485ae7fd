//! Lists of numbers in messages, each in memory that the file has bytes for.

use distill_export::wire::{Fields, Value};

/// Types of numbers in tensors.
const FLOAT: i64 = 1;
const INT32: i64 = 6;
const INT64: i64 = 7;
const DOUBLE: i64 = 11;

/// Whole numbers in tensors are columns and shapes here. They may have one byte each, and take eight.
const MAX_INTS: usize = 1 << 16;

/// Calls `each` with every whole number of a field, which may be there many times, or have many one after the other.
fn each_int(bytes: &[u8], wanted: u64, mut each: impl FnMut(i64)) -> Result<(), String> {
    for field in Fields::new(bytes) {
        let (number, value) = field?;
        if number == wanted {
            value.each_int(&mut each)?;
        }
    }
    Ok(())
}

/// The whole numbers of a field.
pub(super) fn ints(bytes: &[u8], field: u64) -> Result<Vec<i32>, String> {
    let mut n = 0;
    each_int(bytes, field, |_| n += 1)?;
    let mut found = Vec::with_capacity(n);
    #[expect(clippy::cast_possible_truncation, reason = "it is clamped")]
    each_int(bytes, field, |value| found.push(value.clamp(i32::MIN.into(), i32::MAX.into()) as i32))?;
    Ok(found)
}

/// The floats of a field, which may be there many times, or have many one after the other.
pub(super) fn floats(bytes: &[u8], field: u64) -> Result<Vec<f64>, String> {
    let mut n = 0;
    for found in Fields::new(bytes) {
        match found? {
            (number, Value::Fixed32(_)) if number == field => n += 1,
            (number, Value::Bytes(packed)) if number == field => n += packed.len() / 4,
            _ => {}
        }
    }
    let mut floats = Vec::with_capacity(n);
    for found in Fields::new(bytes) {
        match found? {
            (number, Value::Bytes(packed)) if number == field => floats.extend(singles(packed)?),
            (number, value) if number == field => floats.push(value.float()?.into()),
            _ => {}
        }
    }
    Ok(floats)
}

/// Shape and numbers of a `TensorProto`.
pub(super) fn tensor(bytes: &[u8]) -> Result<(Vec<usize>, Vec<f64>), String> {
    let (mut kind, mut raw, mut doubles, mut is_outside) = (0, None, None, false);
    for field in Fields::new(bytes) {
        match field? {
            (2, value) => kind = value.int()?,
            (9, value) => raw = Some(value.bytes()?),
            (10, value) => doubles = Some(value.bytes()?),
            (14, value) => is_outside = value.int()? == 1,
            _ => {}
        }
    }
    if is_outside {
        return Err("is in another file".to_owned());
    }
    let sides: Vec<usize> = ints(bytes, 1)?.into_iter().map(|side| usize::try_from(side).unwrap_or(0)).collect();
    let numbers = match (kind, raw) {
        (FLOAT, Some(raw)) => singles(raw)?.collect(),
        (FLOAT, None) => floats(bytes, 4)?,
        (DOUBLE, raw) => {
            let bytes = raw.or(doubles).unwrap_or_default();
            whole(bytes.as_chunks(), |bytes| f64::from_le_bytes(*bytes))?.collect()
        }
        (INT32, Some(raw)) => few(raw.len() / 4)
            .and_then(|()| Ok(whole(raw.as_chunks(), |bytes| f64::from(i32::from_le_bytes(*bytes)))?.collect()))?,
        #[expect(clippy::cast_precision_loss, reason = "columns are smaller")]
        (INT64, Some(raw)) => few(raw.len() / 8)
            .and_then(|()| Ok(whole(raw.as_chunks(), |bytes| i64::from_le_bytes(*bytes) as f64)?.collect()))?,
        (INT32 | INT64, None) => {
            let found = ints(bytes, if kind == INT32 { 5 } else { 7 })?;
            few(found.len())?;
            found.into_iter().map(f64::from).collect()
        }
        (other, _) => return Err(format!("has numbers of type {other}, where f32, f64, i32 or i64 is needed")),
    };
    let n = sides.iter().try_fold(1_usize, |n, &side| n.checked_mul(side));
    if n == Some(numbers.len()) {
        return Ok((sides, numbers));
    }
    Err(format!("has {} numbers for the shape {:?}", numbers.len(), &sides[..sides.len().min(8)]))
}

fn few(n: usize) -> Result<(), String> {
    if n <= MAX_INTS { Ok(()) } else { Err(format!("has more than {MAX_INTS} whole numbers")) }
}

fn singles(bytes: &[u8]) -> Result<impl Iterator<Item = f64>, String> {
    whole(bytes.as_chunks(), |bytes| f64::from(f32::from_le_bytes(*bytes)))
}

/// Numbers of so many bytes each, with no bytes left.
fn whole<'a, const N: usize>(
    (chunks, rest): (&'a [[u8; N]], &'a [u8]),
    convert: impl Fn(&[u8; N]) -> f64,
) -> Result<impl Iterator<Item = f64>, String> {
    match rest {
        [] => Ok(chunks.iter().map(convert)),
        _ => Err(format!("has a number of fewer than {N} bytes")),
    }
}
