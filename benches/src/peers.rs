//! Where the workers are, and how they are started.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::args::Args;
use crate::contender::{Contender, Who};
use crate::files::Files;
use crate::process::{Process, Worker};
use crate::result::Found;

/// The folders of the project, and the Python of the peers.
#[derive(Debug)]
pub(crate) struct Places {
    pub(crate) root: PathBuf,
    /// Cargo's target folder.
    pub(crate) target: PathBuf,
    /// Where this program writes.
    pub(crate) own: PathBuf,
    pub(crate) python: PathBuf,
    /// Where the Python environment has MKL to link with, as the packages mkl-static, mkl-include and intel-openmp bring it.
    mkl: Option<PathBuf>,
    /// The library of ONNX Runtime in its package, or why there is none.
    onnxruntime: Result<PathBuf, String>,
}

impl Places {
    pub(crate) fn find(args: &Args) -> Result<Self> {
        // Set by `cargo run`; what was compiled in may name another clone when two share one target folder.
        let package = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&package).parent().ok_or("the package has no folder above it")?.to_owned();
        let program = env::current_exe()?;
        let target = program.parent().and_then(Path::parent).ok_or("the program is in no target folder")?.to_owned();
        let own = target.join("bench");
        fs::create_dir_all(&own)?;
        let python = args.python.clone();
        let prefix = python.parent().and_then(Path::parent).map(Path::to_owned);
        let mkl = prefix.filter(|prefix| {
            ["lib/libmkl_core.a", "lib/libiomp5.so", "include/mkl.h"].iter().all(|file| prefix.join(file).is_file())
        });
        let onnxruntime = onnxruntime(&python).map_err(|error| error.to_string());
        Ok(Self { root, target, own, python, mkl, onnxruntime })
    }

    pub(crate) fn peer(&self, name: &str) -> PathBuf {
        self.root.join("benches/peers").join(name)
    }
}

/// The library of ONNX Runtime that the package of a Python brings.
fn onnxruntime(python: &Path) -> Result<PathBuf> {
    const FOLDER: &str = "import importlib.util as u; print(*u.find_spec('onnxruntime').submodule_search_locations)";
    let output = Command::new(python).args(["-c", FOLDER]).output();
    let output = output.map_err(|error| format!("cannot start {}: {error}", python.display()))?;
    if !output.status.success() {
        return Err(format!("{} has no package onnxruntime", python.display()).into());
    }
    let folder = Path::new(String::from_utf8(output.stdout)?.trim()).join("capi");
    let files = fs::read_dir(&folder).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    let is_library =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libonnxruntime.so."));
    let library = files.filter_map(Result::ok).map(|entry| entry.path()).find(is_library);
    library.ok_or_else(|| format!("{} has no library of ONNX Runtime", folder.display()).into())
}

/// Builds what has to be built and asks everybody for a version.
pub(crate) fn find(places: &Places, files: &Files, args: &Args) -> Vec<Found> {
    let mut found = Vec::new();
    for who in [Who::Ours].into_iter().chain(Who::PEERS) {
        let hello = if args.without.contains(&who) {
            Err("left out".to_owned())
        } else {
            let ready =
                build(places, who).and_then(|()| start(places, files, who, 1)).map(|process| process.hello.clone());
            ready.map_err(|error| error.to_string())
        };
        found.push(Found { who, hello });
    }
    found
}

/// The worker of a contender, if it was found.
pub(crate) fn launch(
    places: &Places,
    files: &Files,
    found: &[Found],
    contender: &Contender,
) -> Result<Box<dyn Worker>> {
    if let Some(Found { hello: Err(reason), .. }) = found.iter().find(|found| found.who == contender.who) {
        return Err(reason.as_str().into());
    }
    Ok(Box::new(start(places, files, contender.who, contender.threads)?))
}

/// Builds the peers that are programs in Rust, for the processor of this machine.
fn build(places: &Places, who: Who) -> Result<()> {
    let name = match who {
        Who::Burn => "burn",
        Who::Candle => "candle",
        Who::Ours | Who::PyTorch | Who::OnnxRuntime => return Ok(()),
    };
    let mut cargo = cargo();
    cargo.args(["build", "--release", "--locked", "--quiet", "--manifest-path"]);
    cargo.arg(places.peer(name).join("Cargo.toml")).arg("--target-dir").arg(places.target.join("peers"));
    cargo.env("RUSTFLAGS", "-C target-cpu=native");
    if let (Who::Candle, Some(mkl)) = (who, &places.mkl) {
        cargo.args(["--features", "mkl"]).env("MKLROOT", mkl);
    }
    eprintln!("building {name}, which takes some minutes the first time");
    succeeds(cargo)
}

/// Builds the program `distill`, as its users do.
pub(crate) fn build_program(places: &Places) -> Result<()> {
    let mut cargo = cargo();
    cargo.args(["build", "--release", "--quiet", "--package", "distill-cli", "--bin", "distill", "--manifest-path"]);
    cargo.arg(places.root.join("Cargo.toml")).arg("--target-dir").arg(&places.target);
    eprintln!("building distill");
    succeeds(cargo)
}

fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn succeeds(mut cargo: Command) -> Result<()> {
    let status = cargo.status().map_err(|error| format!("cannot start cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("it does not build ({status})").into()) }
}

fn start(places: &Places, files: &Files, who: Who, threads: usize) -> Result<Process> {
    let mut own = Command::new(env::current_exe()?);
    own.arg("worker");
    let (log, mut command) = match who {
        Who::Ours => ("ours", own),
        Who::OnnxRuntime => {
            own.arg("--onnxruntime").arg(places.onnxruntime.as_ref().map_err(String::as_str)?);
            ("onnxruntime", own)
        }
        Who::PyTorch => {
            let mut command = Command::new(&places.python);
            command.arg(places.peer("pytorch").join("worker.py"));
            ("pytorch", command)
        }
        Who::Burn => ("burn", Command::new(places.target.join("peers/release/peer-burn"))),
        Who::Candle => ("candle", Command::new(places.target.join("peers/release/peer-candle"))),
    };
    command.arg("--data").arg(files.folder()).args(["--threads", &threads.to_string()]);
    // burn and candle take the number of threads from here, and a setting of the user must not slow anybody down.
    command.env("RAYON_NUM_THREADS", threads.to_string());
    for name in ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS"] {
        command.env_remove(name);
    }
    if let (Who::Candle, Some(mkl)) = (who, &places.mkl) {
        // Intel's OpenMP, which it is linked with; as many threads as all have.
        command.env("LD_LIBRARY_PATH", mkl.join("lib")).env("OMP_NUM_THREADS", threads.to_string());
    }
    Process::start(command, &places.own.join(format!("{log}-{threads}.log")))
}
