use std::fs;
use std::path::Path;

use distill_datasets::idx::IdxStream;
use distill_datasets::{DataError, IdxFolder};
use serde_json::json;

use distill_recipe::Diagnostic;
use distill_recipe::words::{sides, thousands};

use super::facts::Facts;
use super::unknown;

/// How much is read at a time.
const N_BUFFER: usize = 1 << 16;

/// An IDX file of bytes: images, or labels.
pub(super) fn facts(path: &Path) -> Result<Facts, Diagnostic> {
    let mut stream = match IdxStream::open(path) {
        Ok(stream) => stream,
        Err(DataError::BadMagic { actual: [a, b], .. }) => {
            return Err(unknown(path, &format!("it is compressed with gzip and starts with {a:02x} {b:02x} inside")));
        }
        Err(error) => return Err(error.into()),
    };
    let counts = count(&mut stream)?;
    let shape = stream.shape().to_vec();
    let is_labels = shape.len() == 1;
    let packing = if stream.is_gzip() { ", gzip" } else { "" };
    let mut facts = Facts::new("idx", format_args!("an IDX file{packing}"));
    facts.line("shape", format_args!("{} of u8", sides(&shape)));
    facts.field("dtype", "u8");
    facts.field("shape", &shape);
    facts.field("gzip", stream.is_gzip());

    let values: Vec<(usize, u64)> = counts.iter().copied().enumerate().filter(|&(_, n)| n > 0).collect();
    let range = values.first().zip(values.last()).map(|(&(min, _), &(max, _))| [min, max]);
    facts.field("min", range.map(|[min, _]| min));
    facts.field("max", range.map(|[_, max]| max));
    match range {
        Some([min, max]) => facts.line("values", format_args!("{min} to {max}")),
        None => facts.line("values", "none"),
    }
    if is_labels {
        facts.list("labels", values.iter().map(|&(label, n)| format!("{label}: {}", thousands(n))));
        let counts: serde_json::Map<_, _> = values.iter().map(|&(label, n)| (label.to_string(), json!(n))).collect();
        facts.field("labels", counts);
    }
    Ok(facts)
}

/// How often each value occurs.
fn count(stream: &mut IdxStream) -> Result<[u64; 256], DataError> {
    let (mut counts, mut buffer) = ([0; 256], vec![0; N_BUFFER]);
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(counts),
            n => buffer[..n].iter().for_each(|&value| counts[usize::from(value)] += 1),
        }
    }
}

/// Whether a folder holds images, even if other things in it are wrong.
pub(super) fn is_dataset(dir: &Path) -> bool {
    !matches!(IdxFolder::open(dir), Err(DataError::MissingFile { .. } | DataError::Io { .. }))
}

/// A folder with the four files of a dataset, of which only the headers are read.
pub(super) fn folder_facts(dir: &Path) -> Result<Facts, Diagnostic> {
    let folder = IdxFolder::open(dir)?;
    let mut facts = Facts::new("dataset", "a dataset of IDX files");
    let (mut rows, mut files) = (Vec::new(), Vec::new());
    let roles = ["train images", "train labels", "test images", "test labels"];
    for (role, path) in roles.into_iter().zip(folder.files()) {
        let Some(path) = path else {
            rows.push([role.to_owned(), "missing".to_owned(), String::new(), String::new()]);
            continue;
        };
        let stream = IdxStream::open(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let n_bytes = fs::metadata(path).map_err(|source| DataError::Io { path: path.to_owned(), source })?.len();
        files.push(json!({ "role": role, "name": name, "shape": stream.shape(), "bytes": n_bytes }));
        rows.push([role.to_owned(), name, sides(stream.shape()), thousands(n_bytes)]);
    }
    match folder.classes() {
        Some(classes) => facts.list("classes", classes.iter().cloned()),
        None => facts.line("classes", "not named"),
    }
    facts.field("classes", folder.classes());
    facts.field("files", files);
    facts.table(2, ["", "file", "shape", "bytes"], &rows);
    Ok(facts)
}
