//! The step `package`: every library builds from its own archive, against the archives of the others, as a user of the
//! registry would get them.
//!
//! Cargo can verify archives itself, but it keeps what it unpacked in its home folder by path and version. So a second
//! run in the same folder would build against the sources of the first one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;
use crate::call::{Call, root};
use crate::metadata;

const FOLDER: &str = "target/package-check";

/// Packs all libraries, unpacks them into a workspace of their own, and checks that.
pub(crate) fn passes() -> Result<bool> {
    let folder = root().join(FOLDER);
    let (archives, unpacked) = (folder.join("package"), folder.join("unpacked"));
    for old in [&archives, &unpacked] {
        if old.exists() {
            fs::remove_dir_all(old)?;
        }
    }
    let names = libraries()?;
    let pack = Call::cargo(["package", "--no-verify", "--allow-dirty", "--target-dir", FOLDER])
        .args(names.iter().flat_map(|name| ["--package", name]));
    if !pack.status()?.success() {
        return Ok(false);
    }
    for name in &names {
        unpack(&archive(&archives, name)?, &unpacked.join(name))?;
    }
    fs::write(unpacked.join("Cargo.toml"), workspace(&names))?;
    // The versions of our own lock, so that nothing new is downloaded.
    fs::copy(root().join("Cargo.lock"), unpacked.join("Cargo.lock"))?;
    let manifest = format!("{FOLDER}/unpacked/Cargo.toml");
    let check = Call::cargo(["check", "--workspace", "--all-features", "--target-dir", FOLDER, "--manifest-path"]);
    Ok(check.args([manifest]).status()?.success())
}

/// The packages below `crates` that are published.
fn libraries() -> Result<Vec<String>> {
    let packages = metadata::workspace()?.into_iter().filter(|package| package.is_crate() && package.is_published);
    let mut names: Vec<_> = packages.map(|package| package.name).collect();
    names.sort();
    Ok(names)
}

/// The archive of `name`, of whatever version.
fn archive(folder: &Path, name: &str) -> Result<PathBuf> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let file = entry.file_name().to_string_lossy().into_owned();
        let version = file.strip_prefix(name).and_then(|rest| rest.strip_prefix('-')?.strip_suffix(".crate"));
        if version.is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit())) {
            return Ok(entry.path());
        }
    }
    Err(format!("cargo packed no archive of {name}").into())
}

/// Unpacks `archive`, which holds one folder, as the folder `to`.
fn unpack(archive: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    let mut tar = Command::new("tar");
    // With the time of unpacking: archives give all files one time, by which cargo would take changed ones for old ones.
    tar.arg("-xmzf").arg(archive).arg("-C").arg(to).arg("--strip-components=1").stdin(Stdio::null());
    let status = tar.status().map_err(|error| format!("cannot start tar: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("tar cannot unpack {}, {status}", archive.display()).into()) }
}

/// A workspace in which the archives stand in for the registry's.
fn workspace(names: &[String]) -> String {
    let members: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
    let patches: String = names.iter().map(|name| format!("{name} = {{ path = \"{name}\" }}\n")).collect();
    format!("[workspace]\nresolver = \"3\"\nmembers = [{}]\n\n[patch.crates-io]\n{patches}", members.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_libraries_are_what_is_published() {
        let names = libraries().expect("the manifests can be read");
        assert!(names.iter().any(|name| name == "distill-losses"), "{names:?}");
        assert!(names.iter().all(|name| name != "distill-cli"), "{names:?}");
    }

    #[test]
    fn the_archives_stand_in_for_the_registry() {
        let patched = workspace(&["a".into(), "b".into()]);
        assert!(patched.contains("members = [\"a\", \"b\"]"), "{patched}");
        assert!(patched.ends_with("[patch.crates-io]\na = { path = \"a\" }\nb = { path = \"b\" }\n"), "{patched}");
    }
}
