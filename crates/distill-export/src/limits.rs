//! What readers of ONNX files have in common.

use crate::wire::Value;

/// Elements of type f32.
pub(crate) const DATA_TYPE_FLOAT: i64 = 1;
/// Of type f64.
pub(crate) const DATA_TYPE_DOUBLE: i64 = 11;
/// And of type i64.
pub(crate) const DATA_TYPE_INT64: i64 = 7;

/// Most inputs, outputs or sides of anything.
pub(crate) const MAX_ITEMS: usize = 32;

/// A byte or two of a file may be an item of many times that size, so there is a limit.
pub(crate) fn push<T>(items: &mut Vec<T>, item: T, max: usize) -> Result<(), String> {
    if items.len() == max {
        return Err(format!("a list has more than {max} items"));
    }
    items.push(item);
    Ok(())
}

pub(crate) fn side(value: Value<'_>) -> Result<usize, String> {
    let side = value.int()?;
    usize::try_from(side).map_err(|_| format!("a side has the length {side}"))
}
