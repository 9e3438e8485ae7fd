use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::dir::{Kind, RunDir};
use distill_recipe::Code;
use distill_recipe::Diagnostic;

/// What the name of a directory ends with while its files are being removed.
const REMOVED: &str = ".removed";

/// Takes hold of directories of any kind, by their paths or their names in the folder of runs, so that nobody writes there.
///
/// # Errors
/// If one of them is no such directory, or another process writes there ([`Code::Locked`]).
pub fn claim(runs_dir: &Path, named: &[PathBuf]) -> Result<Vec<RunDir>, Diagnostic> {
    let mut found: Vec<(Kind, PathBuf)> = vec![];
    for name in named {
        let (kind, path) = locate(runs_dir, name)?;
        let is_same = |other: &Path| fs::canonicalize(other).ok() == fs::canonicalize(&path).ok();
        if !found.iter().any(|(_, other)| is_same(other)) {
            found.push((kind, path));
        }
    }
    found.into_iter().map(|(kind, path)| RunDir::open_of(kind, runs_dir, &path)).collect()
}

fn locate(runs_dir: &Path, named: &Path) -> Result<(Kind, PathBuf), Diagnostic> {
    let kind_of = |path: &Path| {
        let is = |kind: &Kind| path.join(kind.status_file()).is_file();
        [Kind::Run, Kind::Sweep, Kind::Study].into_iter().find(is)
    };
    let in_runs = runs_dir.join(named);
    let found = [named.to_owned(), in_runs].into_iter().find_map(|path| Some((kind_of(&path)?, path)));
    found.ok_or_else(|| {
        Diagnostic::new(Code::NotResumable, "this is not the directory of a run, a sweep or a study")
            .at(named.display())
            .note("nothing was removed")
            .help("name a run, such as `runs/mnist-001`; `distill runs` lists them")
    })
}

/// Removes a directory with all that is in it. It is renamed first, so that it is a run or none at any moment.
///
/// # Errors
/// [`Code::Io`] if the system refuses. The rest is then no longer a run, and [`remove_rest`] removes it.
pub fn remove(dir: &RunDir) -> Result<(), Diagnostic> {
    let path = dir.path();
    let failed = |path: &Path, error: io::Error| {
        Diagnostic::io("cannot remove the directory", Some(path), error)
            .help("check its permissions and those of its folder")
    };
    // The last part may be `.` or `..`.
    let path = fs::canonicalize(path).map_err(|error| failed(path, error))?;
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(failed(&path, io::ErrorKind::InvalidInput.into()));
    };
    let leaving = parent.join(format!(".{}{REMOVED}", name.display()));
    fs::rename(&path, &leaving).map_err(|error| failed(&path, error))?;
    let latest = parent.join(dir.kind().latest_file());
    if fs::read_to_string(&latest).is_ok_and(|text| text.trim() == name.to_string_lossy()) {
        let _ = fs::remove_file(&latest);
    }
    fs::remove_dir_all(&leaving).map_err(|error| failed(&leaving, error))
}

/// Removes what a process has left that was ended while it removed.
pub fn remove_rest(runs_dir: &Path) {
    let is_rest = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        name.starts_with('.') && name.ends_with(REMOVED)
    };
    let entries = fs::read_dir(runs_dir).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()).filter(is_rest) {
        let _ = fs::remove_dir_all(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_removed_whole_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let run = RunDir::create(folder.path(), name).unwrap();
            run.write("run.toml", b"").unwrap();
            run.write("weights/w.safetensors", b"123").unwrap();
            run.name_as_latest().unwrap();
            run.path().to_owned()
        };
        let (first, second) = (make("a"), make("a"));
        fs::create_dir(folder.path().join(".a-000.removed")).unwrap();
        let outside = folder.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("kept"), b"").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(&outside, second.join("link")).unwrap();

        let claimed = claim(folder.path(), &["a-002".into(), second.clone()]).unwrap();
        assert_eq!(claimed.len(), 1, "one that is named twice is one");
        remove(&claimed[0]).unwrap();
        assert!(first.is_dir() && !second.exists() && outside.join("kept").exists());
        assert!(!folder.path().join("LATEST").exists(), "it named the run that is gone");
        remove_rest(folder.path());
        assert!(!folder.path().join(".a-000.removed").exists());
        for nothing in ["a-002", "outside", ".", ".."] {
            let error = claim(folder.path(), &[folder.path().join(nothing)]).unwrap_err().to_string();
            assert!(error.contains("not the directory of a run") && error.contains("nothing was removed"), "{error}");
        }
        // Who writes it keeps it.
        let held = RunDir::open(folder.path(), &first).unwrap();
        assert!(claim(folder.path(), &[first]).unwrap_err().to_string().starts_with("error[E0502]"));
        drop(held);
    }
}
