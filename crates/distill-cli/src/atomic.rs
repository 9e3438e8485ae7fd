use std::io;
use std::path::Path;

use distill_train::{Disk, write_atomic};

use crate::diagnostic::Diagnostic;

/// Writes a file so that its name holds either all of the bytes or what it held before.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Diagnostic> {
    write_atomic(&Disk, path, bytes).map_err(|error| {
        let advice = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space, then run it again",
            _ => "check the folder and who may write to it, or choose another one with `--runs-dir`",
        };
        Diagnostic::io(format!("cannot write {} bytes", bytes.len()), Some(path), error).help(advice)
    })
}
