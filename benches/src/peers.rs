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
        Ok(Self { root, target, own, python: args.python.clone() })
    }

    pub(crate) fn peer(&self, name: &str) -> PathBuf {
        self.root.join("benches/peers").join(name)
    }
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
    let script = |backend: &str| {
        let mut command = Command::new(&places.python);
        command.arg(places.peer("pytorch").join("worker.py")).args(["--backend", backend]);
        command
    };
    let (log, mut command) = match who {
        Who::Ours => {
            let mut command = Command::new(env::current_exe()?);
            command.arg("worker");
            ("ours", command)
        }
        Who::PyTorch => ("pytorch", script("pytorch")),
        Who::OnnxRuntime => ("onnxruntime", script("onnxruntime")),
        Who::Burn => ("burn", Command::new(places.target.join("peers/release/peer-burn"))),
        Who::Candle => ("candle", Command::new(places.target.join("peers/release/peer-candle"))),
    };
    command.arg("--data").arg(files.folder()).args(["--threads", &threads.to_string()]);
    // burn and candle take the number of threads from here, and a setting of the user must not slow anybody down.
    command.env("RAYON_NUM_THREADS", threads.to_string());
    for name in ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS"] {
        command.env_remove(name);
    }
    Process::start(command, &places.own.join(format!("{log}-{threads}.log")))
}
