use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::DataError;
use crate::form::Form;

/// Inputs of equal length in a file that stays open, read by position from any thread.
#[derive(Debug)]
pub(crate) struct Rows {
    path: PathBuf,
    file: File,
    /// Other systems have one position for all readers.
    #[cfg(not(unix))]
    position: std::sync::Mutex<()>,
    /// Where the first row begins, and where the file ends.
    bytes: Range<u64>,
    n_bytes: usize,
    form: Form,
    modified: Option<SystemTime>,
}

impl Rows {
    /// Rows of `n_bytes` from the start of `bytes` to the end of it and of the file.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::Changed`] if the length is another one by now.
    pub(crate) fn new(
        path: PathBuf,
        file: File,
        bytes: Range<u64>,
        n_bytes: usize,
        form: Form,
    ) -> Result<Self, DataError> {
        let metadata = file.metadata().map_err(|source| DataError::Io { path: path.clone(), source })?;
        let rows = Self {
            path,
            file,
            #[cfg(not(unix))]
            position: std::sync::Mutex::new(()),
            bytes,
            n_bytes,
            form,
            modified: metadata.modified().ok(),
        };
        rows.check_unchanged()?;
        Ok(rows)
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What the bytes are.
    pub(crate) fn form(&self) -> Form {
        self.form
    }

    /// The bytes of a row.
    pub(crate) fn n_bytes(&self) -> usize {
        self.n_bytes
    }

    /// Fills the buffer from byte `offset` of row `index` on, across the rows that follow.
    pub(crate) fn read(&self, index: usize, offset: usize, buffer: &mut [u8]) -> Result<(), DataError> {
        // Both are places in a file that is there, so neither product nor sum is too large.
        let at = self.bytes.start + index as u64 * self.n_bytes as u64 + offset as u64;
        match self.read_exact_at(buffer, at) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.check_unchanged()?;
                Err(self.io(error))
            }
            Err(error) => Err(self.io(error)),
        }
    }

    /// Whether what was read is what was there when the file was opened, as far as its length and
    /// the time of its last change tell.
    pub(crate) fn check_unchanged(&self) -> Result<(), DataError> {
        let metadata = self.file.metadata().map_err(|error| self.io(error))?;
        if (metadata.len(), metadata.modified().ok()) == (self.bytes.end, self.modified) {
            Ok(())
        } else {
            Err(DataError::Changed { path: self.path.clone(), expected: self.bytes.end, actual: metadata.len() })
        }
    }

    #[cfg(unix)]
    fn read_exact_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, buffer, at)
    }

    #[cfg(not(unix))]
    fn read_exact_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        use std::io::{Read as _, Seek as _};
        let _guard = self.position.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut file = &self.file;
        file.seek(io::SeekFrom::Start(at))?;
        file.read_exact(buffer)
    }

    fn io(&self, source: io::Error) -> DataError {
        DataError::Io { path: self.path.clone(), source }
    }
}
