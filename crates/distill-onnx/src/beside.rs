//! Weights that a file keeps in other files beside it, as PyTorch and large models do.

#[cfg(feature = "tract")]
use std::collections::BTreeMap;

#[cfg(feature = "tract")]
use tract_onnx::pb::{ModelProto, TensorProto, tensor_proto::DataLocation};

#[cfg(feature = "tract")]
use crate::MAX_BYTES;
use crate::{OnnxError, describe};

/// Files in which one model keeps its weights; some exporters write one for each tensor.
const MAX_FILES: usize = 1 << 12;

/// Names of the files beside an ONNX file in which it keeps weights, each a plain name in the same folder.
///
/// # Errors
/// [`OnnxError::External`] for a name that leads out of the folder, [`OnnxError::Damaged`] or [`OnnxError::TooLarge`].
///
/// # Examples
/// ```
/// use distill_onnx::{OnnxError, external_files};
/// assert!(matches!(external_files(b"no graph"), Err(OnnxError::Damaged { .. })));
/// ```
pub fn external_files(bytes: &[u8]) -> Result<Vec<String>, OnnxError> {
    let files = describe::describe(bytes)?.files;
    if files.len() > MAX_FILES {
        let reason = format!("it is one of {}, at most {MAX_FILES} are read", files.len());
        return Err(refused(&files[MAX_FILES], reason));
    }
    match files.iter().find(|name| !is_plain(name)) {
        Some(name) => Err(refused(name, "weights may lie in the folder of the model, and nowhere else")),
        None => Ok(files),
    }
}

/// Whether a name is that of a file in the same folder, on every system.
fn is_plain(name: &str) -> bool {
    let has_way = name.chars().any(|char| ['/', '\\', ':'].contains(&char) || char.is_control());
    !has_way && !["", ".", ".."].contains(&name)
}

fn refused(file: &str, reason: impl Into<String>) -> OnnxError {
    OnnxError::External { file: file.to_owned(), reason: reason.into() }
}

/// Puts the weights from other files where they would be if there were one file.
#[cfg(feature = "tract")]
pub(crate) fn fill(file: &mut ModelProto, beside: &BTreeMap<String, Vec<u8>>) -> Result<(), OnnxError> {
    let Some(graph) = &mut file.graph else { return Ok(()) };
    let attributes = graph.node.iter_mut().flat_map(|node| &mut node.attribute);
    let attributes = attributes.flat_map(|attribute| attribute.t.iter_mut().chain(&mut attribute.tensors));
    // Many tensors may name the same bytes.
    let mut room = MAX_BYTES;
    graph.initializer.iter_mut().chain(attributes).try_for_each(|tensor| fill_tensor(tensor, beside, &mut room))
}

#[cfg(feature = "tract")]
fn fill_tensor(
    tensor: &mut TensorProto,
    beside: &BTreeMap<String, Vec<u8>>,
    room: &mut usize,
) -> Result<(), OnnxError> {
    if tensor.external_data.is_empty() && tensor.data_location != Some(DataLocation::External as i32) {
        return Ok(());
    }
    let entry = |key: &str| tensor.external_data.iter().find(|entry| entry.key == key).map(|entry| &entry.value);
    let name = entry("location").map_or("", String::as_str);
    let number = |key: &str| match entry(key).map(|text| text.parse::<usize>()) {
        None => Ok(None),
        Some(Ok(number)) => Ok(Some(number)),
        Some(Err(_)) => Err(refused(name, format!("the {key} of the tensor `{}` is not a byte count", tensor.name))),
    };
    let bytes = beside.get(name).ok_or_else(|| refused(name, "it is not there"))?;
    let from = number("offset")?.unwrap_or(0);
    let to = number("length")?.map_or(Some(bytes.len()), |length| from.checked_add(length));
    let found = to.and_then(|to| bytes.get(from..to)).ok_or_else(|| {
        let reason = format!("the tensor `{}` begins or ends after its {} bytes", tensor.name, bytes.len());
        refused(name, reason)
    })?;
    *room = room
        .checked_sub(found.len())
        .ok_or_else(|| refused(name, format!("all tensors together would have more than {MAX_BYTES} bytes")))?;
    tensor.raw_data = found.to_vec();
    tensor.external_data.clear();
    tensor.data_location = None;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_the_folder() {
        for name in ["a.onnx.data", "fc.weight", "weights é 1", "..data", "~"] {
            assert!(is_plain(name), "{name}");
        }
        for name in ["", ".", "..", "../a", "/etc/passwd", "a/b", "a\\b", "C:a", "a\0b", "a\nb"] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
