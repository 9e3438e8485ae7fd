//! The files of the repository.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Result;
use crate::metadata::{self, Package};

/// Larger files are data, and no check reads them.
const TEXT_MAX: u64 = 1 << 20;

/// What is no part of the repository, for the case that git cannot tell.
const NOT_OURS: [&str; 3] = [".git", "target", "runs"];

pub(crate) struct File {
    /// From the root, with `/` on every system.
    pub(crate) path: String,
    pub(crate) size: u64,
    /// None if it is large or not UTF-8.
    text: Option<String>,
}

/// All files that are, or would be, committed.
pub(crate) struct Tree {
    files: Vec<File>,
    packages: Vec<Package>,
}

impl Tree {
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let paths = match listed_by_git(root) {
            Some(paths) => paths,
            None => walked(root)?,
        };
        let mut files = Vec::with_capacity(paths.len());
        for path in paths {
            let full = root.join(&path);
            // The index of git may still name what was deleted a moment ago.
            let Ok(metadata) = fs::metadata(&full) else { continue };
            let text = if metadata.len() <= TEXT_MAX { String::from_utf8(fs::read(&full)?).ok() } else { None };
            files.push(File { path, size: metadata.len(), text });
        }
        Ok(Self { files, packages: metadata::workspace()? })
    }

    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| File {
            path: (*path).to_owned(),
            size: text.len() as u64,
            text: Some((*text).to_owned()),
        };
        Self { files: files.iter().map(file).collect(), packages: Vec::new() }
    }

    #[cfg(test)]
    pub(crate) fn with(self, packages: Vec<Package>) -> Self {
        Self { packages, ..self }
    }

    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    pub(crate) fn files(&self) -> &[File] {
        &self.files
    }

    /// The text of one file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.iter().find(|file| file.path == path)?.text.as_deref()
    }

    /// Path and text of all text files that end like this.
    pub(crate) fn texts<'t>(&'t self, endings: &'t [&str]) -> impl Iterator<Item = (&'t str, &'t str)> {
        let chosen = self.files.iter().filter(|file| endings.iter().any(|ending| file.path.ends_with(ending)));
        chosen.filter_map(|file| Some((file.path.as_str(), file.text.as_deref()?)))
    }

    /// The packages of the workspace.
    pub(crate) fn packages(&self) -> &[Package] {
        &self.packages
    }

    /// Whether there is such a file or folder.
    pub(crate) fn contains(&self, path: &str) -> bool {
        self.files.iter().any(|file| match file.path.strip_prefix(path) {
            Some(rest) => path.is_empty() || rest.is_empty() || rest.starts_with('/'),
            None => false,
        })
    }
}

/// What git tracks or would add; None where there is no git or no repository.
fn listed_by_git(root: &Path) -> Option<Vec<String>> {
    let args = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
    let output = Command::new("git").args(args).current_dir(root).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    let paths: Vec<String> = text.split_terminator('\0').map(str::to_owned).collect();
    (!paths.is_empty()).then_some(paths)
}

fn walked(root: &Path) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            if !entry.file_type()?.is_dir() {
                paths.push(path);
            } else if !NOT_OURS.contains(&name.as_str()) {
                folders.push(path);
            }
        }
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::root;

    #[test]
    fn this_file_is_found_with_and_without_git() {
        let this = "xtask/src/tidy/tree.rs";
        let walked = walked(&root()).expect("the repository can be read");
        assert!(walked.iter().any(|path| path == this));
        assert!(!walked.iter().any(|path| path.starts_with("target/") || path.starts_with(".git/")));
        let tree = Tree::read(&root()).expect("the repository can be read");
        assert!(tree.text(this).is_some_and(|text| text.starts_with("//! The files of the repository.")));
    }

    #[test]
    fn a_tree_contains_its_files_and_their_folders() {
        let tree = Tree::of(&[("docs/adr/0001.md", "")]);
        for there in ["", "docs", "docs/adr", "docs/adr/0001.md"] {
            assert!(tree.contains(there), "{there}");
        }
        for absent in ["doc", "docs/adr/0001", "docs/adr/0001.md/x"] {
            assert!(!tree.contains(absent), "{absent}");
        }
    }
}
