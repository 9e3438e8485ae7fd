use std::collections::HashMap;

use super::file::Node;

/// More letters than a name of PyTorch has.
const MAX_LEN: usize = 120;

/// Names of nodes and their values, each of which is given once.
pub(super) struct Names {
    /// With the number that the next one of that name gets.
    taken: HashMap<String, u32>,
}

impl Names {
    pub(super) fn new() -> Self {
        Self { taken: ["input", "logits"].map(|name| (name.to_owned(), 2)).into() }
    }

    /// The name of a node: what its weight is called in PyTorch, or the path of its module, or of its value.
    pub(super) fn of(&mut self, node: &Node<'_>, weight: Option<&str>) -> String {
        let of_weight = weight.and_then(|name| name.strip_suffix(".weight")).filter(|name| !name.contains("::"));
        let name = match of_weight {
            Some(name) => name.to_owned(),
            None if node.name.starts_with('/') => module(node.name),
            None => node.outputs.first().copied().unwrap_or_default().to_owned(),
        };
        let name: String = name.chars().take(MAX_LEN).collect();
        self.unique(if name.is_empty() { node.op.to_lowercase() } else { name })
    }

    fn unique(&mut self, name: String) -> String {
        let mut free = name.clone();
        while self.taken.contains_key(&free) {
            let next = self.taken.entry(name.clone()).or_insert(2);
            free = format!("{name}_{next}");
            *next += 1;
        }
        self.taken.insert(free.clone(), 2);
        free
    }
}

/// `/blocks/blocks.0/conv1/Conv` is `blocks.0.conv1`.
fn module(path: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if parts.len() > 1 {
        parts.pop();
    }
    let mut name = String::new();
    let mut before = "";
    for part in parts {
        match part.strip_prefix(before).filter(|rest| !before.is_empty() && rest.starts_with('.')) {
            Some(rest) => name.push_str(rest),
            None if name.is_empty() => name.push_str(part),
            None => {
                name.push('.');
                name.push_str(part);
            }
        }
        before = part;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_names_of_modules() {
        for (path, name) in [
            ("/blocks/blocks.0/conv1/Conv", "blocks.0.conv1"),
            ("/first/first.2/Clip", "first.2"),
            ("/Add", "Add"),
            ("/head/Gemm", "head"),
            ("/layer1/layer1.0/layer1.0.1/Relu", "layer1.0.1"),
        ] {
            assert_eq!(module(path), name);
        }
        let mut names = Names::new();
        let names = ["a", "a", "a_2", "input", "a"].map(|name| names.unique(name.to_owned()));
        assert_eq!(names, ["a", "a_2", "a_2_2", "input_2", "a_3"]);
    }
}
