//! Which package may depend on which: the arrows of the architecture, and where the heavy crates of the terminal
//! may be used.

use super::Finding;
use super::tree::Tree;

/// Each package of `crates/` with those of ours that it may depend on, in tests too: an arrow that only tests use
/// still keeps a package from standing alone.
const ARROWS: [(&str, &[&str]); 18] = [
    ("distill-tensor", &[]),
    ("distill-models", &["distill-tensor"]),
    ("distill-losses", &["distill-tensor"]),
    ("distill-datasets", &["distill-tensor"]),
    ("distill-audio", &["distill-datasets"]),
    ("distill-text", &["distill-tensor", "distill-datasets"]),
    ("distill-train", &["distill-tensor", "distill-models", "distill-losses", "distill-datasets"]),
    (
        "distill-specialists",
        &["distill-tensor", "distill-models", "distill-losses", "distill-datasets", "distill-train"],
    ),
    ("distill-export", &["distill-tensor", "distill-models"]),
    // Protocol Buffers have one wire.
    ("distill-onnx", &["distill-models", "distill-export"]),
    ("distill-infer", &[]),
    ("distill-chart", &[]),
    (
        "distill-recipe",
        &[
            "distill-models",
            "distill-datasets",
            "distill-audio",
            "distill-text",
            "distill-export",
            "distill-onnx",
            "distill-train",
            "distill-specialists",
        ],
    ),
    ("distill-predict", &["distill-tensor", "distill-models", "distill-datasets", "distill-audio", "distill-recipe"]),
    (
        "distill-lab",
        &[
            "distill-tensor",
            "distill-models",
            "distill-losses",
            "distill-datasets",
            "distill-train",
            "distill-specialists",
            "distill-recipe",
        ],
    ),
    ("distill-report", &["distill-datasets", "distill-chart", "distill-train", "distill-recipe", "distill-lab"]),
    (
        "distill-studies",
        &[
            "distill-tensor",
            "distill-models",
            "distill-losses",
            "distill-datasets",
            "distill-audio",
            "distill-text",
            "distill-chart",
            "distill-train",
            "distill-specialists",
            "distill-recipe",
            "distill-lab",
        ],
    ),
    // It may know all of them.
    (PROGRAM, &["*"]),
];

/// Crates that deal with a person at a terminal, and the one package that does so.
const TERMINAL: [&str; 3] = ["clap", "indicatif", "tracing-subscriber"];
const PROGRAM: &str = "distill-cli";

pub(super) fn arrows(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in tree.packages() {
        let (name, path) = (&*package.name, &package.manifest);
        let allowed = match ARROWS.iter().find(|(package, _)| *package == name) {
            Some((_, allowed)) => *allowed,
            None if package.is_crate() => {
                let fix = "add it to ARROWS in xtask/src/tidy/layers.rs and to the architecture page";
                findings.push(Finding::in_file(path, format!("{name} has no place among the layers"), fix));
                continue;
            }
            None if name == "xtask" => &[],
            // Tests and benchmarks join what they like.
            None => continue,
        };
        for dependency in package.dependencies.iter().map(String::as_str) {
            if dependency.starts_with("distill-") && !allowed.contains(&"*") && !allowed.contains(&dependency) {
                let what = format!("{name} may not depend on {dependency}");
                let fix = "move what both need down to distill-tensor, or what joins them up to distill-train";
                findings.push(Finding::in_file(path, what, fix));
            }
            if TERMINAL.contains(&dependency) && name != PROGRAM {
                let what = format!("{name} may not depend on {dependency}, only {PROGRAM} may");
                findings.push(Finding::in_file(path, what, "return the data, and let the program show it"));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Package;

    /// What is wrong with a package of these dependencies.
    fn check(manifest: &str, name: &str, dependencies: &[&str]) -> Vec<String> {
        let dependencies = dependencies.iter().map(|&name| name.to_owned()).collect();
        let package = Package { name: name.into(), manifest: manifest.into(), dependencies, ..Package::default() };
        arrows(&Tree::of(&[]).with(vec![package])).into_iter().map(|finding| finding.what).collect()
    }

    #[track_caller]
    fn refused(name: &str, dependency: &str) {
        let found = check(&format!("crates/{name}/Cargo.toml"), name, &["ndarray", dependency]);
        assert!(matches!(&found[..], [what] if what.starts_with(&format!("{name} may not depend on {dependency}"))));
    }

    #[track_caller]
    fn allowed(name: &str, dependency: &str) {
        assert_eq!(check(&format!("crates/{name}/Cargo.toml"), name, &["ndarray", dependency]), [""; 0]);
    }

    #[test]
    fn arrows_point_down_and_siblings_do_not_know_each_other() {
        refused("distill-tensor", "distill-losses");
        refused("distill-train", "distill-cli");
        refused("distill-losses", "distill-models");
        allowed("distill-losses", "distill-tensor");
        allowed("distill-train", "distill-losses");
        allowed("distill-cli", "distill-train");
    }

    #[test]
    fn only_the_program_talks_to_a_terminal() {
        for dependency in TERMINAL {
            refused("distill-train", dependency);
            allowed("distill-cli", dependency);
        }
        allowed("distill-train", "tracing");
    }

    #[test]
    fn a_new_package_needs_a_place() {
        let expected = "distill-new has no place among the layers";
        assert_eq!(check("crates/distill-new/Cargo.toml", "distill-new", &[]), [expected]);
        assert_eq!(check("tests/Cargo.toml", "distill-tests", &["distill-cli"]), [""; 0]);
    }

    #[test]
    fn xtask_depends_on_none_of_ours() {
        assert_eq!(check("xtask/Cargo.toml", "xtask", &["distill-cli"]), ["xtask may not depend on distill-cli"]);
    }
}
