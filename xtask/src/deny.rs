//! The main points of `deny.toml` where cargo-deny is not installed: licences, banned and doubled versions, sources.
//!
//! Cargo-deny checks more and explains better. This stands in for it, so that a machine with nothing but the
//! toolchain still refuses a dependency whose licence or origin nobody agreed to.

mod license;
mod version;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::call::{Call, root};
use crate::{Result, manifest};
use license::satisfies;
use version::Versions;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Prints what breaks the rules of `deny.toml`; true if nothing does.
pub(crate) fn passes() -> Result<bool> {
    let read = |file: &str| fs::read_to_string(root().join(file)).map_err(|e| format!("cannot read {file}: {e}"));
    let policy = Policy::parse(&read("deny.toml")?)?;
    let sources = sources(&read("Cargo.lock")?);
    let tree = Call::cargo(["tree", "--workspace", "--all-features", "--target", "all", "--prefix", "none"])
        .args(["--format", "{p}\t{l}"])
        .output()?;
    let packages = packages(&tree);
    let problems = problems(&policy, &packages, &sources);
    for problem in &problems {
        eprintln!("deny: {problem}");
    }
    eprintln!("deny: {} packages, {} problems", packages.len(), problems.len());
    eprintln!("deny: advisories were not looked up; `cargo deny check advisories` does it where GitHub can be reached");
    Ok(problems.is_empty())
}

/// What `deny.toml` says about licences and versions.
struct Policy {
    allowed: Vec<String>,
    banned: Vec<Versions>,
    /// Old versions that may stand beside newer ones.
    skipped: Vec<Versions>,
}

impl Policy {
    fn parse(text: &str) -> Result<Self> {
        let entries = manifest::entries(text);
        let list = |table: &str, key: &str| {
            let entry = manifest::find(&entries, table, key);
            entry.map(|entry| entry.value.as_str()).ok_or_else(|| format!("deny.toml has no list {table}.{key}"))
        };
        let crates = |list: &str| -> Result<Vec<Versions>, String> {
            let specs = list.split("crate = \"").skip(1).map(|rest| rest.split('"').next().unwrap_or(rest));
            specs.map(Versions::parse).collect()
        };
        Ok(Self {
            allowed: manifest::strings(list("licenses", "allow")?).map(str::to_owned).collect(),
            banned: crates(list("bans", "deny")?)?,
            skipped: crates(list("bans", "skip")?)?,
        })
    }
}

/// A package that some build of the workspace uses.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    version: String,
    license: String,
}

/// Reads the output of `cargo tree`, whose lines are `name vVERSION (more)\tLICENSE`.
fn packages(tree: &str) -> BTreeSet<Package> {
    let package = |line: &str| {
        let (package, license) = line.split_once('\t')?;
        let mut words = package.split(' ');
        let (name, version) = (words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned());
        // The mark of a package that was listed before.
        let license = license.trim_end_matches("(*)").trim().to_owned();
        Some(Package { name, version, license })
    };
    tree.lines().filter_map(package).collect()
}

/// Where each package of `Cargo.lock` comes from, by name and version. Those of the workspace have no source.
fn sources(lock: &str) -> BTreeMap<(String, String), String> {
    let mut sources = BTreeMap::new();
    let mut package = (String::new(), String::new());
    for entry in manifest::entries(lock).into_iter().filter(|entry| entry.table == "package") {
        let value = entry.value.trim_matches('"').to_owned();
        match entry.key.as_str() {
            "name" => package.0 = value,
            "version" => package.1 = value,
            "source" => _ = sources.insert(package.clone(), value),
            _ => {}
        }
    }
    sources
}

fn problems(
    policy: &Policy,
    packages: &BTreeSet<Package>,
    sources: &BTreeMap<(String, String), String>,
) -> Vec<String> {
    let mut problems = Vec::new();
    let mut newest: BTreeMap<&str, &str> = BTreeMap::new();
    for Package { name, version, license } in packages {
        let Some(source) = sources.get(&(name.clone(), version.clone())) else { continue };
        if source != CRATES_IO {
            problems.push(format!("{name} {version} comes from {source}, and only crates.io is allowed"));
        }
        if license.is_empty() {
            problems.push(format!("{name} {version} states no licence"));
        } else if !satisfies(license, &policy.allowed) {
            problems.push(format!("{name} {version} has the licence `{license}`, which licenses.allow does not cover"));
        }
        for versions in policy.banned.iter().filter(|versions| versions.contain(name, version)) {
            problems.push(format!("{name} {version} is banned by `{versions}`"));
        }
        if policy.skipped.iter().any(|versions| versions.contain(name, version)) {
            continue;
        }
        if let Some(other) = newest.insert(name, version) {
            problems
                .push(format!("{name} is used in two versions, {other} and {version}, and bans.skip names neither"));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"
        [licenses]
        allow = ["MIT", "Zlib"]
        [bans]
        deny = [
          { crate = "bincode:>=3", reason = "a tombstone" },
          { crate = "openssl", reason = "C" },
        ]
        skip = [{ crate = "old:<2", reason = "others have to move" }]
    "#;

    /// Checks the packages of `tree`, of which all but `ours` come from `source`.
    #[track_caller]
    fn check_from(source: &str, tree: &str, expected: &[&str]) {
        let packages = packages(tree);
        let mut lock = String::from("version = 4\n");
        for Package { name, version, .. } in &packages {
            lock += &format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n");
            if name != "ours" {
                lock += &format!("source = \"{source}\"\nchecksum = \"00\"\ndependencies = [\n \"x\",\n]\n");
            }
        }
        let policy = Policy::parse(POLICY).expect("the policy is well formed");
        assert_eq!(problems(&policy, &packages, &sources(&lock)), expected);
    }

    #[track_caller]
    fn check(tree: &str, expected: &[&str]) {
        check_from(CRATES_IO, tree, expected);
    }

    #[test]
    fn what_keeps_the_rules_passes_and_our_own_packages_are_not_asked() {
        check("ours v0.1.0 (/w)\tMPL-2.0\ngood v1.0.0\tMIT OR GPL-3.0\n\nours v0.1.0 (/w)\tMPL-2.0 (*)\n", &[]);
    }

    #[test]
    fn a_licence_that_is_not_allowed_is_found() {
        let problem = "good 1.0.0 has the licence `GPL-3.0`, which licenses.allow does not cover";
        check("good v1.0.0 (proc-macro)\tGPL-3.0\ngood v1.0.0 (proc-macro)\tGPL-3.0 (*)\n", &[problem]);
        check("good v1.0.0\t", &["good 1.0.0 states no licence"]);
    }

    #[test]
    fn a_banned_version_is_found() {
        check("bincode v3.0.0\tMIT", &["bincode 3.0.0 is banned by `bincode:>=3`"]);
        check("bincode v2.0.1\tMIT", &[]);
        check("openssl v0.1.0\tMIT", &["openssl 0.1.0 is banned by `openssl`"]);
    }

    #[test]
    fn a_second_version_is_found_unless_it_is_skipped() {
        let problem = "new is used in two versions, 1.0.0 and 2.0.0, and bans.skip names neither";
        check("new v1.0.0\tMIT\nnew v2.0.0\tMIT\n", &[problem]);
        check("old v1.0.0\tMIT\nold v2.0.0\tMIT\n", &[]);
    }

    #[test]
    fn a_source_other_than_crates_io_is_found() {
        let problem = "good 1.0.0 comes from git+https://example.org/good#abc, and only crates.io is allowed";
        check_from("git+https://example.org/good#abc", "good v1.0.0\tMIT", &[problem]);
    }

    #[test]
    fn a_policy_that_cannot_be_read_is_an_error() {
        for (from, to) in [("allow =", "allows ="), ("deny =", "denies ="), ("skip =", "skips ="), (">=3", "^3")] {
            assert!(Policy::parse(&POLICY.replace(from, to)).is_err(), "{to}");
        }
    }
}
