//! Rules for the packages: what a registry shows of them, and the changelog.

use super::Finding;
use super::tree::Tree;

pub(super) fn readme(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in tree.packages().iter().filter(|package| package.is_crate()) {
        let path = format!("crates/{}/README.md", package.name);
        if tree.text(&path).is_none_or(|text| text.trim().is_empty()) {
            let fix = "write what the package is for, with an example; it is the package's documentation, too";
            findings.push(Finding::in_file(&path, "the package has no README", fix));
        }
    }
    findings
}

pub(super) fn manifest(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in tree.packages().iter().filter(|package| package.is_crate()) {
        let mut require = |holds: bool, what: &str, fix| {
            if !holds {
                findings.push(Finding::in_file(&package.manifest, what, fix));
            }
        };
        require(!package.description.trim().is_empty(), "no description", "say in one line what the package is");
        let text = tree.text(&package.manifest).unwrap_or_default();
        require(
            text.contains("\nlicense.workspace = true\n"),
            "a licence of its own",
            "write `license.workspace = true`",
        );
        let linted = text.contains("\n[lints]\nworkspace = true\n");
        require(linted, "not under the lints of the workspace", "add a table `[lints]` with `workspace = true`");
    }
    findings
}

pub(super) fn changelog(tree: &Tree) -> Vec<Finding> {
    const PATH: &str = "CHANGELOG.md";
    let Some(text) = tree.text(PATH) else {
        return vec![Finding::in_file(PATH, "there is no changelog", "add one with a heading `## Unreleased`")];
    };
    let version = tree.packages().iter().find(|package| package.is_crate()).map(|package| package.version.as_str());
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
    use super::super::paths;
    use super::*;
    use crate::metadata::Package;

    const MANIFEST: &str = "crates/a/Cargo.toml";
    const GOOD: &str = "[package]\nlicense.workspace = true\n[lints]\nworkspace = true\n";

    fn tree(files: &[(&str, &str)]) -> Tree {
        let [name, manifest, description, version] = ["a", MANIFEST, "x", "0.2.0"].map(str::to_owned);
        Tree::of(files).with(vec![Package { name, manifest, description, version, ..Package::default() }])
    }

    #[test]
    fn a_package_has_a_readme() {
        assert_eq!(paths(readme(&tree(&[]))), ["crates/a/README.md"]);
        assert_eq!(paths(readme(&tree(&[("crates/a/README.md", "\n")]))), ["crates/a/README.md"]);
        assert_eq!(paths(readme(&tree(&[("crates/a/README.md", "# a\n")]))), [""; 0]);
    }

    #[test]
    fn a_manifest_has_a_description_the_licence_and_the_lints() {
        assert_eq!(paths(manifest(&tree(&[(MANIFEST, GOOD)]))), [""; 0]);
        for (from, to) in [
            ("license.workspace = true", "license = \"MIT\""),
            ("workspace = true\n", ""),
            ("[lints]\nworkspace = true", "[lints.rust]\nunsafe_code = \"allow\""),
        ] {
            assert_ne!(paths(manifest(&tree(&[(MANIFEST, &GOOD.replace(from, to))]))), [""; 0], "{to}");
        }
        let undescribed = Package { manifest: MANIFEST.into(), ..Package::default() };
        let undescribed = Tree::of(&[(MANIFEST, GOOD)]).with(vec![undescribed]);
        assert_eq!(paths(manifest(&undescribed)), [MANIFEST]);
    }

    #[test]
    fn the_changelog_has_a_place_for_the_current_version() {
        let check = |text| paths(changelog(&tree(&[("CHANGELOG.md", text)])));
        assert_eq!(check("# Changelog\n\n## [Unreleased]\n\n## 0.1.0\n"), [""; 0]);
        assert_eq!(check("## Unreleased\n"), [""; 0]);
        assert_eq!(check("## [0.2.0] - 2026-12-01\n"), [""; 0]);
        assert_eq!(check("## 0.1.0\n"), ["CHANGELOG.md"]);
        assert_eq!(check("Unreleased\n"), ["CHANGELOG.md"]);
        assert_eq!(paths(changelog(&tree(&[]))), ["CHANGELOG.md"]);
    }
}
