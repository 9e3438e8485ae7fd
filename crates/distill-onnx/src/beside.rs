//! Weights that a file keeps in other files beside it, as PyTorch and large models do.

use std::borrow::Cow;
use std::collections::BTreeMap;

use distill_export::wire::{Fields, Message, Value};

use crate::{MAX_BYTES, OnnxError, describe};

/// Files in which one model keeps its weights; some exporters write one for each tensor.
const MAX_FILES: usize = 1 << 12;

/// Fields of a tensor: its name, its numbers as bytes, and where they are if they are elsewhere.
const NAME: u64 = 8;
const RAW_DATA: u64 = 9;
const EXTERNAL_DATA: u64 = 13;
const DATA_LOCATION: u64 = 14;

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

/// The bytes of a file with the weights inside that it keeps in others, so that whoever reads ONNX needs no other file. Their
/// names are those of [`external_files`], and `beside` has what is in them. Bytes without such weights are returned as they are.
///
/// # Errors
/// [`OnnxError::External`] if a file is missing or shorter than the model says, or if all tensors together would have more than
/// [`MAX_BYTES`](crate::MAX_BYTES); [`OnnxError::Damaged`] or [`OnnxError::TooLarge`].
///
/// # Examples
/// ```
/// use std::collections::BTreeMap;
/// use distill_onnx::{OnnxError, with_weights_inside};
/// let whole = with_weights_inside(b"no graph", &BTreeMap::new());
/// assert!(matches!(whole, Err(OnnxError::Damaged { .. })));
/// ```
pub fn with_weights_inside<'a>(
    bytes: &'a [u8],
    beside: &BTreeMap<String, Vec<u8>>,
) -> Result<Cow<'a, [u8]>, OnnxError> {
    if describe::describe(bytes)?.files.is_empty() {
        return Ok(Cow::Borrowed(bytes));
    }
    // Many tensors may name the same bytes.
    let mut inside = Inside { beside, room: MAX_BYTES.saturating_sub(bytes.len()) };
    Ok(Cow::Owned(inside.model(bytes)?))
}

/// Whether a name is that of a file in the same folder, on every system.
fn is_plain(name: &str) -> bool {
    let has_way = name.chars().any(|char| ['/', '\\', ':'].contains(&char) || char.is_control());
    !has_way && !["", ".", ".."].contains(&name)
}

fn refused(file: &str, reason: impl Into<String>) -> OnnxError {
    OnnxError::External { file: file.to_owned(), reason: reason.into() }
}

fn damaged(reason: String) -> OnnxError {
    OnnxError::Damaged { reason }
}

/// Copies messages, and puts weights where they would be if there were one file.
struct Inside<'b> {
    beside: &'b BTreeMap<String, Vec<u8>>,
    /// Bytes that may still be put inside.
    room: usize,
}

impl Inside<'_> {
    fn model(&mut self, bytes: &[u8]) -> Result<Vec<u8>, OnnxError> {
        copy(bytes, |field, graph| if field == 7 { self.graph(graph).map(Some) } else { Ok(None) })
    }

    fn graph(&mut self, bytes: &[u8]) -> Result<Vec<u8>, OnnxError> {
        copy(bytes, |field, inner| match field {
            1 => self.node(inner).map(Some),
            5 => self.tensor(inner),
            _ => Ok(None),
        })
    }

    fn node(&mut self, bytes: &[u8]) -> Result<Vec<u8>, OnnxError> {
        copy(bytes, |field, attribute| if field == 5 { self.attribute(attribute).map(Some) } else { Ok(None) })
    }

    fn attribute(&mut self, bytes: &[u8]) -> Result<Vec<u8>, OnnxError> {
        copy(bytes, |field, tensor| if matches!(field, 5 | 10) { self.tensor(tensor) } else { Ok(None) })
    }

    /// A tensor with its numbers; `None` if it has them already.
    fn tensor(&mut self, bytes: &[u8]) -> Result<Option<Vec<u8>>, OnnxError> {
        let (mut name, mut entries, mut is_elsewhere) = (String::new(), BTreeMap::new(), false);
        for field in Fields::new(bytes) {
            match field.map_err(damaged)? {
                (NAME, Value::Bytes(text)) => name = String::from_utf8_lossy(text).into_owned(),
                (EXTERNAL_DATA, Value::Bytes(entry)) => {
                    let [key, value] = describe::pair(entry).map_err(damaged)?;
                    entries.insert(key, value);
                    is_elsewhere = true;
                }
                (DATA_LOCATION, Value::Int(place)) => is_elsewhere |= place == describe::EXTERNAL,
                _ => {}
            }
        }
        if !is_elsewhere {
            return Ok(None);
        }
        let numbers = self.numbers(&name, &entries)?;
        let mut tensor = Message::default();
        let (mut fields, mut before) = (Fields::new(bytes), bytes);
        while let Some(field) = fields.next() {
            let (field, _) = field.map_err(damaged)?;
            if ![RAW_DATA, EXTERNAL_DATA, DATA_LOCATION].contains(&field) {
                tensor.append(&before[..before.len() - fields.rest().len()]);
            }
            before = fields.rest();
        }
        tensor.bytes(RAW_DATA, numbers);
        Ok(Some(tensor.into_bytes()))
    }

    /// The bytes that the entries of a tensor name.
    fn numbers(&mut self, tensor: &str, entries: &BTreeMap<String, String>) -> Result<&[u8], OnnxError> {
        let file = entries.get("location").map_or("", String::as_str);
        let number = |key: &str| match entries.get(key).map(|text| text.parse::<usize>()) {
            None => Ok(None),
            Some(Ok(number)) => Ok(Some(number)),
            Some(Err(_)) => Err(refused(file, format!("the {key} of the tensor `{tensor}` is not a byte count"))),
        };
        let bytes = self.beside.get(file).ok_or_else(|| refused(file, "it is not there"))?;
        let from = number("offset")?.unwrap_or(0);
        let to = number("length")?.map_or(Some(bytes.len()), |length| from.checked_add(length));
        let found = to.and_then(|to| bytes.get(from..to)).ok_or_else(|| {
            let reason = format!("the tensor `{tensor}` begins or ends after its {} bytes", bytes.len());
            refused(file, reason)
        })?;
        self.room = self
            .room
            .checked_sub(found.len())
            .ok_or_else(|| refused(file, format!("all tensors together would have more than {MAX_BYTES} bytes")))?;
        Ok(found)
    }
}

/// A message in which `change` has replaced some of the messages and texts.
fn copy(
    bytes: &[u8],
    mut change: impl FnMut(u64, &[u8]) -> Result<Option<Vec<u8>>, OnnxError>,
) -> Result<Vec<u8>, OnnxError> {
    let mut out = Message::default();
    let (mut fields, mut before) = (Fields::new(bytes), bytes);
    while let Some(field) = fields.next() {
        let (field, value) = field.map_err(damaged)?;
        let changed = if let Value::Bytes(inner) = value { change(field, inner)? } else { None };
        match changed {
            Some(changed) => out.bytes(field, &changed),
            None => out.append(&before[..before.len() - fields.rest().len()]),
        };
        before = fields.rest();
    }
    Ok(out.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u64, inside: &[u8]) -> Vec<u8> {
        Message::default().bytes(number, inside).clone().into_bytes()
    }

    #[test]
    fn names_stay_in_the_folder() {
        for name in ["a.onnx.data", "fc.weight", "weights é 1", "..data", "~"] {
            assert!(is_plain(name), "{name}");
        }
        for name in ["", ".", "..", "../a", "/etc/passwd", "a/b", "a\\b", "C:a", "a\0b", "a\nb"] {
            assert!(!is_plain(name), "{name}");
        }
    }

    /// A file of two weights, of which the second is in an attribute.
    fn file(places: [&[u8]; 2]) -> Vec<u8> {
        let [first, second] = places.map(|place| [&[8, 2, 16, 1][..], &field(8, b"w"), place].concat());
        let constant = field(5, &[field(1, b"value"), field(5, &second)].concat());
        let node = [field(2, b"c"), field(4, b"Constant"), constant].concat();
        [&[8, 9][..], &field(7, &[field(1, &node), field(5, &first)].concat()), &field(8, &[16, 17])].concat()
    }

    fn place(entries: &[(&str, &str)]) -> Vec<u8> {
        let entry =
            |(key, value): &(&str, &str)| field(13, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat());
        [entries.iter().flat_map(entry).collect(), vec![14 << 3, 1]].concat()
    }

    #[test]
    fn weights_come_to_where_they_would_be() {
        let beside = BTreeMap::from([("a".to_owned(), (0..20).collect())]);
        let whole = file([&field(9, &[4, 5, 6, 7, 8, 9, 10, 11]), &field(9, &[12, 13, 14, 15, 16, 17, 18, 19])]);
        assert!(matches!(with_weights_inside(&whole, &beside), Ok(Cow::Borrowed(bytes)) if bytes == whole));
        let first = place(&[("location", "a"), ("offset", "4"), ("length", "8"), ("checksum", "?")]);
        let second = place(&[("location", "a"), ("offset", "12")]);
        let two = file([&first, &second]);
        assert_eq!(external_files(&two), Ok(vec!["a".to_owned()]));
        assert_eq!(with_weights_inside(&two, &beside).unwrap(), whole);
        // Numbers that are there beside the place are not those of the tensor.
        let both = [&field(9, &[7; 8])[..], &first].concat();
        assert_eq!(with_weights_inside(&file([&both, &second]), &beside).unwrap(), whole);
    }

    #[test]
    fn places_that_are_not_there_are_refused() {
        let beside = BTreeMap::from([("a".to_owned(), vec![0; 20])]);
        for (entries, reason) in [
            (&[("location", "b")][..], "it is not there"),
            (&[], "it is not there"),
            (&[("location", "a"), ("offset", "12"), ("length", "9")], "`w` begins or ends after its 20 bytes"),
            (&[("location", "a"), ("offset", "21")], "`w` begins or ends after its 20 bytes"),
            (&[("location", "a"), ("offset", "18446744073709551615"), ("length", "1")], "begins or ends after"),
            (&[("location", "a"), ("offset", "-1")], "the offset of the tensor `w` is not a byte count"),
            (&[("location", "a"), ("length", "1e3")], "the length of the tensor `w` is not a byte count"),
        ] {
            let error = with_weights_inside(&file([&place(entries), &[]]), &beside).unwrap_err();
            assert!(error.to_string().contains(reason), "{error}");
        }
    }
}
