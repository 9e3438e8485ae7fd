use serde::{Deserialize, Serialize};

use super::bad;
use crate::{Activation, Graph, ModelError, Op};

/// Any network, node by node: what a [`Graph`] has, without its shapes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GraphConfig {
    /// The operations, in an order in which they can be computed. The last one gives the logits.
    pub nodes: Vec<NodeConfig>,
}

/// A node of a [`GraphConfig`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeConfig {
    /// What its parameters' names begin with.
    pub name: String,
    /// The name of what it gives, if that is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What it computes.
    pub op: Op,
    /// The values that go into it: 0 is the input, `i + 1` what node `i` gives.
    pub inputs: Vec<usize>,
}

impl From<&Graph> for GraphConfig {
    fn from(graph: &Graph) -> Self {
        let node = |(i, node): (usize, &crate::Node)| {
            let value = &graph.value(i + 1).name;
            NodeConfig {
                name: node.name.clone(),
                value: (*value != node.name).then(|| value.clone()),
                op: node.op.clone(),
                inputs: node.inputs.clone(),
            }
        };
        Self { nodes: graph.nodes().iter().enumerate().map(node).collect() }
    }
}

impl GraphConfig {
    pub(super) fn architecture(&self, n_classes: usize) -> String {
        let has_weights = |node: &&NodeConfig| {
            matches!(node.op, Op::Linear { .. } | Op::Conv(_) | Op::EmbeddingBag { .. } | Op::Embedding { .. })
        };
        format!("graph of {} layers-{n_classes}", self.nodes.iter().filter(has_weights).count())
    }

    pub(super) fn check(&self) -> Result<(), ModelError> {
        if self.nodes.is_empty() { bad("nodes", "is empty, at least one is needed".to_owned()) } else { Ok(()) }
    }

    pub(super) fn append(&self, graph: &mut Graph, x: usize, n_classes: usize) -> Result<(), ModelError> {
        // What stands in front moves the values of the nodes, not the input itself.
        let place = |value: usize| if value == 0 { x } else { value.saturating_add(x) };
        for node in &self.nodes {
            let inputs: Vec<_> = node.inputs.iter().map(|&input| place(input)).collect();
            let value = node.value.clone().unwrap_or_else(|| node.name.clone());
            graph.push_as(node.name.clone(), node.op.clone(), &inputs, value)?;
        }
        let logits = &graph.values().last().expect("the input at least").shape;
        if *logits != [n_classes] {
            return bad("nodes", format!("ends with a value of shape {logits:?}, but there are {n_classes} classes"));
        }
        Ok(())
    }

    pub(super) fn activation(&self) -> Activation {
        let activation = |node: &NodeConfig| match node.op {
            Op::Activation(activation) => Some(activation),
            _ => None,
        };
        self.nodes.iter().find_map(activation).unwrap_or_default()
    }

    pub(super) fn tokens(&self) -> Option<usize> {
        self.nodes.iter().find_map(|node| match node.op {
            Op::Embedding { rows, .. } => Some(rows),
            _ => None,
        })
    }

    pub(super) fn switch_off_dropout(&mut self) {
        for node in &mut self.nodes {
            if let Op::Dropout { p, .. } = &mut node.op {
                *p = 0.0;
            }
        }
    }
}
