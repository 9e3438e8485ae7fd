use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

/// The operations that durable files are made of.
///
/// It is a trait so that each of them can be made to fail in a test; programs use [`Disk`].
pub trait Storage: Send + Sync {
    /// Makes a file that must not exist yet.
    ///
    /// # Errors
    /// What the operating system says.
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn StorageFile>>;

    /// Gives a file another name, and replaces what had it, in one step.
    ///
    /// # Errors
    /// What the operating system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// What the operating system says.
    fn sync_dir(&self, folder: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the operating system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Reads a regular file of at most `limit` bytes.
    ///
    /// # Errors
    /// What the operating system says; [`io::ErrorKind::FileTooLarge`] above the limit.
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>>;

    /// The names in a folder, sorted.
    ///
    /// # Errors
    /// What the operating system says.
    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>>;
}

/// A file that is being written.
pub trait StorageFile {
    /// Writes some of the bytes and says how many.
    ///
    /// # Errors
    /// What the operating system says.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Makes what was written durable.
    ///
    /// # Errors
    /// What the operating system says.
    fn sync(&mut self) -> io::Result<()>;
}

/// The file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl Storage for Disk {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn StorageFile>> {
        Ok(Box::new(OpenOptions::new().write(true).create_new(true).open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_dir(&self, folder: &Path) -> io::Result<()> {
        // Elsewhere a folder cannot be opened as a file, and a rename is durable by itself.
        if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let metadata = fs::metadata(path)?;
        if !metadata.is_file() {
            // Only a regular file has a length that can be looked at before it is read, and opening
            // another one may wait for ever.
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        if metadata.len() > limit {
            let message = format!("the file has {} bytes, at most {limit} are read", metadata.len());
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
        File::open(path)?.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        let mut names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }
}

impl StorageFile for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::Write::write(self, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.flush()?;
        self.sync_all()
    }
}

/// The end of the names of files that are not finished. Whoever finds one may remove it.
pub const TEMPORARY: &str = ".tmp";

/// Writes a file so that its name holds either all of the bytes or what it held before, whatever
/// happens in between, and so that it is durable when this returns.
///
/// The bytes go to a temporary file in the same folder and reach the disk before it gets the name.
///
/// # Errors
/// What the operating system says. The temporary file is then removed, if that can be done.
pub fn write_atomic(storage: &dyn Storage, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}{TEMPORARY}", std::process::id()));
    let temporary = path.with_file_name(name);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = write_all(storage, &temporary, bytes)
        .and_then(|()| storage.rename(&temporary, path))
        .and_then(|()| storage.sync_dir(folder));
    if written.is_err() {
        // After the rename there is no such file, and the complete one stays.
        let _ = storage.remove(&temporary);
    }
    written
}

fn write_all(storage: &dyn Storage, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = match storage.create_new(path) {
        // A process of the same number was ended here before, as happens in containers.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            storage.remove(path)?;
            storage.create_new(path)?
        }
        other => other?,
    };
    let mut rest = bytes;
    while !rest.is_empty() {
        match file.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => rest = &rest[n.min(rest.len())..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    file.sync()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_and_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("result.json");
        write_atomic(&Disk, &path, b"one").unwrap();
        write_atomic(&Disk, &path, b"two").unwrap();
        assert_eq!(Disk.read(&path, 3).unwrap(), b"two");
        assert_eq!(Disk.list(dir.path()).unwrap(), ["result.json"]);
        assert_eq!(Disk.read(&path, 2).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(Disk.read(dir.path(), 9).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert!(write_atomic(&Disk, &path.join("below a file"), b"x").is_err());
    }
}
