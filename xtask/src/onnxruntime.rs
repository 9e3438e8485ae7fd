//! The step `onnxruntime`: ONNX Runtime's library, by which a test computes what tract computes too.
//!
//! The library is in a package of PyPI, and pip is what fetches it. Where there is no pip, no PyPI or no library for the
//! machine, the tests do without it and say so.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;
use crate::call::root;

/// Names a library to the tests.
const VARIABLE: &str = "DISTILL_ONNXRUNTIME";
const FOLDER: &str = "target/onnxruntime";
/// The package, of which one file fits: that for x86-64 Linux and this version of Python.
const REQUIREMENT: &str =
    "onnxruntime==1.32.0 --hash=sha256:02ea12a28c069ea8510093d95a7f6ff8126bfd9fc5c0d3381c03b80fb2b424ba\n";
const PYTHON: &str = "3.13";
const PLATFORM: &str = "manylinux_2_28_x86_64";
/// The library in the package.
const LIBRARY: &str = "onnxruntime/capi/libonnxruntime.so.1.32.0";

/// The variable for the tests, if the library has been fetched and no other is named.
pub(crate) fn variable() -> Option<(&'static str, PathBuf)> {
    let library = root().join(FOLDER).join(LIBRARY);
    (env::var_os(VARIABLE).is_none() && library.is_file()).then_some((VARIABLE, library))
}

/// Fetches the library if it is not there yet. It passes without one, too.
#[expect(clippy::unnecessary_wraps, reason = "steps return whether they pass, or an error")]
pub(crate) fn passes() -> Result<bool> {
    if let Some(library) = env::var_os(VARIABLE) {
        eprintln!("    {VARIABLE} names {}", library.display());
    } else if variable().is_some() {
        eprintln!("    {FOLDER} has it");
    } else if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        eprintln!("    not for this machine; {VARIABLE} may name a library");
    } else if let Err(error) = fetch(&root().join(FOLDER)) {
        eprintln!("    the tests do without ONNX Runtime, as {error}; {VARIABLE} may name a library");
    }
    Ok(true)
}

fn fetch(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let requirements = folder.join("requirements.txt");
    fs::write(&requirements, REQUIREMENT)?;
    let wheels = folder.join("wheels");
    let mut download = python();
    download.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]);
    download.args(["--only-binary", ":all:", "--python-version", PYTHON, "--platform", PLATFORM]);
    done(download.arg("--dest").arg(&wheels).arg("--requirement").arg(&requirements))?;
    let wheel = fs::read_dir(&wheels)?.next().ok_or("pip has fetched nothing")??.path();
    done(python().args(["-m", "zipfile", "--extract"]).arg(&wheel).arg(folder))
}

fn python() -> Command {
    let mut command = Command::new("python3");
    command.stdin(Stdio::null());
    command
}

fn done(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|error| format!("python3 cannot be started: {error}"))?;
    if status.success() { Ok(()) } else { Err("it could not be fetched from PyPI".into()) }
}
