use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::{Checkpoint, CheckpointContext};
use crate::CheckpointError;
use crate::storage::{Storage, TEMPORARY, write_atomic};
use crate::{Snapshot, TrainError};

/// The checkpoints of one training, in a folder of their own: `step-000000500.ckpt`.
#[derive(Clone, Copy)]
pub struct CheckpointStore<'a> {
    storage: &'a dyn Storage,
    folder: &'a Path,
    keep_last: usize,
}

/// What a folder of checkpoints holds.
#[derive(Debug, Default)]
pub struct Found {
    /// The newest checkpoint that can be used, with its file.
    pub newest: Option<(Checkpoint, PathBuf)>,
    /// Newer files that cannot be used, and why.
    pub damaged: Vec<(PathBuf, CheckpointError)>,
}

impl<'a> CheckpointStore<'a> {
    /// Checkpoints in this folder, of which the last `keep_last`, at least one, are kept. Each of
    /// them holds the best parameters too.
    pub fn new(storage: &'a dyn Storage, folder: &'a Path, keep_last: usize) -> Self {
        Self { storage, folder, keep_last: keep_last.max(1) }
    }

    /// Writes a checkpoint and, once it is durable, removes what is no longer kept.
    ///
    /// # Errors
    /// [`CheckpointError::NonFinite`] if a parameter is not a number: older checkpoints stay.
    /// [`CheckpointError::Io`] if it cannot be written: older checkpoints stay.
    pub fn save(&self, context: &CheckpointContext, snapshot: Snapshot<'_>) -> Result<PathBuf, CheckpointError> {
        let _span = tracing::debug_span!("save checkpoint", step = snapshot.state.step).entered();
        let bytes = Checkpoint::encode(context, snapshot)?;
        let path = self.folder.join(format!("step-{:09}.ckpt", snapshot.state.step));
        write_atomic(self.storage, &path, &bytes).map_err(|source| self.io("write", &path, source))?;
        // What cannot be removed takes room but does no harm.
        let _ = self.prune(&path);
        Ok(path)
    }

    /// The newest checkpoint whose hash is right. Unfinished files are removed.
    ///
    /// Only damage makes it fall back to an older one. What cannot be read now may be good, and going on from an older file
    /// would remove it.
    ///
    /// # Errors
    /// [`CheckpointError::Io`] if the folder or the newest file that is not damaged cannot be read,
    /// [`CheckpointError::Version`] if that file has another format. A folder that is not there is empty.
    pub fn load(&self) -> Result<Found, CheckpointError> {
        let names = match self.storage.list(self.folder) {
            Ok(names) => names,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::default()),
            Err(source) => return Err(self.io("read", self.folder, source)),
        };
        let mut found = Found::default();
        for name in names.iter().rev() {
            let path = self.folder.join(name);
            if name.to_string_lossy().ends_with(TEMPORARY) {
                let _ = self.storage.remove(&path);
            } else if is_checkpoint(name) && found.newest.is_none() {
                match self.read(&path) {
                    Ok(checkpoint) => found.newest = Some((checkpoint, path)),
                    Err(error @ CheckpointError::Damaged { .. }) => found.damaged.push((path, error)),
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(found)
    }

    fn read(&self, path: &Path) -> Result<Checkpoint, CheckpointError> {
        let bytes = self.storage.read(path, Checkpoint::MAX_BYTES).map_err(|source| self.io("read", path, source))?;
        Checkpoint::decode(&bytes)
    }

    /// Removes all but the last few checkpoints up to this one, and those after it: they are of a
    /// run that was taken back to an older checkpoint.
    fn prune(&self, newest: &Path) -> std::io::Result<()> {
        let names = self.storage.list(self.folder)?;
        let checkpoints: Vec<_> = names.iter().filter(|name| is_checkpoint(name)).collect();
        let newest = newest.file_name().unwrap_or_default();
        let Some(at) = checkpoints.iter().position(|name| name.as_os_str() == newest) else { return Ok(()) };
        for (i, name) in checkpoints.iter().enumerate() {
            if i > at || i + self.keep_last <= at {
                self.storage.remove(&self.folder.join(name))?;
            }
        }
        Ok(())
    }

    fn io(&self, what: &'static str, path: &Path, source: std::io::Error) -> CheckpointError {
        CheckpointError::Io { what, path: path.to_owned(), source }
    }
}

fn is_checkpoint(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with("step-") && name.ends_with(".ckpt"))
}

impl From<CheckpointError> for TrainError {
    fn from(error: CheckpointError) -> Self {
        Self::Checkpoint(Box::new(error))
    }
}
