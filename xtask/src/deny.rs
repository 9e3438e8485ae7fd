//! The step `deny` where cargo-deny is not installed: licences, sources and doubled versions.
//!
//! Cargo-deny checks more and explains better, banned versions among others. This is for a machine with nothing but the
//! toolchain, so that it still refuses a dependency whose licence or origin nobody agreed to.

use std::collections::BTreeMap;
use std::fs;

use crate::Result;
use crate::call::root;
use crate::metadata::{self, Package};

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Prints what breaks the rules; true if nothing does.
pub(crate) fn passes() -> Result<bool> {
    let policy =
        fs::read_to_string(root().join("deny.toml")).map_err(|error| format!("cannot read deny.toml: {error}"))?;
    let packages = metadata::all()?;
    let problems = problems(&policy, &packages)?;
    for problem in &problems {
        eprintln!("deny: {problem}");
    }
    eprintln!("deny: {} packages, {} problems", packages.len(), problems.len());
    Ok(problems.is_empty())
}

fn problems(policy: &str, packages: &[Package]) -> Result<Vec<String>, String> {
    let allowed = list(policy, "allow", "\"")?;
    let skipped = list(policy, "skip", "crate = \"")?;
    // Of a range of versions the name is enough here.
    let skipped: Vec<_> = skipped.iter().filter_map(|spec| spec.split(':').next()).collect();
    let mut problems = Vec::new();
    let mut versions: BTreeMap<&str, &str> = BTreeMap::new();
    for Package { name, version, license, source, .. } in packages.iter().filter(|package| !package.source.is_empty()) {
        if source != CRATES_IO {
            problems.push(format!("{name} {version} comes from {source}, and only crates.io is allowed"));
        }
        if !satisfies(license, &allowed) {
            problems.push(format!("{name} {version} has the licence `{license}`, which licenses.allow does not cover"));
        }
        let other = versions.insert(name, version).filter(|_| !skipped.contains(&name.as_str()));
        if let Some(other) = other {
            problems.push(format!("{name} is used in versions {other} and {version}, and bans.skip does not name it"));
        }
    }
    Ok(problems)
}

/// What follows `before` in the list `key` of `deny.toml`, up to the next quote.
fn list<'p>(policy: &'p str, key: &str, before: &str) -> Result<Vec<&'p str>, String> {
    let list = policy.split_once(&format!("\n{key} = [")).and_then(|(_, rest)| rest.split_once("]\n"));
    let (list, _) = list.ok_or_else(|| format!("deny.toml has no list `{key}`"))?;
    let step = if before == "\"" { 2 } else { 1 };
    Ok(list.split(before).skip(1).step_by(step).filter_map(|rest| rest.split('"').next()).collect())
}

/// Whether the licences of `allowed` suffice for what an SPDX expression asks.
///
/// Parentheses are left out and `OR` binds first. That may ask for too much, and never for too little: where each run of
/// `OR` has an allowed licence, so has the expression, wherever its parentheses are.
fn satisfies(expression: &str, allowed: &[&str]) -> bool {
    let plain = expression.replace('/', " OR ").replace(['(', ')'], "");
    plain.split(" AND ").all(|choice| choice.split(" OR ").any(|license| allowed.contains(&license.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "[licenses]\nallow = [\"MIT\", \"Zlib\"]\n[bans]\nskip = [\n  { crate = \"old:<2\" },\n]\n";

    #[track_caller]
    fn check(packages: &[(&str, &str, &str, &str)], expected: &[&str]) {
        let package = |&(name, version, license, source): &(&str, &str, &str, &str)| Package {
            name: name.into(),
            version: version.into(),
            license: license.into(),
            source: source.into(),
            ..Package::default()
        };
        let packages: Vec<_> = packages.iter().map(package).collect();
        assert_eq!(
            problems(POLICY, &packages).as_deref(),
            Ok(&expected.iter().map(|&e| e.into()).collect::<Vec<String>>()[..])
        );
    }

    #[test]
    fn licences_sources_and_versions_are_checked() {
        check(&[("good", "1.0.0", "MIT OR GPL-3.0", CRATES_IO), ("ours", "0.1.0", "MPL-2.0", "")], &[]);
        let licence =
            |license: &str| format!("a 1.0.0 has the licence `{license}`, which licenses.allow does not cover");
        check(&[("a", "1.0.0", "GPL-3.0", CRATES_IO)], &[&licence("GPL-3.0")]);
        check(&[("a", "1.0.0", "", CRATES_IO)], &[&licence("")]);
        check(&[("a", "1.0.0", "MIT", "git+x")], &["a 1.0.0 comes from git+x, and only crates.io is allowed"]);
        let twice = "new is used in versions 1.0.0 and 2.0.0, and bans.skip does not name it";
        check(&[("new", "1.0.0", "MIT", CRATES_IO), ("new", "2.0.0", "MIT", CRATES_IO)], &[twice]);
        check(&[("old", "1.0.0", "MIT", CRATES_IO), ("old", "2.0.0", "MIT", CRATES_IO)], &[]);
        assert!(problems("", &[]).is_err());
    }

    #[test]
    fn licences_are_expressions() {
        let allowed = ["MIT", "Unicode-3.0", "Apache-2.0 WITH LLVM-exception"];
        for good in ["MIT", "GPL-3.0 OR MIT", "BSD/MIT", "(GPL-3.0 OR MIT) AND Unicode-3.0", allowed[2]] {
            assert!(satisfies(good, &allowed), "{good}");
        }
        for bad in ["GPL-3.0", "MIT AND GPL-3.0", "(MIT OR X) AND GPL-3.0", "Apache-2.0", "MIT WITH x", "", "(MIT"] {
            assert_eq!(satisfies(bad, &allowed), bad == "(MIT", "{bad}");
        }
    }
}
