use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use distill_onnx::{MAX_BYTES, OnnxError, external_files, with_weights_inside};
use distill_train::{Disk, Storage as _};

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::model_file::sha256;

/// An ONNX file with the weights that it keeps in files beside it.
pub(crate) struct OnnxBytes {
    /// Those of one file that has all of them inside.
    pub(crate) bytes: Vec<u8>,
    /// Bytes of all files.
    pub(crate) n_bytes: usize,
    /// Of the file; with others beside it, of the hashes and names of all.
    pub(crate) sha256: String,
}

/// The bytes of an ONNX file.
///
/// # Errors
/// [`Code::Io`] if it cannot be read, [`Code::ModelFile`] if it is larger than 2 GiB.
pub fn read(path: &Path) -> Result<Vec<u8>, Diagnostic> {
    Disk.read(path, MAX_BYTES as u64).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => Diagnostic::new(Code::ModelFile, error.to_string())
            .at(path.display())
            .help("name an ONNX file; none is larger than 2 GiB"),
        _ => Diagnostic::io("cannot read the model", Some(path), error).help("check the path and its permissions"),
    })
}

/// Reads an ONNX file, and the files beside it in which it keeps weights.
///
/// # Errors
/// As [`read`], and [`Code::ModelFile`] for a damaged file, or for weights that are not where it says.
pub(crate) fn read_whole(path: &Path) -> Result<OnnxBytes, Diagnostic> {
    let bytes = read(path)?;
    let failed = |error: OnnxError| diagnostic(&error).at(path.display());
    let names = external_files(&bytes).map_err(failed)?;
    if names.is_empty() {
        return Ok(OnnxBytes { n_bytes: bytes.len(), sha256: sha256(&bytes), bytes });
    }
    let beside = read_beside(path, &names, bytes.len())?;
    // Who changes the weights changes the model, wherever they are.
    let hashes = beside.iter().map(|(name, bytes)| format!(" {name} {}", sha256(bytes)));
    let hashes: String = std::iter::once(sha256(&bytes)).chain(hashes).collect();
    let n_bytes = bytes.len() + beside.values().map(Vec::len).sum::<usize>();
    let bytes = with_weights_inside(&bytes, &beside).map_err(failed)?.into_owned();
    Ok(OnnxBytes { bytes, n_bytes, sha256: sha256(hashes.as_bytes()) })
}

/// The files beside a model in which it keeps weights. A stranger has named them, so each has to be a plain file of its folder, and
/// all together are no larger than one file may be.
fn read_beside(path: &Path, names: &[String], n_bytes: usize) -> Result<BTreeMap<String, Vec<u8>>, Diagnostic> {
    let mut room = MAX_BYTES.saturating_sub(n_bytes) as u64;
    let mut beside = BTreeMap::new();
    for name in names {
        let file = path.with_file_name(name);
        let refused = |reason: String| {
            let error = OnnxError::External { file: name.clone(), reason };
            diagnostic(&error).at(path.display())
        };
        let kind = fs::symlink_metadata(&file).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => refused("it is not there".to_owned()),
            _ => refused(format!("it cannot be read: {error}")),
        })?;
        if !kind.is_file() {
            return Err(refused(if kind.is_symlink() { "it is a link" } else { "it is no file" }.to_owned()));
        }
        let bytes = Disk.read(&file, room).map_err(|error| match error.kind() {
            io::ErrorKind::FileTooLarge => refused(format!("a model has at most {MAX_BYTES} bytes with all its files")),
            _ => refused(format!("it cannot be read: {error}")),
        })?;
        room -= bytes.len() as u64;
        beside.insert(name.clone(), bytes);
    }
    Ok(beside)
}

/// A file whose bytes, or those beside it, cannot be used.
pub(crate) fn diagnostic(error: &OnnxError) -> Diagnostic {
    let diagnostic = Diagnostic::new(Code::ModelFile, error.to_string());
    match error {
        OnnxError::External { .. } => diagnostic
            .note("weights may lie beside the model, in plain files of the same folder; links and other folders are not followed")
            .help("put the file there, or make one file of all: in Python `onnx.save(onnx.load(\"a.onnx\"), \"b.onnx\")`"),
        _ => diagnostic.help("write the file again, and check it: `onnx.checker.check_model(\"FILE\")` in Python"),
    }
}
