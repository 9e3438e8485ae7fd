//! The modules at the top of a crate form no circle: whoever reads one needs those that it uses, and not the whole crate.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::tree::Tree;

/// The modules of a crate, and which others each of them uses.
type Uses<'t> = BTreeMap<&'t str, BTreeSet<&'t str>>;

pub(super) fn circles(tree: &Tree) -> Vec<Finding> {
    let fix = "move what both need into a module of its own, or let the lower one return data";
    let mut findings = vec![];
    for package in tree.packages().iter().filter(|package| package.is_crate()).map(|package| &package.name) {
        if let Some(circle) = circle(&uses(tree, package)) {
            let (path, what) = (format!("crates/{package}/src/lib.rs"), circle.join(" -> "));
            findings.push(Finding::in_file(&path, format!("the modules {what} form a circle"), fix));
        }
    }
    findings
}

/// Which modules at the top of a crate use which others, outside of tests.
fn uses<'t>(tree: &'t Tree, package: &str) -> Uses<'t> {
    let src = format!("crates/{package}/src/");
    let files: Vec<(&str, &str)> =
        tree.texts(&[".rs"]).filter_map(|(path, text)| Some((path.strip_prefix(&src)?, text))).collect();
    let lib = files.iter().find(|(path, _)| *path == "lib.rs").map_or("", |(_, text)| text);
    let exports = exports(lib);
    let tests: BTreeSet<&str> = files.iter().flat_map(|(_, text)| test_modules(text)).collect();
    let mut uses = Uses::new();
    for (path, text) in files {
        let parts: Vec<&str> = path.trim_end_matches(".rs").split('/').filter(|part| *part != "mod").collect();
        let &[module, ..] = parts.as_slice() else { continue };
        if ["lib", "main"].contains(&module) || parts.iter().any(|part| tests.contains(part)) {
            continue;
        }
        let used = uses.entry(module).or_default();
        for name in names(without_tests(text), parts.len()) {
            let target = exports.get(name).copied().unwrap_or(name);
            if target != module {
                used.insert(target);
            }
        }
    }
    let modules: BTreeSet<&str> = uses.keys().copied().collect();
    uses.values_mut().for_each(|used| used.retain(|name| modules.contains(name)));
    uses
}

/// What the crate shows of its modules, by `pub use module::{A, B as C};`: the module of each name.
fn exports(lib: &str) -> BTreeMap<&str, &str> {
    let mut exports = BTreeMap::new();
    for statement in lib.split(';') {
        let Some((_, path)) = statement.split_once("pub use ").or_else(|| statement.split_once("pub(crate) use "))
        else {
            continue;
        };
        let path = path.trim_start_matches("crate::");
        let Some((module, names)) = path.split_once("::") else { continue };
        for name in words(names) {
            exports.insert(name, module);
        }
    }
    exports
}

/// Modules that are there for tests alone.
fn test_modules(text: &str) -> impl Iterator<Item = &str> {
    text.split("#[cfg(test)]").skip(1).filter_map(|rest| {
        let rest = rest.trim_start().trim_start_matches("pub(crate) ");
        rest.strip_prefix("mod ")?.split_once(';').map(|(name, _)| name)
    })
}

/// The code before the tests, which stand at the end of a file, without comments.
fn without_tests(text: &str) -> impl Iterator<Item = &str> {
    text.lines().take_while(|line| *line != "mod tests {").map(|line| line.split("//").next().unwrap_or_default())
}

/// What a file that lies `depth` folders deep names of the top of its crate: what follows `crate::`, or as many `super::`.
fn names<'t>(lines: impl Iterator<Item = &'t str>, depth: usize) -> Vec<&'t str> {
    let mut found = vec![];
    // A list in braces may go over several lines.
    let mut is_open = false;
    for line in lines {
        let tops = "super::".repeat(depth);
        for top in ["crate::", &tops] {
            for (at, _) in line.match_indices(top) {
                let is_whole = !line[..at].ends_with([':', '_']) && !line[..at].ends_with(char::is_alphanumeric);
                if !is_whole {
                    continue;
                }
                let rest = &line[at + top.len()..];
                match rest.strip_prefix('{') {
                    Some(list) => {
                        is_open = !list.contains('}');
                        found.extend(words(list).filter(|word| !word.is_empty()));
                    }
                    None => found.extend(words(rest).next()),
                }
            }
        }
        if is_open && !line.contains("::{") {
            is_open = !line.contains('}');
            found.extend(words(line));
        }
    }
    found
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// Modules that use each other, from one of them back to it.
fn circle<'t>(uses: &Uses<'t>) -> Option<Vec<&'t str>> {
    // A module that is left without uses, or with uses of such modules alone, is in no circle.
    let mut left = uses.clone();
    loop {
        let free: BTreeSet<&str> = left.iter().filter(|(_, used)| used.is_empty()).map(|(name, _)| *name).collect();
        if free.is_empty() {
            break;
        }
        left.retain(|name, _| !free.contains(name));
        left.values_mut().for_each(|used| used.retain(|name| !free.contains(name)));
    }
    // Each of the others uses one of the others: who follows them comes round.
    let mut path = vec![*left.keys().next()?];
    loop {
        let next = *left.get(path.last()?)?.first()?;
        if let Some(start) = path.iter().position(|name| *name == next) {
            path.push(next);
            return Some(path.split_off(start));
        }
        path.push(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Package;

    /// What is found in a crate of these files.
    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<(String, &str)> =
            files.iter().map(|(path, text)| (format!("crates/a/src/{path}"), *text)).collect();
        let all: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        let package = Package { name: "a".into(), manifest: "crates/a/Cargo.toml".into(), ..Package::default() };
        circles(&Tree::of(&all).with(vec![package])).into_iter().map(|finding| finding.what).collect()
    }

    const LIB: (&str, &str) = ("lib.rs", "mod run;\nmod report;\nmod words;\npub use run::{Run, kept as keep};\n");

    #[test]
    fn modules_in_a_row_are_none() {
        let run = ("run.rs", "use crate::words::size;\n");
        let report = ("report/mod.rs", "use crate::Run;\nuse super::words::{a, b};\n");
        assert_eq!(found(&[LIB, run, report, ("words.rs", "// crate::run is above\n")]), [""; 0]);
    }

    #[test]
    fn a_planted_circle_is_named() {
        let run = ("run.rs", "use crate::words::size;\nfn f() { crate::report::write() }\n");
        let circle = ["the modules report -> run -> report form a circle"];
        for report in ["use crate::run::Run;\n", "use crate::Run;\n", "use crate::{\n    words,\n    keep,\n};\n"] {
            assert_eq!(found(&[LIB, run, ("report/html.rs", report), ("words.rs", "")]), circle, "{report}");
        }
        assert_eq!(found(&[LIB, run, ("report/html.rs", "use super::super::run::X;\n"), ("words.rs", "")]), circle);
        let three = ("words.rs", "use super::report;\n");
        let all = found(&[LIB, ("run.rs", "use crate::words;\n"), ("report.rs", "use crate::Run;\n"), three]);
        assert_eq!(all, ["the modules report -> run -> words -> report form a circle"]);
    }

    #[test]
    fn tests_may_use_what_they_like() {
        let run = ("run.rs", "use crate::report::write;\n");
        let inside = "fn f() {}\n#[cfg(test)]\nmod tests {\n    use crate::run::Run;\n}\n";
        assert_eq!(found(&[LIB, run, ("report.rs", inside), ("words.rs", "")]), [""; 0]);
        let apart = ("report/mod.rs", "#[cfg(test)]\nmod fixture;\n");
        assert_eq!(found(&[LIB, run, apart, ("report/fixture.rs", "use crate::run::Run;\n")]), [""; 0]);
    }
}
