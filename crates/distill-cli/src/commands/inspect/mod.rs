mod checkpoint;
mod data;
mod facts;
mod idx;
mod onnx;
mod recipe;
mod result;
mod run;
mod safetensors;
mod soft_targets;
mod sweep;
mod system;
mod weights;

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use distill_datasets::foreign_picture;
use distill_specialists::SystemFolder;
use distill_train::SoftTargetFile;

use crate::args::InspectArgs;
use crate::output::Output;
use distill_recipe::Code;
use distill_recipe::Diagnostic;
use distill_recipe::foreign_model;
use distill_recipe::visible::lines;

use facts::Facts;

/// How much of a file is looked at to tell what it is.
const N_START: u64 = 512;

/// How many bytes of an unknown file are shown.
const N_SHOWN: usize = 8;

/// `distill inspect FILE…`
pub(crate) fn inspect(args: &InspectArgs, output: &Output) -> Result<(), Diagnostic> {
    let mut failed: Option<Diagnostic> = None;
    for (i, path) in args.files.iter().enumerate() {
        match facts(path) {
            Ok(facts) => facts.print(path, i > 0, output)?,
            // A bad file does not hide the others; the last error is the one that is returned.
            Err(error) => {
                if let Some(earlier) = failed.replace(error) {
                    output.error(&earlier);
                }
            }
        }
    }
    failed.map_or(Ok(()), Err)
}

/// What is printed of a file.
pub(crate) fn text_of(path: &Path) -> Result<String, Diagnostic> {
    facts(path).map(|facts| lines(facts.text()))
}

/// Tells what a file is by its first bytes, and a folder by the files in it.
fn facts(path: &Path) -> Result<Facts, Diagnostic> {
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, error))?;
    if metadata.is_dir() {
        return match () {
            () if run::is_run(path) => run::facts(path),
            () if sweep::is_sweep(path) => sweep::facts(path),
            () if SystemFolder::is_one(path) => system::facts(path),
            () if idx::is_dataset(path) => idx::folder_facts(path),
            () => data::folder_facts(path)?.ok_or_else(|| {
                unknown(path, "it is a folder that holds neither a run, nor a sweep, nor specialists, nor a dataset")
            }),
        };
    }
    if !metadata.is_file() {
        return Err(unreadable(path, io::Error::new(io::ErrorKind::InvalidInput, "neither a file nor a folder")));
    }
    if distill_train::is_onnx(path) {
        return onnx::facts(path);
    }
    if let Some(facts) = data::file_facts(path)? {
        return Ok(facts);
    }
    let start = first_bytes(path)?;
    match start.as_slice() {
        [0x1f, 0x8b, ..] | [0, 0, 0x08..=0x0e, _, ..] => idx::facts(path),
        start if checkpoint::is_checkpoint(start) => checkpoint::facts(path),
        start if safetensors::is_header(start) && SoftTargetFile::is_one(start) => {
            soft_targets::facts(path, metadata.len())
        }
        start if safetensors::is_header(start) => safetensors::facts(path, metadata.len()),
        _ if first_word(&start) == Some(b'{') => result::facts(path),
        _ if recipe::is_recipe(path, metadata.len()) => recipe::facts(path),
        [] => Err(unknown(path, "it is empty")),
        start => Err(foreign_model::refused(path, start).unwrap_or_else(|| match foreign_picture(start) {
            Some(format) => unknown(path, &format!("it is a picture in {format}")),
            None => unknown(path, &format!("it starts with {}", shown(start))),
        })),
    }
}

fn first_bytes(path: &Path) -> Result<Vec<u8>, Diagnostic> {
    let mut start = Vec::new();
    let read = |file: File| file.take(N_START).read_to_end(&mut start);
    File::open(path).and_then(read).map_err(|error| unreadable(path, error))?;
    Ok(start)
}

/// The first byte that is not white space.
fn first_word(start: &[u8]) -> Option<u8> {
    start.trim_ascii_start().first().copied()
}

/// Reads a text file up to the size that such a file can have; `None` if it is not text.
fn read_text(path: &Path, max_bytes: u64) -> Result<Option<String>, Diagnostic> {
    let mut bytes = Vec::new();
    let read = |file: File| file.take(max_bytes + 1).read_to_end(&mut bytes);
    let n = File::open(path).and_then(read).map_err(|error| unreadable(path, error))?;
    Ok(if n as u64 > max_bytes { None } else { String::from_utf8(bytes).ok() })
}

fn unreadable(path: &Path, error: io::Error) -> Diagnostic {
    Diagnostic::io("cannot read the file", Some(path), error).help("check the path and its permissions")
}

/// An unrecognised file.
fn unknown(path: &Path, note: &str) -> Diagnostic {
    Diagnostic::new(Code::ModelFile, "unrecognised file or folder")
        .at(path.display())
        .note(note)
        .help("known are safetensors, ONNX, checkpoints, recipes, results, runs, and data: IDX, npy, npz, CSV, Parquet, PNG, JPEG")
}

/// The first bytes as numbers, and as text where they are text.
fn shown(start: &[u8]) -> String {
    let start = &start[..start.len().min(N_SHOWN)];
    let hex: Vec<_> = start.iter().map(|byte| format!("{byte:02x}")).collect();
    if start.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') {
        format!("{} (`{}`)", hex.join(" "), String::from_utf8_lossy(start))
    } else {
        hex.join(" ")
    }
}

#[cfg(test)]
mod tests;
