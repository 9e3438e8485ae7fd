//! The step `examples`: every example of a library, and the program outside of the workspace, run and end well.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::Result;
use crate::call::{Call, root};

/// Built with all features, as the tests are, so that nothing is built twice.
const BUILD: [&str; 4] = ["build", "--workspace", "--all-features", "--examples"];

/// A program as someone else would write it, with what the crates offer to all.
const OUTSIDE: [&str; 6] = ["run", "--quiet", "--manifest-path", "tests/outside/Cargo.toml", "--target-dir", "target"];

/// Needs a model to read, which a test of the exports gives it.
const NEEDS_A_FILE: &str = "student";

/// Runs them one after the other, in the root.
pub(crate) fn passes() -> Result<bool> {
    if !Call::cargo(BUILD).status()?.success() {
        return Ok(false);
    }
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder));
    for (package, name) in all()? {
        if name == NEEDS_A_FILE {
            continue;
        }
        let start = Instant::now();
        let mut example = Command::new(target.join("debug/examples").join(&name));
        example.current_dir(root()).env("CARGO_MANIFEST_DIR", root().join("crates").join(&package));
        let output = example.stdin(Stdio::null()).output().map_err(|error| format!("cannot start {name}: {error}"))?;
        if !output.status.success() {
            let text =
                [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
            eprintln!("{text}\n{package}: the example `{name}` failed, {}", output.status);
            return Ok(false);
        }
        eprintln!("    {package}: {name}, {:.1} s", start.elapsed().as_secs_f64());
    }
    // The versions of our own lock, so that nothing new is downloaded.
    fs::copy(root().join("Cargo.lock"), root().join("tests/outside/Cargo.lock"))?;
    Ok(Call::cargo(OUTSIDE).status()?.success())
}

/// Package and name of each example of `crates/`.
fn all() -> Result<Vec<(String, String)>> {
    let mut found = vec![];
    for package in fs::read_dir(root().join("crates"))? {
        let package = package?;
        let Ok(examples) = fs::read_dir(package.path().join("examples")) else { continue };
        for example in examples {
            let path = example?.path();
            if path.extension().is_some_and(|end| end == "rs") {
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                found.push((package.file_name().to_string_lossy().into_owned(), name));
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_library_has_an_example_and_no_two_have_one_name() {
        let all = all().expect("the crates can be read");
        let mut names: Vec<&str> = all.iter().map(|(_, name)| name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all.len(), "{all:?}");
        for package in fs::read_dir(root().join("crates")).expect("the crates can be read") {
            let name = package.expect("a folder").file_name().to_string_lossy().into_owned();
            assert!(name == "distill-cli" || all.iter().any(|(package, _)| *package == name), "{name} has no example");
        }
    }
}
