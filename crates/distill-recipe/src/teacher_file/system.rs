use std::path::Path;
use std::sync::Arc;

use distill_specialists::SystemFolder;
use distill_train::OnnxConfig;

use crate::diagnostic::Diagnostic;
use crate::loaded_teacher::{LoadedTeacher, TeacherFormat};

/// Folders with a generalist and its specialists.
#[derive(Debug)]
pub(super) struct System;

impl TeacherFormat for System {
    fn recognises(&self, path: &Path) -> bool {
        SystemFolder::is_one(path)
    }

    /// The list of files has the hash of each, so the hash of the list is that of all.
    fn open(&self, path: &Path, _: &OnnxConfig) -> Result<LoadedTeacher, Diagnostic> {
        let (system, files) = SystemFolder::new(path).load_with_files()?;
        Ok(LoadedTeacher::new(&Self, Arc::new(system), files.n_bytes, files.sha256))
    }
}
