use std::io;
use std::path::Path;

use distill_train::{Disk, SoftTargetFile, Storage as _, TrainError};

use crate::code::Code;
use crate::diagnostic::Diagnostic;

/// A million examples of a thousand classes.
const MAX_BYTES: u64 = 4 << 30;

/// Reads soft targets that `distill teach` wrote.
///
/// # Errors
/// [`Code::Io`] if the file cannot be read, [`Code::SoftTargetFile`] if it is damaged.
pub fn load(path: &Path) -> Result<SoftTargetFile, Diagnostic> {
    let bytes = Disk.read(path, MAX_BYTES).map_err(|error| {
        let diagnostic = Diagnostic::io("cannot read the soft targets", Some(path), &error);
        match error.kind() {
            io::ErrorKind::NotFound => diagnostic.help("write them first: `distill teach RECIPE`"),
            _ => diagnostic.help("check the path and its permissions"),
        }
    })?;
    SoftTargetFile::from_bytes(&bytes).map_err(|error| Diagnostic::from(error).at(path.display()))
}

impl Diagnostic {
    /// Soft targets that cannot be used.
    pub(crate) fn target_file(error: &TrainError) -> Self {
        Self::new(Code::SoftTargetFile, error.to_string())
            .note("the file is cut, damaged or of another kind")
            .help("write them again: `distill teach RECIPE`")
    }
}
