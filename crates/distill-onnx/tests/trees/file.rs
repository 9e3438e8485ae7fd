//! Files made by hand.

use distill_export::wire::Message;
use distill_onnx::{OnnxError, Trees};
use ndarray::{Array2, ArrayView2};

/// A node that is being made.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) op: String,
    inputs: Vec<String>,
    outputs: Vec<String>,
    attributes: Vec<(String, Message)>,
}

impl Node {
    pub(crate) fn new(op: &str, inputs: &[&str], outputs: &[&str]) -> Self {
        let [inputs, outputs] = [inputs, outputs].map(|names| names.iter().map(ToString::to_string).collect());
        Self { op: op.to_owned(), inputs, outputs, attributes: vec![] }
    }

    fn with(mut self, name: &str, fill: impl Fn(&mut Message)) -> Self {
        let mut attribute = Message::default();
        attribute.text(1, name);
        fill(&mut attribute);
        self.attributes.retain(|(found, _)| found != name);
        self.attributes.push((name.to_owned(), attribute));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.attributes.retain(|(found, _)| found != name);
        self
    }

    pub(crate) fn int(self, name: &str, value: i64) -> Self {
        self.with(name, |attribute| _ = attribute.int(3, value).int(20, 2))
    }

    /// What an `Imputer` takes for missing.
    pub(crate) fn with_missing(self, value: f32) -> Self {
        self.with("replaced_value_float", |attribute| _ = attribute.float(2, value).int(20, 1))
    }

    pub(crate) fn text(self, name: &str, value: &str) -> Self {
        self.with(name, |attribute| _ = attribute.text(4, value).int(20, 3))
    }

    pub(crate) fn ints(self, name: &str, values: &[i64]) -> Self {
        self.with(name, |attribute| {
            values.iter().for_each(|&value| _ = attribute.int(8, value));
            attribute.int(20, 7);
        })
    }

    pub(crate) fn floats(self, name: &str, values: &[f32]) -> Self {
        self.with(name, |attribute| {
            values.iter().for_each(|&value| _ = attribute.float(7, value));
            attribute.int(20, 6);
        })
    }

    /// One after the other, as newer programs write lists.
    pub(crate) fn packed(self, name: &str, values: &[f32]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.with(name, |attribute| _ = attribute.bytes(7, &bytes).int(20, 6))
    }

    /// A tensor of f64 in place of a list.
    pub(crate) fn doubles(self, name: &str, values: &[f64]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let mut tensor = Message::default();
        tensor.int(1, values.len() as i64).int(2, 11).bytes(9, &bytes);
        self.with(&format!("{name}_as_tensor"), |attribute| _ = attribute.message(5, &tensor).int(20, 4)).without(name)
    }

    pub(crate) fn texts(self, name: &str, values: &[&str]) -> Self {
        self.with(name, |attribute| {
            values.iter().for_each(|value| _ = attribute.text(9, value));
            attribute.int(20, 8);
        })
    }

    fn message(&self) -> Message {
        let mut node = Message::default();
        self.inputs.iter().for_each(|name| _ = node.text(1, name));
        self.outputs.iter().for_each(|name| _ = node.text(2, name));
        node.text(4, &self.op);
        self.attributes.iter().for_each(|(_, attribute)| _ = node.message(5, attribute));
        if self.op.starts_with("Tree") {
            node.text(7, "ai.onnx.ml");
        }
        node
    }
}

/// One tree with one node that has two leaves: feature 0 is compared with `threshold`. The one leaf gives 1 to target 0, the other
/// 1 to target 1.
pub(crate) fn stump(mode: &str, threshold: f32) -> Node {
    Node::new("TreeEnsembleRegressor", &["x"], &["y"])
        .int("n_targets", 2)
        .ints("nodes_treeids", &[0; 3])
        .ints("nodes_nodeids", &[0, 1, 2])
        .ints("nodes_featureids", &[0; 3])
        .floats("nodes_values", &[threshold, 0.0, 0.0])
        .texts("nodes_modes", &[mode, "LEAF", "LEAF"])
        .ints("nodes_truenodeids", &[1, 0, 0])
        .ints("nodes_falsenodeids", &[2, 0, 0])
        .ints("target_treeids", &[0; 2])
        .ints("target_nodeids", &[1, 2])
        .ints("target_ids", &[0, 1])
        .floats("target_weights", &[1.0; 2])
}

/// The same as a classifier of two classes, with these classes and weights of its two leaves.
pub(crate) fn classifier(ids: &[i64], weights: &[f32]) -> Node {
    let node = ["target_treeids", "target_nodeids", "target_ids", "target_weights", "n_targets"]
        .into_iter()
        .fold(stump("BRANCH_LEQ", 0.0), Node::without);
    let each = ids.len() / 2;
    let leaves: Vec<i64> = [1, 2].into_iter().flat_map(|leaf| vec![leaf; each]).collect();
    Node { op: "TreeEnsembleClassifier".to_owned(), outputs: vec!["label".to_owned(), "y".to_owned()], ..node }
        .ints("class_treeids", &vec![0; ids.len()])
        .ints("class_nodeids", &leaves)
        .ints("class_ids", ids)
        .floats("class_weights", weights)
        .ints("classlabels_int64s", &[0, 1])
}

/// A file of these nodes, `x` of shape `[?, n_features]`, whose outputs are those of the last, and constants of f32.
pub(crate) fn file(nodes: &[Node], n_features: i64, constants: &[(&str, &[i64], &[f32])]) -> Vec<u8> {
    let mut graph = Message::default();
    nodes.iter().for_each(|node| _ = graph.message(1, &node.message()));
    for (name, sides, values) in constants {
        let mut tensor = Message::default();
        sides.iter().for_each(|&side| _ = tensor.int(1, side));
        values.iter().for_each(|&value| _ = tensor.float(4, value));
        graph.message(5, tensor.int(2, 1).text(8, name));
    }
    let message = |fill: &dyn Fn(&mut Message)| {
        let mut message = Message::default();
        fill(&mut message);
        message
    };
    let sides = message(&|shape| {
        shape.message(1, &Message::default());
        shape.message(1, &message(&|side| _ = side.int(1, n_features)));
    });
    let tensor = message(&|kind| _ = kind.message(1, &message(&|tensor| _ = tensor.int(1, 1).message(2, &sides))));
    graph.message(11, &message(&|port| _ = port.text(1, "x").message(2, &tensor)));
    let last = nodes.last().map_or(&[][..], |node| &node.outputs);
    for name in last.iter().rev() {
        graph.message(12, &message(&|port| _ = port.text(1, name)));
    }
    let opset = message(&|opset| _ = opset.text(1, "ai.onnx.ml").int(2, 3));
    message(&|model| _ = model.int(1, 8).message(7, &graph).message(8, &opset)).into_bytes()
}

pub(crate) fn read(nodes: &[Node], n_features: i64) -> Result<Trees, OnnxError> {
    Trees::from_bytes(&file(nodes, n_features, &[]), "x", "y", n_features as usize)
}

/// What a node answers to one feature each.
pub(crate) fn asked(node: &Node, inputs: &[f32]) -> Array2<f32> {
    let inputs = ArrayView2::from_shape((inputs.len(), 1), inputs).unwrap();
    read(std::slice::from_ref(node), 1).unwrap().answers(inputs)
}
