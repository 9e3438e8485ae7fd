//! Trees as files have them: lists with an entry for each node, and lists with one for each weight of a leaf.

use super::graph::Node;

/// When the first child of a node is the next, or that it has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Leaf,
    Leq,
    Lt,
    Gte,
    Gt,
    Eq,
    Neq,
}

/// The lists of an ensemble. A node is known by the number of its tree and its own.
pub(super) struct Draft {
    pub(super) trees: Vec<i32>,
    pub(super) nodes: Vec<i32>,
    pub(super) features: Vec<i32>,
    pub(super) thresholds: Vec<f64>,
    pub(super) modes: Vec<Mode>,
    /// The children where the condition holds, and where not.
    pub(super) yes: Vec<i32>,
    pub(super) no: Vec<i32>,
    /// Where not 0, a missing value goes to the first child; may be empty.
    pub(super) missing: Vec<i32>,
    pub(super) weights: Weights,
}

/// What leaves add: to which target, and how much.
pub(super) struct Weights {
    pub(super) trees: Vec<i32>,
    pub(super) nodes: Vec<i32>,
    pub(super) targets: Vec<i32>,
    pub(super) values: Vec<f64>,
}

impl Weights {
    /// A target, of so many, that no weight is of.
    pub(super) fn unspoken(&self, n_targets: usize) -> Option<usize> {
        let mut is_said = vec![false; n_targets];
        for &target in &self.targets {
            if let Some(said) = usize::try_from(target).ok().and_then(|target| is_said.get_mut(target)) {
                *said = true;
            }
        }
        is_said.iter().position(|said| !said)
    }
}

impl Mode {
    fn read(name: &[u8]) -> Result<Self, String> {
        match name {
            b"LEAF" => Ok(Self::Leaf),
            b"BRANCH_LEQ" => Ok(Self::Leq),
            b"BRANCH_LT" => Ok(Self::Lt),
            b"BRANCH_GTE" => Ok(Self::Gte),
            b"BRANCH_GT" => Ok(Self::Gt),
            b"BRANCH_EQ" => Ok(Self::Eq),
            b"BRANCH_NEQ" => Ok(Self::Neq),
            other => {
                let shown = other[..other.len().min(40)].escape_ascii();
                Err(format!("has a node of the mode `{shown}`, which distill does not know"))
            }
        }
    }
}

impl Draft {
    /// Reads the lists of a node; `weights` is what the names of those of weights begin with, `class` or `target`.
    pub(super) fn read(node: &Node<'_>, weights: &str) -> Result<Self, String> {
        let draft = Self {
            trees: node.ints("nodes_treeids")?,
            nodes: node.ints("nodes_nodeids")?,
            features: node.ints("nodes_featureids")?,
            thresholds: node.floats("nodes_values")?,
            modes: node.texts("nodes_modes", usize::MAX, Mode::read)?,
            yes: node.ints("nodes_truenodeids")?,
            no: node.ints("nodes_falsenodeids")?,
            missing: node.ints("nodes_missing_value_tracks_true")?,
            weights: Weights {
                trees: node.ints(&format!("{weights}_treeids"))?,
                nodes: node.ints(&format!("{weights}_nodeids"))?,
                targets: node.ints(&format!("{weights}_ids"))?,
                values: node.floats(&format!("{weights}_weights"))?,
            },
        };
        draft.check(weights)?;
        Ok(draft)
    }

    /// That lists of the same things have the same lengths.
    fn check(&self, weights: &str) -> Result<(), String> {
        let n = self.trees.len();
        if n == 0 {
            return Err("has no nodes".to_owned());
        }
        let lists = [
            ("nodes_nodeids", self.nodes.len()),
            ("nodes_featureids", self.features.len()),
            ("nodes_values", self.thresholds.len()),
            ("nodes_modes", self.modes.len()),
            ("nodes_truenodeids", self.yes.len()),
            ("nodes_falsenodeids", self.no.len()),
        ];
        let missing = ("nodes_missing_value_tracks_true", self.missing.len());
        let missing = if self.missing.is_empty() { None } else { Some(missing) };
        if let Some((name, found)) = lists.into_iter().chain(missing).find(|&(_, found)| found != n) {
            return Err(format!("has {n} numbers in `nodes_treeids` and {found} in `{name}`"));
        }
        let Weights { trees, nodes, targets, values } = &self.weights;
        let lists = [("nodeids", nodes.len()), ("ids", targets.len()), ("weights", values.len())];
        match lists.into_iter().find(|&(_, found)| found != trees.len()) {
            Some((name, found)) => {
                let n = trees.len();
                Err(format!("has {n} numbers in `{weights}_treeids` and {found} in `{weights}_{name}`"))
            }
            None => Ok(()),
        }
    }

    /// How a message names a node.
    pub(super) fn name(&self, at: usize) -> String {
        format!("node {} of tree {}", self.nodes[at], self.trees[at])
    }
}
