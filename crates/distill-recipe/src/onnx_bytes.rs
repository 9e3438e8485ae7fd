use std::io;
use std::path::Path;

use distill_onnx::MAX_BYTES;
use distill_train::{Disk, Storage as _};

use crate::code::Code;
use crate::diagnostic::Diagnostic;

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
