use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use distill_datasets::Dataset;
use distill_models::{Model as _, Network, Provenance, from_safetensors, to_safetensors};
use distill_train::{Disk, Observer, Snapshot, StepReport, Storage as _, write_atomic};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{SolverConfig, Specialist, SpecialistConfig, SpecialistError, SpecialistSystem};

/// The file that makes a folder a system. It is written last.
const MANIFEST: &str = "system.json";
const VERSION: u32 = 2;
/// Under this name a specialist's file says what it was trained from.
const KEY: &str = "specialist_key";
const MAX_MANIFEST: u64 = 16 << 20;
const MAX_MODEL: u64 = 4 << 30;

/// What a system is made of: `system.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    version: u32,
    top: usize,
    tolerance: f64,
    generalist: ModelFile,
    specialists: Vec<SpecialistFile>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelFile {
    file: String,
    sha256: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SpecialistFile {
    file: String,
    sha256: String,
    classes: Vec<u32>,
}

/// What files a system, or one of its models, was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemFiles {
    /// Bytes of all of them.
    pub n_bytes: usize,
    /// SHA-256 in hexadecimal. That of a system is of its list of files, which has the hash of each.
    pub sha256: String,
}

/// All that the specialists of a system need to be trained.
#[derive(Clone, Copy)]
pub struct SystemTraining<'a> {
    /// Where they start.
    pub generalist: &'a Network,
    /// What all of them learn from, each from its part.
    pub data: &'a Arc<dyn Dataset>,
    /// Says which data it is.
    pub data_sha256: &'a str,
    /// The classes of each.
    pub clusters: &'a [Vec<u32>],
    /// How each of them is trained.
    pub config: &'a SpecialistConfig,
    /// How many of the generalist's most probable classes choose who is asked.
    pub top: usize,
    /// Asked after every step, from any thread: whether to stop. What is in progress is then lost, all else is kept.
    pub stop: &'a (dyn Fn() -> bool + Sync),
}

/// An observer that stops training on request.
struct Stoppable<'a>(&'a (dyn Fn() -> bool + Sync));

impl Observer for Stoppable<'_> {
    fn step(&mut self, _report: &StepReport, _snapshot: Snapshot<'_>) -> ControlFlow<()> {
        if (self.0)() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// A folder with a generalist and its specialists, each in a safetensors file.
///
/// Specialists are trained beside each other and written as soon as they are done, so whatever stops the training loses
/// only those that were not: the same call trains what is missing.
#[derive(Debug, Clone)]
pub struct SystemFolder {
    path: PathBuf,
}

impl SystemFolder {
    /// The folder, which need not be there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Whether a whole system is there.
    pub fn is_one(path: &Path) -> bool {
        path.join(MANIFEST).is_file()
    }

    /// Trains a specialist for each cluster, on all threads, and writes the system. `done` hears of each specialist that was
    /// trained, from any thread.
    ///
    /// # Errors
    /// The first one of training; all other specialists are trained and kept all the same.
    pub fn train(
        &self,
        training: &SystemTraining<'_>,
        done: &(dyn Fn(usize) + Sync),
    ) -> Result<SpecialistSystem, SpecialistError> {
        let SystemTraining { generalist, data, data_sha256, clusters, config, top, stop } = *training;
        std::fs::create_dir_all(&self.path).map_err(|source| io(&self.path, source))?;
        let bytes = to_safetensors(generalist, &Provenance::new())?;
        let generalist_file = ModelFile { file: "generalist.safetensors".to_owned(), sha256: sha256(&bytes) };
        self.write(&generalist_file.file, &bytes)?;
        let one = |(number, classes): (usize, &Vec<u32>)| {
            let key = sha256(format!("{} {data_sha256} {classes:?} {config:?}", generalist_file.sha256).as_bytes());
            let file = format!("specialist-{number:03}.safetensors");
            if let Ok(kept) = self.specialist(number, &file, generalist, classes)
                && kept.1.get(KEY) == Some(&key)
            {
                return Ok((kept.0, SpecialistFile { file, sha256: kept.2.sha256, classes: classes.clone() }));
            }
            let specialist = Specialist::train(number, generalist, data, classes, config, &mut Stoppable(stop))?;
            let bytes = to_safetensors(specialist.model(), &[(KEY.to_owned(), key)].into())?;
            self.write(&file, &bytes)?;
            done(number);
            Ok((specialist, SpecialistFile { file, sha256: sha256(&bytes), classes: classes.clone() }))
        };
        let trained: Vec<Result<_, SpecialistError>> = clusters.par_iter().enumerate().map(one).collect();
        let trained: Vec<(Specialist, SpecialistFile)> = trained.into_iter().collect::<Result<_, _>>()?;
        let (specialists, files): (Vec<_>, Vec<_>) = trained.into_iter().unzip();
        let solver = SolverConfig::default();
        let manifest = Manifest {
            version: VERSION,
            top,
            tolerance: solver.tolerance,
            generalist: generalist_file,
            specialists: files,
        };
        let json = serde_json::to_string_pretty(&manifest).map_err(|error| self.damaged(MANIFEST, error))?;
        let system = SpecialistSystem::new(Arc::new(generalist.clone()), specialists, top, solver)?;
        self.write(MANIFEST, format!("{json}\n").as_bytes())?;
        Ok(system)
    }

    /// Reads a system.
    ///
    /// # Errors
    /// [`SpecialistError::Io`] and [`SpecialistError::File`] with the file that is missing, damaged or another one than
    /// was written.
    pub fn load(&self) -> Result<SpecialistSystem, SpecialistError> {
        Ok(self.load_with_files()?.0)
    }

    /// Reads a system, and says what of files that was.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_with_files(&self) -> Result<(SpecialistSystem, SystemFiles), SpecialistError> {
        let bytes = self.read(MANIFEST, MAX_MANIFEST)?;
        let mut files = SystemFiles { n_bytes: bytes.len(), sha256: sha256(&bytes) };
        let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|error| self.damaged(MANIFEST, error))?;
        if manifest.version != VERSION {
            let problem = format!("has version {}, this program reads version {VERSION}", manifest.version);
            return Err(self.damaged(MANIFEST, problem));
        }
        let (generalist, _, found) = self.model(&manifest.generalist.file)?;
        self.check(&manifest.generalist.file, &manifest.generalist.sha256, &found.sha256)?;
        files.n_bytes += found.n_bytes;
        let mut specialists = vec![];
        for (number, entry) in manifest.specialists.iter().enumerate() {
            let (model, _, found) = self.model(&entry.file)?;
            self.check(&entry.file, &entry.sha256, &found.sha256)?;
            files.n_bytes += found.n_bytes;
            specialists.push(Specialist::new(number, generalist.spec(), &entry.classes, model)?);
        }
        let solver = SolverConfig { tolerance: manifest.tolerance, ..SolverConfig::default() };
        Ok((SpecialistSystem::new(Arc::new(generalist), specialists, manifest.top, solver)?, files))
    }

    fn specialist(
        &self,
        number: usize,
        file: &str,
        generalist: &Network,
        classes: &[u32],
    ) -> Result<(Specialist, Provenance, SystemFiles), SpecialistError> {
        let (model, provenance, found) = self.model(file)?;
        Ok((Specialist::new(number, generalist.spec(), classes, model)?, provenance, found))
    }

    /// A model with what its file says, and which file that is.
    fn model(&self, file: &str) -> Result<(Network, Provenance, SystemFiles), SpecialistError> {
        // This program never writes a name that leads out of the folder.
        if Path::new(file).components().count() != 1 || file.starts_with('.') {
            return Err(self.damaged(MANIFEST, format!("names the file `{file}`, which does not belong to the folder")));
        }
        let bytes = self.read(file, MAX_MODEL)?;
        let (model, provenance) = from_safetensors(&bytes).map_err(|error| self.damaged(file, error))?;
        Ok((model, provenance, SystemFiles { n_bytes: bytes.len(), sha256: sha256(&bytes) }))
    }

    fn check(&self, file: &str, expected: &str, found: &str) -> Result<(), SpecialistError> {
        if expected == found {
            return Ok(());
        }
        Err(self.damaged(file, format!("SHA-256 is {found}, {MANIFEST} has {expected}")))
    }

    fn read(&self, file: &str, limit: u64) -> Result<Vec<u8>, SpecialistError> {
        let path = self.path.join(file);
        Disk.read(&path, limit).map_err(|source| io(&path, source))
    }

    fn write(&self, file: &str, bytes: &[u8]) -> Result<(), SpecialistError> {
        let path = self.path.join(file);
        write_atomic(&Disk, &path, bytes).map_err(|source| io(&path, source))
    }

    fn damaged(&self, file: &str, problem: impl ToString) -> SpecialistError {
        SpecialistError::File { path: self.path.join(file), problem: problem.to_string() }
    }
}

fn io(path: &Path, source: std::io::Error) -> SpecialistError {
    SpecialistError::Io { path: path.to_owned(), source }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
