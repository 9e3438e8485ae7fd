use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use distill_datasets::DataError;

use distill_recipe::Diagnostic;
use distill_recipe::words::thousands;

use crate::wrong::bad_row;

/// No tree of files is deeper, and no way through one goes in circles for ever.
const MAX_DEPTH: usize = 16;

/// Files to be answered.
#[derive(Debug)]
pub struct Files {
    /// In their order.
    pub found: Vec<PathBuf>,
    /// What was left out of folders, in sentences.
    pub notes: Vec<String>,
}

/// The files to be answered: those that are named, and in place of a folder the pictures and recordings in it and in its folders, in the order
/// of their names.
///
/// # Errors
/// If a folder cannot be read or has neither pictures nor recordings. A file that is not there is no error here, but for [`Source::open`](crate::Source::open).
pub fn files(named: &[PathBuf]) -> Result<Files, Diagnostic> {
    let (mut found, mut notes) = (vec![], vec![]);
    for path in named {
        if !path.is_dir() {
            found.push(path.clone());
            continue;
        }
        let mut folder = Folder::default();
        folder.walk(path, MAX_DEPTH)?;
        if let Some(other) = &folder.other {
            let more = match folder.n_other - 1 {
                0 => String::new(),
                n => format!(" and {} more", thousands(n as u64)),
            };
            notes.push(format!("left out, not PNG, JPEG or WAV: {}{more}", other.display()));
        }
        if folder.read.is_empty() {
            return Err(bad_row(path.display(), "the folder has no pictures and no recordings")
                .note("a folder is read for PNG, JPEG and WAV files, in it and in its folders")
                .help(
                    "name a folder of pictures or recordings, or one file after the other; `distill eval` takes a folder with labels",
                ));
        }
        found.append(&mut folder.read);
    }
    Ok(Files { found, notes })
}

/// What is in a folder.
#[derive(Debug, Default)]
struct Folder {
    read: Vec<PathBuf>,
    /// The first file that is neither picture nor recording, and how many there are.
    other: Option<PathBuf>,
    n_other: usize,
}

impl Folder {
    fn walk(&mut self, dir: &Path, depth: usize) -> Result<(), Diagnostic> {
        let io = |source| Diagnostic::from(DataError::Io { path: dir.to_owned(), source });
        let mut paths = vec![];
        for entry in fs::read_dir(dir).map_err(io)? {
            paths.push(entry.map_err(io)?.path());
        }
        paths.sort();
        for path in paths {
            let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if is_hidden {
                continue;
            }
            if path.is_dir() {
                if depth > 0 {
                    self.walk(&path, depth - 1)?;
                }
            } else if is_read(&path)? {
                self.read.push(path);
            } else {
                self.n_other += 1;
                self.other.get_or_insert(path);
            }
        }
        Ok(())
    }
}

/// Whether a file begins as PNG, JPEG or WAV do.
fn is_read(path: &Path) -> Result<bool, Diagnostic> {
    // Whoever opens a pipe waits for ever.
    if !path.is_file() {
        return Ok(false);
    }
    let mut start = vec![];
    File::open(path)
        .and_then(|file| file.take(12).read_to_end(&mut start))
        .map_err(|source| Diagnostic::from(DataError::Io { path: path.to_owned(), source }))?;
    let is_wav = start.starts_with(b"RIFF") && start.ends_with(b"WAVE");
    Ok(is_wav || start.starts_with(b"\x89PNG") || start.starts_with(b"\xff\xd8\xff"))
}
