//! Every operation of a save is made to fail in every way: no older checkpoint is ever lost.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use distill_models::{MlpConfig, Network, Trainable};
use distill_train::{
    CheckpointContext, CheckpointError, CheckpointStore, Found, OptimizerConfig, Snapshot, Storage, StorageFile,
    TEMPORARY, TrainState, write_atomic,
};

/// What happens to the n-th operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It fails and has done nothing.
    Error(io::ErrorKind),
    /// A write takes a part of the bytes, without an error.
    ShortWrite,
    /// A write takes a part of the bytes and then fails: the disk is full.
    NoSpace,
    /// The process ends before it; nothing runs after that.
    Kill,
    /// The power goes before it: what was not synced is gone.
    PowerLoss,
}

const FAULTS: [Fault; 7] = [
    Fault::Error(io::ErrorKind::Other),
    Fault::Error(io::ErrorKind::Interrupted),
    Fault::Error(io::ErrorKind::ReadOnlyFilesystem),
    Fault::ShortWrite,
    Fault::NoSpace,
    Fault::Kill,
    Fault::PowerLoss,
];

/// A file: what a reader sees, and what is on the disk.
#[derive(Debug, Clone, Default)]
struct Data {
    seen: Vec<u8>,
    durable: Vec<u8>,
}

/// A folder in memory that knows what a loss of power would leave.
#[derive(Debug, Default)]
struct State {
    files: Vec<Data>,
    /// Name to file, as a reader sees it and as it is on the disk.
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    operations: usize,
    fault: Option<(usize, Fault)>,
    dead: bool,
}

#[derive(Debug, Clone, Default)]
struct Memory(Arc<Mutex<State>>);

struct OpenFile {
    memory: Memory,
    file: usize,
}

impl State {
    /// Counts an operation and says what is to happen to it.
    fn next(&mut self) -> io::Result<Option<Fault>> {
        if self.dead {
            return Err(io::Error::other("the process has ended"));
        }
        let fault = self.fault.filter(|&(at, _)| at == self.operations).map(|(_, fault)| fault);
        self.operations += 1;
        match fault {
            Some(Fault::Error(kind)) => Err(kind.into()),
            Some(Fault::Kill) => {
                self.dead = true;
                Err(io::Error::other("killed"))
            }
            Some(Fault::PowerLoss) => {
                self.dead = true;
                for file in &mut self.files {
                    file.seen = file.durable.clone();
                }
                self.names = self.durable_names.clone();
                Err(io::Error::other("no power"))
            }
            other => Ok(other),
        }
    }
}

impl Memory {
    /// The next process finds what this one has left.
    fn restart(&self) {
        let mut state = self.0.lock().unwrap();
        (state.dead, state.fault) = (false, None);
    }

    fn arm(&self, at: usize, fault: Fault) {
        let mut state = self.0.lock().unwrap();
        state.fault = Some((state.operations + at, fault));
    }

    fn fired(&self) -> bool {
        let state = self.0.lock().unwrap();
        state.fault.is_some_and(|(at, _)| at < state.operations)
    }
}

impl Storage for Memory {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn StorageFile>> {
        let mut state = self.0.lock().unwrap();
        state.next()?;
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = state.files.len();
        state.files.push(Data::default());
        state.names.insert(path.to_owned(), file);
        Ok(Box::new(OpenFile { memory: self.clone(), file }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.next()?;
        let file = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), file);
        Ok(())
    }

    fn sync_dir(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.next()?;
        // Names in other folders stay as they are on the disk.
        let inside = |path: &Path| path.parent() == Some(folder);
        state.durable_names.retain(|path, _| !inside(path));
        let names: Vec<_> = state.names.iter().filter(|(path, _)| inside(path)).map(|(p, &f)| (p.clone(), f)).collect();
        state.durable_names.extend(names);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.next()?;
        state.names.remove(path).map(|_| ()).ok_or(io::ErrorKind::NotFound.into())
    }

    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let mut state = self.0.lock().unwrap();
        state.next()?;
        let file = *state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        assert!(state.files[file].seen.len() as u64 <= limit);
        Ok(state.files[file].seen.clone())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        let mut state = self.0.lock().unwrap();
        state.next()?;
        let inside = state.names.keys().filter(|path| path.parent() == Some(folder));
        Ok(inside.filter_map(|path| path.file_name()).map(OsString::from).collect())
    }
}

impl StorageFile for OpenFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.memory.0.lock().unwrap();
        let fault = state.next()?;
        // Large writes come in pieces, so that faults hit the middle of a file too.
        let n = bytes.len().min(4096);
        let taken = if fault.is_some() { n / 2 } else { n };
        state.files[self.file].seen.extend_from_slice(&bytes[..taken]);
        if fault == Some(Fault::NoSpace) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(taken) }
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.memory.0.lock().unwrap();
        state.next()?;
        let file = &mut state.files[self.file];
        file.durable = file.seen.clone();
        Ok(())
    }
}

fn model() -> Network {
    let config = MlpConfig { hidden: vec![30], ..MlpConfig::default() };
    Network::new(config, vec![40], vec!["a".into(), "b".into()], 1).unwrap()
}

/// Three saves, of which one meets a fault, and then what a new process finds.
fn save_three(at: usize, fault: Fault) -> (bool, bool) {
    let memory = Memory::default();
    let folder = Path::new("checkpoints");
    let store = CheckpointStore::new(&memory, folder, 3);
    let model = model();
    let mut state = TrainState::new(OptimizerConfig::default(), model.params());
    let save = |state: &TrainState| store.save(&CheckpointContext::new(), Snapshot { params: model.params(), state });
    let mut saved = BTreeSet::new();
    // The first is there before anything goes wrong.
    for step in [10, 20, 30, 40, 50] {
        if step == 30 {
            memory.arm(at, fault);
        }
        state.step = step;
        if save(&state).is_ok() {
            saved.insert(step);
        }
    }
    let fired = memory.fired();
    memory.restart();
    check_what_is_left(&memory, &store, &saved, &format!("{fault:?} at operation {at}"));
    (fired, saved.len() == 5)
}

/// The newest checkpoint is as new as the last that was saved, nothing is damaged, and nothing unfinished is left.
fn check_what_is_left(memory: &Memory, store: &CheckpointStore<'_>, saved: &BTreeSet<u32>, what: &str) {
    let found = store.load().unwrap();
    let what = format!("{what}, saved {saved:?}");
    assert!(found.damaged.is_empty(), "{what}: {:?}", found.damaged);
    let newest = found.newest.map(|(checkpoint, _)| checkpoint.step());
    // A save that failed at its last operation may have left a good file all the same.
    assert!(newest >= saved.last().copied(), "{what}: the newest is {newest:?}");
    let names: Vec<PathBuf> = memory.0.lock().unwrap().names.keys().cloned().collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().ends_with(TEMPORARY)), "{what}: {names:?}");
    // Whatever has a name of a checkpoint can be read, whole.
    for name in &names {
        let bytes = memory.read(name, u64::MAX).unwrap();
        distill_train::Checkpoint::decode(&bytes).unwrap_or_else(|error| panic!("{what}: {name:?}: {error}"));
    }
}

#[test]
fn no_fault_loses_an_older_checkpoint() {
    let mut cases = 0;
    for fault in FAULTS {
        let mut lost = 0;
        for at in 0.. {
            let (fired, all) = save_three(at, fault);
            if !fired {
                break;
            }
            cases += 1;
            lost += usize::from(!all);
        }
        let harmless = [Fault::ShortWrite, Fault::Error(io::ErrorKind::Interrupted)].contains(&fault);
        // Faults have an effect, or this test proves nothing.
        assert!(harmless || lost > 0, "{fault:?}");
    }
    println!("{cases} faults in a save of five");
    assert!(cases > 150, "{cases}");
}

/// Numbers from a counter, the same everywhere: SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 32) as usize % n
    }
}

/// Saves with faults one after the other, also in the save that follows one, and in the process that follows a kill.
/// `n` says which; answers how many faults there were.
fn save_with_faults(n: u64) -> usize {
    let mut random = Random(n);
    let memory = Memory::default();
    let store = CheckpointStore::new(&memory, Path::new("checkpoints"), 1 + random.below(4));
    // From one piece to some twenty, and with as many slots as an optimizer has.
    let config = MlpConfig { hidden: vec![1 + random.below(200)], ..MlpConfig::default() };
    let model = Network::new(config, vec![40], vec!["a".into(), "b".into()], 1).unwrap();
    let mut state = TrainState::new(OptimizerConfig::default(), model.params());
    let (mut saved, mut n_faults) = (BTreeSet::new(), 0);
    for step in 1..=8 {
        if random.below(4) > 0 {
            memory.arm(random.below(25), FAULTS[random.below(FAULTS.len())]);
        }
        state.step = 10 * step;
        if store.save(&CheckpointContext::new(), Snapshot { params: model.params(), state: &state }).is_ok() {
            saved.insert(state.step);
        }
        n_faults += usize::from(memory.fired());
        memory.restart();
        check_what_is_left(&memory, &store, &saved, &format!("case {n}, save {step}"));
    }
    n_faults
}

/// `DISTILL_TEST_FAULTS` saves, from the number `DISTILL_TEST_FIRST` on.
#[test]
fn no_row_of_faults_loses_a_checkpoint() {
    let number = |name: &str, default| std::env::var(name).map_or(default, |text| text.parse().expect(name));
    let (n, first) = (number("DISTILL_TEST_FAULTS", 1000), number("DISTILL_TEST_FIRST", 0));
    let start = std::time::Instant::now();
    let n_faults: usize = (first..first + n).map(save_with_faults).sum();
    println!("campaign faults cases={n} faults={n_faults} seconds={:.3}", start.elapsed().as_secs_f64());
    assert!(n < 100 || n_faults > 3 * n as usize, "{n_faults} faults in {n} cases");
}

/// Five checkpoints, of which the last three are kept.
fn saved_five(memory: &Memory) {
    let (store, model) = (CheckpointStore::new(memory, Path::new("checkpoints"), 3), model());
    let mut state = TrainState::new(OptimizerConfig::default(), model.params());
    for step in [10, 20, 30, 40, 50] {
        state.step = step;
        store.save(&CheckpointContext::new(), Snapshot { params: model.params(), state: &state }).unwrap();
    }
}

#[test]
fn only_damage_makes_an_older_checkpoint_the_newest() {
    let memory = Memory::default();
    saved_five(&memory);
    let load = || CheckpointStore::new(&memory, Path::new("checkpoints"), 3).load();
    let newest = |found: Found| found.newest.map(|(checkpoint, _)| checkpoint.step());
    // The first operation lists the folder, the second reads the newest.
    for kind in [io::ErrorKind::Other, io::ErrorKind::PermissionDenied] {
        memory.arm(1, Fault::Error(kind));
        let error = load().unwrap_err();
        assert!(matches!(&error, CheckpointError::Io { path, .. } if path.ends_with("step-000000050.ckpt")), "{error}");
        memory.restart();
        assert_eq!(newest(load().unwrap()), Some(50));
    }
    let flip = |at: usize, bits: u8| {
        let mut state = memory.0.lock().unwrap();
        let file = state.names[Path::new("checkpoints/step-000000050.ckpt")];
        state.files[file].seen[at] ^= bits;
    };
    // Another format version, as a newer program would write it.
    flip(8, 5);
    assert!(matches!(load(), Err(CheckpointError::Version { actual: 7, .. })));
    flip(8, 5);
    flip(100, 1);
    let found = load().unwrap();
    assert_eq!((found.damaged.len(), newest(found)), (1, Some(40)));
}

/// A folder whose names are listed late.
struct Late(Memory);

impl Storage for Late {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn StorageFile>> {
        self.0.create_new(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn sync_dir(&self, folder: &Path) -> io::Result<()> {
        self.0.sync_dir(folder)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.remove(path)
    }

    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        self.0.read(path, limit)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        let mut names = self.0.list(folder)?;
        names.pop();
        Ok(names)
    }
}

#[test]
fn a_new_checkpoint_that_is_not_listed_yet_removes_no_other() {
    let late = Late(Memory::default());
    saved_five(&late.0);
    let model = model();
    let mut state = TrainState::new(OptimizerConfig::default(), model.params());
    state.step = 60;
    let store = CheckpointStore::new(&late, Path::new("checkpoints"), 3);
    store.save(&CheckpointContext::new(), Snapshot { params: model.params(), state: &state }).unwrap();
    assert_eq!(late.0.list(Path::new("checkpoints")).unwrap().len(), 4);
}

#[test]
fn a_file_is_old_or_new_and_never_between() {
    let path = Path::new("results/result.json");
    let (old, new) = (vec![1_u8; 9000], vec![2_u8; 10_000]);
    for fault in FAULTS {
        for at in 0.. {
            let memory = Memory::default();
            write_atomic(&memory, path, &old).unwrap();
            memory.arm(at, fault);
            let written = write_atomic(&memory, path, &new);
            let fired = memory.fired();
            memory.restart();
            let bytes = memory.read(path, u64::MAX).unwrap();
            assert!(bytes == old || bytes == new, "{fault:?} at {at}");
            assert!(written.is_err() || bytes == new, "{fault:?} at {at}");
            if !fired {
                break;
            }
        }
    }
}
