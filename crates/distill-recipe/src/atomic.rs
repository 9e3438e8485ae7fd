use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use distill_train::{Disk, write_atomic};

use crate::code::Code;
use crate::diagnostic::Diagnostic;

/// Writes a file so that its name holds either all of the bytes or what it held before.
///
/// # Errors
/// [`Code::Io`] if the file cannot be written, with what to do about it. What the name held before is still there then.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Diagnostic> {
    write_atomic(&Disk, path, bytes).map_err(|error| {
        let advice = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space, then run it again",
            _ => "check the folder and its permissions, or choose another one with `--runs-dir`",
        };
        Diagnostic::io(format!("cannot write {} bytes", bytes.len()), Some(path), error).help(advice)
    })
}

/// Writes a file that is not there yet.
///
/// # Errors
/// [`Code::Exists`] if something has that name already, which is left as it is.
pub fn create(path: &Path, bytes: &[u8]) -> Result<(), Diagnostic> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => Diagnostic::new(Code::Exists, "the file already exists")
            .at(path.display())
            .note("it was not changed")
            .help("choose another name, or move the file away"),
        _ => Diagnostic::io("cannot write the file", Some(path), error)
            .help("check the folder, its permissions and the free space"),
    };
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(path);
    }
    written.map_err(failed)
}
