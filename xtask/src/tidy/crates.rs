//! Rules for the packages: what a registry shows of them, and the changelog.

use super::Finding;
use super::tree::Tree;
use crate::manifest::{entries, find, strings};

pub(super) fn readme(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, _) in tree.crates() {
        let path = format!("crates/{name}/README.md");
        if tree.text(&path).is_none_or(|text| text.trim().is_empty()) {
            let fix = "write what the package is for, with an example; it is the package's documentation, too";
            findings.push(Finding::in_file(&path, "the package has no README", fix));
        }
    }
    findings
}

pub(super) fn manifest(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, text) in tree.crates() {
        let path = format!("crates/{name}/Cargo.toml");
        let entries = entries(text);
        let is_true = |table, key| find(&entries, table, key).is_some_and(|entry| entry.value == "true");
        let mut require = |holds: bool, what: &str, fix| {
            if !holds {
                findings.push(Finding::in_file(&path, what, fix));
            }
        };
        let described = find(&entries, "package", "description")
            .is_some_and(|entry| strings(&entry.value).any(|description| !description.trim().is_empty()));
        require(described, "no description", "say in one line what the package is");
        let licensed = is_true("package", "license.workspace");
        require(licensed, "a licence of its own", "write `license.workspace = true`");
        let linted = is_true("lints", "workspace");
        require(linted, "not under the lints of the workspace", "add a table `[lints]` with `workspace = true`");
    }
    findings
}

pub(super) fn changelog(tree: &Tree) -> Vec<Finding> {
    const PATH: &str = "CHANGELOG.md";
    let Some(text) = tree.text(PATH) else {
        return vec![Finding::in_file(PATH, "there is no changelog", "add one with a heading `## Unreleased`")];
    };
    let manifest = entries(tree.text("Cargo.toml").unwrap_or_default());
    let version = find(&manifest, "workspace.package", "version").and_then(|entry| strings(&entry.value).next());
    // `## Unreleased`, `## [0.1.0] - 2026-01-31`
    let heading = |line: &str| {
        line.strip_prefix("## ")?.split_whitespace().next().map(|word| word.trim_matches(['[', ']']).to_owned())
    };
    let current = |name: &str| name == "Unreleased" || Some(name) == version;
    if text.lines().filter_map(heading).any(|name| current(&name)) {
        return Vec::new();
    }
    let what = format!("no heading for version {} or for what is unreleased", version.unwrap_or("(unknown)"));
    vec![Finding::in_file(PATH, what, "add `## Unreleased` above the last version")]
}

#[cfg(test)]
mod tests {
    use super::super::places;
    use super::*;

    const MANIFEST: &str = "crates/a/Cargo.toml";
    const GOOD: &str = "[package]\ndescription = \"x\"\nlicense.workspace = true\n[lints]\nworkspace = true\n";

    #[test]
    fn a_package_has_a_readme() {
        assert_eq!(places(readme, &[(MANIFEST, GOOD)]), ["crates/a/README.md"]);
        assert_eq!(places(readme, &[(MANIFEST, GOOD), ("crates/a/README.md", "\n")]), ["crates/a/README.md"]);
        assert_eq!(places(readme, &[(MANIFEST, GOOD), ("crates/a/README.md", "# a\n")]), [""; 0]);
    }

    #[test]
    fn a_manifest_has_a_description_the_licence_and_the_lints() {
        assert_eq!(places(manifest, &[(MANIFEST, GOOD)]), [""; 0]);
        for (from, to) in [
            ("\"x\"", "\"\""),
            ("license.workspace = true", "license = \"MIT\""),
            ("workspace = true\n", ""),
            ("[lints]\nworkspace = true", "[lints.rust]\nunsafe_code = \"allow\""),
        ] {
            assert_ne!(places(manifest, &[(MANIFEST, &GOOD.replace(from, to))]), [""; 0], "{to}");
        }
    }

    #[test]
    fn the_changelog_has_a_place_for_the_current_version() {
        const WORKSPACE: (&str, &str) = ("Cargo.toml", "[workspace.package]\nversion = \"0.2.0\"\n");
        let check = |text| places(changelog, &[WORKSPACE, ("CHANGELOG.md", text)]);
        assert_eq!(check("# Changelog\n\n## [Unreleased]\n\n## 0.1.0\n"), [""; 0]);
        assert_eq!(check("## Unreleased\n"), [""; 0]);
        assert_eq!(check("## [0.2.0] - 2026-12-01\n"), [""; 0]);
        assert_eq!(check("## 0.1.0\n"), ["CHANGELOG.md"]);
        assert_eq!(check("Unreleased\n"), ["CHANGELOG.md"]);
        assert_eq!(places(changelog, &[WORKSPACE]), ["CHANGELOG.md"]);
    }
}
