use std::fmt::Write as _;
use std::io;
use std::path::Path;

use distill_models::{Network, Provenance, from_safetensors};
use distill_train::{Disk, Storage as _};
use sha2::{Digest as _, Sha256};

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::foreign_model;

/// A model of a billion parameters; a larger file is not one of ours.
const MAX_BYTES: u64 = 4 << 30;

/// How much of a file tells whose it is.
const START: usize = 512;

/// A model read from a file, with the size and the hash of the file.
#[derive(Debug)]
pub struct LoadedModel {
    /// The network with its weights.
    pub model: Network,
    /// What the file says of where it comes from: program, recipe, data, seed.
    pub provenance: Provenance,
    /// Bytes of the file.
    pub n_bytes: usize,
    /// Of the file, in hexadecimal.
    pub sha256: String,
}

/// Reads a model that this program wrote.
///
/// # Errors
/// [`Code::Io`] if the file cannot be read, [`Code::ModelFile`] if it is damaged, too large or of another program; for that
/// the help says how it becomes ONNX.
pub fn load(path: &Path) -> Result<LoadedModel, Diagnostic> {
    let unreadable = |error| {
        let help = if path.is_dir() {
            "models are in the `weights` folder of a run; a folder teaches if it holds specialists or a table of answers, such as `train.npy`"
        } else {
            "models are in the `weights` folder of a run, such as `runs/mnist-001/weights`"
        };
        Diagnostic::io("cannot read the model", Some(path), error).help(help)
    };
    if let Some(refused) = path.is_dir().then(|| foreign_model::refused(path, &[])).flatten() {
        return Err(refused);
    }
    let bytes = Disk.read(path, MAX_BYTES).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => Diagnostic::new(Code::ModelFile, error.to_string())
            .at(path.display())
            .help("name a safetensors file written by this program"),
        _ => unreadable(error),
    })?;
    let (model, provenance) = from_safetensors(&bytes).map_err(|error| {
        let start = &bytes[..bytes.len().min(START)];
        foreign_model::refused(path, start).unwrap_or_else(|| Diagnostic::model_file(&error).at(path.display()))
    })?;
    Ok(LoadedModel { model, provenance, n_bytes: bytes.len(), sha256: sha256(&bytes) })
}

/// The SHA-256 of bytes in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
