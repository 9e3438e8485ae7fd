//! The step `onnxruntime`: ONNX Runtime's library, by which a test computes what tract computes too, and a Python that has
//! it, onnx and NumPy, by which another holds exported files to their models.
//!
//! They are packages of PyPI, and pip is what fetches them. Where there is no pip, no PyPI or nothing for the machine, the
//! tests do without and say so.

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

/// Names a Python to the tests.
const PYTHON_VARIABLE: &str = "DISTILL_PYTHON";
const PYTHON_FOLDER: &str = "target/python";
/// What it has, each with what it needs.
const PACKAGES: [&str; 8] = [
    "onnxruntime==1.32.0",
    "onnx==1.23.2",
    "numpy==2.4.6",
    "flatbuffers==25.12.19",
    "ml_dtypes==0.6.0",
    "packaging==26.4",
    "protobuf==7.36.2",
    "typing_extensions==4.16.0",
];

/// In the folder of a Python that has all packages.
const WHOLE: &str = "packages.txt";

/// The variables for the tests: for each of the two, if it has been fetched and no other is named.
pub(crate) fn variables() -> Vec<(&'static str, PathBuf)> {
    let library = (VARIABLE, root().join(FOLDER).join(LIBRARY));
    // Made last, so that what was interrupted is made again.
    let is_whole = root().join(PYTHON_FOLDER).join(WHOLE).is_file();
    let python = (PYTHON_VARIABLE, root().join(PYTHON_FOLDER).join("bin/python3"));
    let found = [(library, true), (python, is_whole)].into_iter();
    let found = found.filter(|((name, path), is_whole)| *is_whole && env::var_os(name).is_none() && path.is_file());
    found.map(|(variable, _)| variable).collect()
}

/// Fetches the library and the Python if they are not there yet. It passes without them, too.
#[expect(clippy::unnecessary_wraps, reason = "steps return whether they pass, or an error")]
pub(crate) fn passes() -> Result<bool> {
    let is_there = |name| variables().iter().any(|(found, _)| *found == name);
    if let Some(python) = env::var_os(PYTHON_VARIABLE) {
        eprintln!("    {PYTHON_VARIABLE} names {}", python.display());
    } else if is_there(PYTHON_VARIABLE) {
        eprintln!("    {PYTHON_FOLDER} has a Python with it");
    } else if let Err(error) = make_python(&root().join(PYTHON_FOLDER)) {
        eprintln!(
            "    exports are not compared in Python, as {error}; {PYTHON_VARIABLE} may name one with the packages"
        );
    }
    if let Some(library) = env::var_os(VARIABLE) {
        eprintln!("    {VARIABLE} names {}", library.display());
    } else if is_there(VARIABLE) {
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

/// Makes a virtual environment with the packages.
fn make_python(folder: &Path) -> Result<()> {
    done(python().args(["-m", "venv", "--clear"]).arg(folder))?;
    let mut install = Command::new(folder.join("bin/python3"));
    install.stdin(Stdio::null());
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    done(install.args(["--only-binary", ":all:"]).args(PACKAGES))?;
    Ok(fs::write(folder.join(WHOLE), PACKAGES.join("\n"))?)
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
