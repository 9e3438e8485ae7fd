use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::atomic;
use crate::diagnostic::Diagnostic;

/// Nobody makes more runs of one recipe.
const MAX_NUMBER: u32 = 1_000_000_000;

/// The directory of one run: `runs/mnist-001`. Numbers go up and nothing is overwritten.
#[derive(Debug)]
pub(crate) struct RunDir {
    path: PathBuf,
}

impl RunDir {
    /// Makes the next free directory for a recipe of this name, with its folders.
    pub(crate) fn create(runs_dir: &Path, name: &str) -> Result<Self, Diagnostic> {
        let failed = |path: &Path, error| {
            Diagnostic::io("cannot make the run directory", Some(path), error)
                .help("check the folder and who may write to it, or choose another one with `--runs-dir`")
        };
        fs::create_dir_all(runs_dir).map_err(|error| failed(runs_dir, error))?;
        let mut number = last_number(runs_dir, name).map_err(|error| failed(runs_dir, error))? + 1;
        loop {
            let path = runs_dir.join(format!("{name}-{number:03}"));
            match fs::create_dir(&path) {
                Ok(()) => {
                    let weights = path.join("weights");
                    fs::create_dir(&weights).map_err(|error| failed(&weights, error))?;
                    return Ok(Self { path });
                }
                // Another run took the number in between.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(failed(&path, error)),
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file of the run and returns its path.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Diagnostic> {
        let path = self.path.join(name);
        atomic::write(&path, bytes)?;
        Ok(path)
    }
}

/// The highest number of the directories `name-NNN`, or 0.
fn last_number(runs_dir: &Path, name: &str) -> io::Result<u32> {
    let mut last = 0;
    for entry in fs::read_dir(runs_dir)? {
        let file_name = entry?.file_name();
        let number = file_name.to_str().and_then(|file_name| file_name.strip_prefix(name)?.strip_prefix('-'));
        // Whatever has a larger number was not made here.
        if let Some(number) = number.and_then(|number| number.parse().ok()).filter(|&number| number < MAX_NUMBER) {
            last = last.max(number);
        }
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_up_and_are_not_used_again() {
        let dir = tempfile::tempdir().unwrap();
        let create = |name| RunDir::create(dir.path(), name).unwrap().path().file_name().unwrap().to_owned();
        assert_eq!(create("mnist"), "mnist-001");
        assert_eq!(create("mnist"), "mnist-002");
        assert_eq!(create("other"), "other-001");
        fs::remove_dir_all(dir.path().join("mnist-001")).unwrap();
        fs::create_dir(dir.path().join(format!("mnist-{}", u32::MAX))).unwrap();
        assert_eq!(create("mnist"), "mnist-003");
    }
}
