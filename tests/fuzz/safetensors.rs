//! Changes to safetensors files that know where the header is.
//!
//! ```text
//! 8 bytes    length of the header, little endian
//! header     JSON: tensors by name, and under `__metadata__` texts; one of ours is again JSON
//! the rest   the tensors
//! ```

use serde_json::Value;

use crate::random::Random;
use crate::{mutate, tokens};

/// Changes a file once. `key` is the name of our metadata.
pub(crate) fn mutate(bytes: &mut Vec<u8>, other: &[u8], key: &str, random: &mut Random) {
    let Some((mut header, mut data)) = split(bytes) else { return mutate::bytes(bytes, other, random) };
    match random.below(10) {
        0 => return mutate::bytes(bytes, other, random),
        1 => mutate::bytes(&mut data, other, random),
        2 => {
            let n = mutate::integer(bytes.len(), random);
            bytes[..8].copy_from_slice(&n.to_le_bytes());
            return;
        }
        3..=6 => edit_description(&mut header, key, |text| tokens::text(text, random)),
        _ => tokens::text(&mut header, random),
    }
    *bytes = join(&header, &data);
}

/// Changes the text of our metadata, where there is one.
pub(crate) fn edit_description(header: &mut Vec<u8>, key: &str, edit: impl FnOnce(&mut Vec<u8>)) {
    let Ok(mut value) = serde_json::from_slice::<Value>(header) else { return };
    let Some(Value::String(description)) = value.pointer_mut(&format!("/__metadata__/{key}")) else { return };
    let mut text = description.clone().into_bytes();
    edit(&mut text);
    *description = String::from_utf8_lossy(&text).into_owned();
    *header = value.to_string().into_bytes();
}

/// The header and the tensors.
pub(crate) fn split(bytes: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (len, rest) = bytes.split_first_chunk()?;
    let (header, data) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*len)).ok()?)?;
    Some((header.to_vec(), data.to_vec()))
}

pub(crate) fn join(header: &[u8], data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header, data].concat()
}

/// Files whose headers promise much, or take much to read. `description` is one of ours.
pub(crate) fn large(key: &str, description: &Value) -> Vec<Vec<u8>> {
    // One length that is read, and one that is not.
    [500 << 10, 4 << 20].into_iter().flat_map(|len| headers(len, key, description)).collect()
}

fn headers(len: usize, key: &str, description: &Value) -> Vec<Vec<u8>> {
    let metadata = |description: &str| serde_json::json!({ "__metadata__": { key: description } }).to_string();
    let classes =
        |classes: &str| metadata(&description.to_string().replace("\"classes\":[]", &format!("\"classes\":{classes}")));
    let many = |unit: &dyn Fn(u64) -> String| {
        let mut text = unit(0);
        for i in 1.. {
            if text.len() >= len {
                break;
            }
            text = text + "," + &unit(i);
        }
        text
    };
    let nested = |unit: &str| unit.repeat(len / unit.len());
    let size = u64::MAX / 8;
    let sum: Vec<_> = (0..8)
        .map(|i| {
            let (start, end) = (i * size, (i + 1) * size);
            format!("\"{i}\":{{\"dtype\":\"U8\",\"shape\":[{size}],\"data_offsets\":[{start},{end}]}}")
        })
        .collect();
    let headers = [
        nested("["),
        nested("{\"a\":"),
        format!("{{\"a\":{{\"dtype\":\"U8\",\"shape\":[{}],\"data_offsets\":[0,0]}}}}", many(&|_| "0".into())),
        format!("{{{}}}", many(&|i| format!("\"{i}\":{{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}"))),
        format!("{{{}}}", many(&|_| "\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}".into())),
        format!("{{\"__metadata__\":{{{}}}}}", many(&|i| format!("\"{i}\":\"\""))),
        // Each quote is escaped, so five bytes make a name.
        classes(&format!("[{}\"\"]", "\"\",".repeat(len / 5 - 100))),
        classes(&nested("[")),
        metadata(&nested("[")),
        // Each length fits 64 bits, and so does their sum, but not with that of the header.
        format!("{{{}}}", sum.join(",")),
    ];
    headers.iter().map(|header| join(header.as_bytes(), &[])).collect()
}
