//! What cargo knows of the packages: its own reading of the manifests and of `Cargo.lock`.

use serde_json::Value;

use crate::Result;
use crate::call::{Call, root};

/// A package of the workspace, or one that it uses.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Empty if it states none.
    pub(crate) license: String,
    pub(crate) description: String,
    /// The registry or repository that it comes from; empty for those of the workspace.
    pub(crate) source: String,
    /// From the root, with `/` on every system, for those of the workspace.
    pub(crate) manifest: String,
    pub(crate) is_published: bool,
    /// The names of what it depends on, in tests and in its build too.
    pub(crate) dependencies: Vec<String>,
}

impl Package {
    /// Whether it is one of those in `crates/`.
    pub(crate) fn is_crate(&self) -> bool {
        self.source.is_empty() && self.manifest.starts_with("crates/")
    }
}

/// The packages of the workspace.
pub(crate) fn workspace() -> Result<Vec<Package>> {
    packages(&Call::cargo(["metadata", "--format-version", "1", "--no-deps"]).output()?)
}

/// The packages of the workspace, and all that any build of them uses.
pub(crate) fn all() -> Result<Vec<Package>> {
    packages(&Call::cargo(["metadata", "--format-version", "1", "--all-features", "--locked"]).output()?)
}

fn packages(json: &str) -> Result<Vec<Package>> {
    let metadata: Value = serde_json::from_str(json)?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata names no packages")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let package = |value: &Value| {
        let manifest = text(&value["manifest_path"]);
        let below = std::path::Path::new(&manifest).strip_prefix(root()).ok();
        let dependencies = value["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
        Package {
            name: text(&value["name"]),
            version: text(&value["version"]),
            license: text(&value["license"]),
            description: text(&value["description"]),
            source: text(&value["source"]),
            manifest: below.map_or(manifest.clone(), |path| path.display().to_string().replace('\\', "/")),
            // An empty list of registries: none.
            is_published: value["publish"].as_array().is_none_or(|registries| !registries.is_empty()),
            dependencies: dependencies.iter().map(|dependency| text(&dependency["name"])).collect(),
        }
    };
    Ok(packages.iter().map(package).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_tells_of_this_workspace() {
        let packages = workspace().expect("cargo reads the manifests");
        let find = |name: &str| packages.iter().find(|package| package.name == name).expect("it is there");
        let losses = find("distill-losses");
        assert_eq!(losses.manifest, "crates/distill-losses/Cargo.toml");
        assert!(losses.is_crate() && losses.is_published && losses.source.is_empty());
        assert!(losses.dependencies.contains(&"distill-tensor".to_owned()), "{losses:?}");
        assert!(losses.dependencies.contains(&"criterion".to_owned()), "those of tests are there too: {losses:?}");
        assert!(!find("distill-cli").is_published && !find("xtask").is_crate());
    }
}
