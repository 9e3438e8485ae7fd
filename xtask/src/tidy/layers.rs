//! Which package may depend on which: the arrows of the architecture, and where the heavy crates of the terminal
//! may be used.

use super::Finding;
use super::tree::Tree;
use crate::manifest::{dependencies, entries};

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
    // An export is read back in its tests.
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
            "distill-onnx",
            "distill-train",
            "distill-specialists",
        ],
    ),
    ("distill-predict", &["distill-tensor", "distill-models", "distill-datasets", "distill-recipe"]),
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
    for (name, text) in tree.crates() {
        let path = format!("crates/{name}/Cargo.toml");
        let Some((_, allowed)) = ARROWS.iter().find(|(package, _)| *package == name) else {
            let fix = "add it to ARROWS in xtask/src/tidy/layers.rs and to the architecture page";
            findings.push(Finding::in_file(&path, format!("{name} has no place among the layers"), fix));
            continue;
        };
        for (line, dependency) in dependencies(&entries(text)) {
            if dependency.starts_with("distill-") && !allowed.contains(&"*") && !allowed.contains(&dependency) {
                let what = format!("{name} may not depend on {dependency}");
                let fix = "move what both need down to distill-tensor, or what joins them up to distill-train";
                findings.push(Finding::at(&path, line, what, fix));
            }
            if TERMINAL.contains(&dependency) && name != PROGRAM {
                let what = format!("{name} may not depend on {dependency}, only {PROGRAM} may");
                findings.push(Finding::at(&path, line, what, "return the data, and let the program show it"));
            }
        }
    }
    let own = tree.text("xtask/Cargo.toml").unwrap_or_default();
    for (line, dependency) in dependencies(&entries(own)) {
        if dependency.starts_with("distill-") {
            let what = format!("xtask may not depend on {dependency}");
            findings.push(Finding::at("xtask/Cargo.toml", line, what, "start it through cargo"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::places;
    use super::*;

    #[track_caller]
    fn check(package: &str, dependencies: &str, expected: &[&str]) {
        let path = format!("crates/{package}/Cargo.toml");
        let expected: Vec<String> = expected.iter().map(|line| format!("{path}{line}")).collect();
        assert_eq!(places(arrows, &[(&path, dependencies)]), expected);
    }

    #[test]
    fn arrows_point_down() {
        check("distill-tensor", "[dependencies]\ndistill-losses.workspace = true\n", &[":2"]);
        check("distill-losses", "[dependencies]\nndarray.workspace = true\ndistill-tensor.workspace = true\n", &[]);
        check("distill-train", "[dependencies]\ndistill-cli.workspace = true\n", &[":2"]);
        check("distill-train", "[dependencies]\ndistill-losses.workspace = true\n", &[]);
        check("distill-cli", "[dependencies]\ndistill-train.workspace = true\n", &[]);
    }

    #[test]
    fn siblings_do_not_know_each_other_in_tests_either() {
        check("distill-losses", "[dev-dependencies]\ndistill-models = { path = \"../distill-models\" }\n", &[":2"]);
        check("distill-models", "[dependencies.distill-datasets]\nworkspace = true\n", &[":2"]);
    }

    #[test]
    fn only_the_program_talks_to_a_terminal() {
        for dependency in TERMINAL {
            let dependencies = format!("[dependencies]\n{dependency}.workspace = true\n");
            check("distill-train", &dependencies, &[":2"]);
            check("distill-cli", &dependencies, &[]);
        }
        check("distill-train", "[dependencies]\ntracing.workspace = true\n", &[]);
    }

    #[test]
    fn a_new_package_needs_a_place() {
        check("distill-new", "", &[""]);
    }

    #[test]
    fn xtask_depends_on_none_of_ours() {
        let bad = ("xtask/Cargo.toml", "[dependencies]\ndistill-cli.workspace = true\n");
        assert_eq!(places(arrows, &[bad]), ["xtask/Cargo.toml:2"]);
    }
}
