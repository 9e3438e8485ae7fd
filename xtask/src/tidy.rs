//! `cargo xtask tidy`: the repository's own rules, those that neither rustfmt nor clippy can know.
//!
//! Each check is a function from the files to its findings, so its tests need no disk.

mod circles;
mod code;
mod crates;
mod layers;
mod links;
mod text;
mod tree;

use std::fmt;
use std::process::ExitCode;

use crate::Result;
use crate::call::root;
use tree::Tree;

/// Something that breaks a rule, and the way out.
#[derive(Debug, PartialEq)]
struct Finding {
    path: String,
    line: Option<usize>,
    what: String,
    fix: &'static str,
}

impl Finding {
    fn in_file(path: &str, what: impl Into<String>, fix: &'static str) -> Self {
        Self { path: path.to_owned(), line: None, what: what.into(), fix }
    }

    fn at(path: &str, line: usize, what: impl Into<String>, fix: &'static str) -> Self {
        Self { line: Some(line), ..Self::in_file(path, what, fix) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}\n    fix: {}", self.what, self.fix)
    }
}

type Check = fn(&Tree) -> Vec<Finding>;

const CHECKS: [Check; 12] = [
    text::white_space,
    text::deferred_work,
    text::long_sources,
    text::large_files,
    code::unsafe_code,
    code::bincode,
    crates::readme,
    crates::manifest,
    crates::changelog,
    layers::arrows,
    circles::circles,
    links::targets,
];

pub(crate) fn run() -> Result<ExitCode> {
    Ok(if passes()? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints what breaks a rule; true if nothing does.
pub(crate) fn passes() -> Result<bool> {
    let tree = Tree::read(&root())?;
    let mut findings: Vec<Finding> = CHECKS.iter().flat_map(|check| check(&tree)).collect();
    findings.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    for finding in &findings {
        eprintln!("{finding}");
    }
    eprintln!("tidy: {} checks over {} files, {} findings", CHECKS.len(), tree.len(), findings.len());
    Ok(findings.is_empty())
}

/// For the tests of the checks: what `check` finds in these files, as `path:line`.
#[cfg(test)]
fn places(check: Check, files: &[(&str, &str)]) -> Vec<String> {
    paths(check(&Tree::of(files)))
}

/// Where findings are, as `path:line`.
#[cfg(test)]
fn paths(findings: Vec<Finding>) -> Vec<String> {
    findings
        .into_iter()
        .map(|Finding { path, line, .. }| line.map_or(path.clone(), |line| format!("{path}:{line}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_says_where_what_and_how_to_fix_it() {
        let whole = Finding::in_file("a.rs", "too long", "split it");
        assert_eq!(whole.to_string(), "a.rs: too long\n    fix: split it");
        let line = Finding::at("a.rs", 7, "a tab", "use spaces");
        assert_eq!(line.to_string(), "a.rs:7: a tab\n    fix: use spaces");
    }
}
