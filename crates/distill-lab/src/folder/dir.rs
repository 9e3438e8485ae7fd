use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use distill_train::{Disk, Role, Storage as _, TEMPORARY};

use distill_recipe::Code;
use distill_recipe::Diagnostic;
use distill_recipe::atomic;
use distill_recipe::words::shell;

/// How often a lock is tried again.
const LOCK_RETRIES: u32 = 5;

/// Nobody makes more runs of one recipe.
const MAX_NUMBER: u32 = 1_000_000_000;

/// What a directory is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The models of a recipe.
    Run,
    /// Trials of settings.
    Sweep,
    /// The rows of a paper.
    Study,
}

impl Kind {
    /// The file that says how it stands; without it a directory is not one of this kind.
    pub fn status_file(self) -> &'static str {
        match self {
            Self::Run => super::status::FILE,
            Self::Sweep => "sweep.toml",
            Self::Study => "study.toml",
        }
    }

    /// The file in the folder of runs that names the last one.
    pub(crate) fn latest_file(self) -> &'static str {
        match self {
            Self::Run => "LATEST",
            Self::Sweep => "LATEST-SWEEP",
            Self::Study => "LATEST-STUDY",
        }
    }

    /// What people call it.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Sweep => "sweep",
            Self::Study => "study",
        }
    }

    fn example(self) -> &'static str {
        match self {
            Self::Run => "runs/mnist-001",
            Self::Sweep => "runs/mnist-sweep-001",
            Self::Study => "runs/hinton-2015",
        }
    }

    /// How one goes on with a directory of this kind.
    fn resume(self, path: &Path) -> String {
        let path = path.to_string_lossy();
        match self {
            Self::Study => shell(["distill", "reproduce", path.rsplit(['/', '\\']).next().unwrap_or_default()]),
            Self::Run | Self::Sweep => shell(["distill", self.noun(), "--resume", &*path]),
        }
    }
}

/// The directory of one run: `runs/mnist-001`, or of a sweep: `runs/mnist-sweep-001`. Numbers go up
/// and nothing is overwritten.
///
/// As long as this lives, no other process writes there.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    kind: Kind,
    /// Locked; the operating system unlocks it when the process ends, in whatever way.
    _lock: File,
}

impl RunDir {
    /// Makes the next free directory for a run of a recipe of this name.
    pub(crate) fn create(runs_dir: &Path, name: &str) -> Result<Self, Diagnostic> {
        Self::create_of(Kind::Run, runs_dir, name)
    }

    /// Makes the next free directory of this name.
    pub(crate) fn create_of(kind: Kind, runs_dir: &Path, name: &str) -> Result<Self, Diagnostic> {
        let failed = |path: &Path, error| {
            Diagnostic::io("cannot make the run directory", Some(path), error)
                .help("check the folder and its permissions, or choose another one with `--runs-dir`")
        };
        durable_folder(runs_dir).map_err(|error| failed(runs_dir, error))?;
        let mut number = last_number(runs_dir, name).map_err(|error| failed(runs_dir, error))? + 1;
        loop {
            let path = runs_dir.join(format!("{name}-{number:03}"));
            match fs::create_dir(&path) {
                Ok(()) => {
                    sync(runs_dir).map_err(|error| failed(runs_dir, error))?;
                    return Ok(Self { _lock: lock(&path)?, path, kind });
                }
                // Another run took the number in between.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(failed(&path, error)),
            }
        }
    }

    /// The directory of a study, which has no number: whoever does it again goes on there.
    ///
    /// # Errors
    /// If it cannot be made, or another process writes there ([`Code::Locked`]).
    pub fn study(runs_dir: &Path, name: &str) -> Result<Self, Diagnostic> {
        let path = runs_dir.join(name);
        make_folder(&path)?;
        let dir = Self { _lock: lock(&path)?, path, kind: Kind::Study };
        dir.remove_unfinished(&dir.path);
        Ok(dir)
    }

    /// Opens the directory of a run to go on with it: a path, or `latest`.
    pub(crate) fn open(runs_dir: &Path, run: &Path) -> Result<Self, Diagnostic> {
        Self::open_of(Kind::Run, runs_dir, run)
    }

    /// As [`RunDir::open`], for either kind.
    pub(crate) fn open_of(kind: Kind, runs_dir: &Path, run: &Path) -> Result<Self, Diagnostic> {
        let path = find_of(kind, runs_dir, run)?;
        let dir = Self { _lock: lock(&path)?, path, kind };
        dir.remove_unfinished(&dir.path);
        Ok(dir)
    }

    /// The folder; a relative path where the folder of runs is one.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is of a run, a sweep or a study.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Makes it the one that `latest` means, once it can be gone on with.
    pub(crate) fn name_as_latest(&self) -> Result<(), Diagnostic> {
        match (self.path.parent(), self.path.file_name()) {
            (Some(runs_dir), Some(name)) => {
                atomic::write(&runs_dir.join(self.kind.latest_file()), format!("{}\n", name.display()).as_bytes())
            }
            _ => Ok(()),
        }
    }

    /// Writes a file of the run, and its folder where that is missing, and returns its path.
    ///
    /// # Errors
    /// [`Code::Io`] if it cannot be written; what the name held before is still there then.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Diagnostic> {
        let path = self.path.join(name);
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        atomic::write(&path, bytes)?;
        Ok(path)
    }

    /// The folder of a model's checkpoints.
    pub(crate) fn checkpoints(&self, role: Role, seed: u64) -> Result<PathBuf, Diagnostic> {
        let folder = self.path.join("checkpoints").join(format!("{}-seed{seed}", role.name()));
        make_folder(&folder)?;
        Ok(folder)
    }

    /// Removes the checkpoints of a model, which is finished. What cannot be removed takes room but does no harm.
    pub(crate) fn remove_checkpoints(&self, role: Role, seed: u64) {
        let _ = fs::remove_dir_all(self.path.join("checkpoints").join(format!("{}-seed{seed}", role.name())));
    }

    /// Where the weights of a model are.
    pub(crate) fn weights(&self, role: Role, seed: u64) -> PathBuf {
        self.path.join(weights_name(role, seed))
    }

    /// Removes what a process that was ended in between has left. Nobody else writes here.
    fn remove_unfinished(&self, folder: &Path) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.remove_unfinished(&entry.path());
            } else if entry.file_name().to_string_lossy().ends_with(TEMPORARY) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// The name of a weights file within the run directory.
pub(crate) fn weights_name(role: Role, seed: u64) -> String {
    format!("weights/{}-seed{seed}.safetensors", role.name())
}

/// The directory of a run that exists: a path, or `latest`.
///
/// # Errors
/// [`Code::NotResumable`] if there is none.
pub fn find(runs_dir: &Path, run: &Path) -> Result<PathBuf, Diagnostic> {
    find_of(Kind::Run, runs_dir, run)
}

/// The directory of a run or a sweep that exists: a path, or `latest`.
fn find_of(kind: Kind, runs_dir: &Path, run: &Path) -> Result<PathBuf, Diagnostic> {
    let (noun, example) = (kind.noun(), kind.example());
    let path = if run == Path::new("latest") {
        let latest = runs_dir.join(kind.latest_file());
        let name = fs::read_to_string(&latest).map_err(|error| {
            Diagnostic::new(Code::NotResumable, format!("there is no latest {noun}"))
                .at(latest.display())
                .note(error.to_string())
                .help(format!("name a {noun}, such as `{example}`, or the folder of runs with `--runs-dir`"))
        })?;
        let named = runs_dir.join(name.trim());
        if !named.exists() {
            return Err(Diagnostic::new(Code::NotResumable, format!("the latest {noun}, `{}`, is gone", name.trim()))
                .at(latest.display())
                .note("it was moved, renamed or removed")
                .help(format!("name a {noun}, such as `{example}`")));
        }
        named
    } else {
        run.to_owned()
    };
    if path.join(kind.status_file()).is_file() {
        return Ok(path);
    }
    let diagnostic = Diagnostic::new(Code::NotResumable, format!("this is not the directory of a {noun}"));
    let is = |other: &Kind| *other != kind && path.join(other.status_file()).is_file();
    let diagnostic = match [Kind::Run, Kind::Sweep, Kind::Study].into_iter().find(is) {
        Some(other) => diagnostic.help(format!("it is that of a {}: `{}`", other.noun(), other.resume(&path))),
        None => diagnostic,
    };
    Err(diagnostic
        .at(path.display())
        .note(format!("a {noun} has a file `{}`", kind.status_file()))
        .help(format!("name a {noun}, such as `{example}`, or `latest`")))
}

fn make_folder(folder: &Path) -> Result<(), Diagnostic> {
    durable_folder(folder).map_err(|error| {
        Diagnostic::io("cannot make a folder of the run", Some(folder), error)
            .help("check the run directory and its permissions")
    })
}

/// Makes a folder and those above it that are missing. Each of them gets its name durably: a file in a folder whose name is
/// lost is lost, whatever was done to make the file durable.
pub(crate) fn durable_folder(folder: &Path) -> io::Result<()> {
    make_folders(folder, &sync)
}

fn sync(folder: &Path) -> io::Result<()> {
    Disk.sync_dir(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
}

fn make_folders(folder: &Path, sync: &dyn Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().unwrap_or(Path::new(""));
    make_folders(parent, sync)?;
    match fs::create_dir(folder) {
        // Another process made it in between.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
        other => other?,
    }
    sync(parent)
}

/// Makes sure that no other process writes to a run.
fn lock(dir: &Path) -> Result<File, Diagnostic> {
    let path = dir.join("LOCK");
    let failed =
        |error| Diagnostic::io("cannot lock the run directory", Some(&path), error).help("check its permissions");
    let mut options = OpenOptions::new();
    let mut file = options.read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
    // Whoever only asks whether it is locked holds it for a moment.
    let mut tried = file.try_lock();
    for _ in 0..LOCK_RETRIES {
        if !matches!(tried, Err(TryLockError::WouldBlock)) {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
        tried = file.try_lock();
    }
    match tried {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let _ = file.take(20).read_to_string(&mut pid);
            return Err(Diagnostic::new(Code::Locked, format!("process {} is writing this run", pid.trim()))
                .at(dir.display())
                .help("wait for it to end, or stop it; it saves its work when it is interrupted"));
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    let pid = format!("{}\n", std::process::id());
    file.set_len(0).and_then(|()| file.write_all(pid.as_bytes())).map_err(failed)?;
    Ok(file)
}

/// Whether a process is writing a run.
pub(crate) fn is_locked(dir: &Path) -> bool {
    let file = File::open(dir.join("LOCK"));
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
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
        let create = |name| {
            let run = RunDir::create(dir.path(), name).unwrap();
            run.name_as_latest().unwrap();
            run.path().file_name().unwrap().to_owned()
        };
        assert_eq!(create("mnist"), "mnist-001");
        assert_eq!(create("mnist"), "mnist-002");
        assert_eq!(create("other"), "other-001");
        fs::remove_dir_all(dir.path().join("mnist-001")).unwrap();
        fs::create_dir(dir.path().join(format!("mnist-{}", u32::MAX))).unwrap();
        assert_eq!(create("mnist"), "mnist-003");
        assert_eq!(fs::read_to_string(dir.path().join("LATEST")).unwrap(), "mnist-003\n");
        // Runs and sweeps do not take each other's numbers, and `latest` is one of each.
        let sweep = RunDir::create_of(Kind::Sweep, dir.path(), "mnist-sweep").unwrap();
        sweep.name_as_latest().unwrap();
        assert!(sweep.path().ends_with("mnist-sweep-001"));
        assert_eq!(create("mnist"), "mnist-004");
        assert_eq!(fs::read_to_string(dir.path().join("LATEST-SWEEP")).unwrap(), "mnist-sweep-001\n");
    }

    #[test]
    fn new_folders_get_durable_names() {
        let dir = tempfile::tempdir().unwrap();
        let synced = std::cell::RefCell::new(vec![]);
        let record = |folder: &Path| {
            synced.borrow_mut().push(folder.strip_prefix(dir.path()).unwrap().to_owned());
            Ok(())
        };
        let folder = dir.path().join("mnist-001/checkpoints/student-seed1");
        for expected in [&["", "mnist-001", "mnist-001/checkpoints"][..], &[]] {
            make_folders(&folder, &record).unwrap();
            assert!(folder.is_dir());
            assert_eq!(synced.take(), expected.iter().map(PathBuf::from).collect::<Vec<_>>());
        }
        fs::write(dir.path().join("file"), b"").unwrap();
        assert!(make_folders(&dir.path().join("file/below"), &record).is_err());
    }

    #[test]
    fn one_writer_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::create(dir.path(), "mnist").unwrap();
        run.write(super::super::status::FILE, b"").unwrap();
        run.name_as_latest().unwrap();
        assert!(is_locked(run.path()));
        let error = RunDir::open(dir.path(), Path::new("latest")).unwrap_err().to_string();
        let pid = std::process::id();
        assert!(error.starts_with(&format!("error[E0502]: process {pid} is writing this run")), "{error}");
        let path = run.path().to_owned();
        fs::write(path.join("x.tmp"), b"").unwrap();
        drop(run);
        assert!(!is_locked(&path));
        RunDir::open(dir.path(), &path).unwrap();
        assert!(!path.join("x.tmp").exists());
    }
}
