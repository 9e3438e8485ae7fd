use std::collections::HashSet;

use distill_models::{Activation, Model as _, Network, Node as ModelNode, Op as ModelOp, Task, Trainable as _, Window};

use crate::fold::Norm;
use crate::graph::{Graph, Node, Port, Tensor};
use crate::op::Op;
use crate::{ExportError, OnnxExportOptions};

const INPUT: &str = "input";
const LOGITS: &str = "logits";
const PREDICTIONS: &str = "predictions";
const PROBABILITIES: &str = "probabilities";

/// What the first output of an exported model is called. Nobody would look for prices under `logits`.
pub fn output_name(task: Task) -> &'static str {
    match task {
        Task::Classes => LOGITS,
        Task::Numbers => PREDICTIONS,
    }
}

/// The graph of a network for inference: without dropout, and with batch norms in the weights before them.
pub(crate) fn build(model: &Network, options: OnnxExportOptions) -> Result<Graph, ExportError> {
    let (spec, nodes) = (model.spec(), model.graph().nodes());
    let architecture = || spec.architecture.clone();
    let reads_input = |node: &&ModelNode| node.inputs.contains(&0);
    if nodes.iter().any(|node| matches!(node.op, ModelOp::EmbeddingBag { .. })) {
        return Err(ExportError::Embedding { architecture: architecture() });
    }
    let takes_vector = |node: &ModelNode| matches!(node.op, ModelOp::Flatten | ModelOp::Dropout { .. });
    let flat = options.flat || spec.input_shape.len() == 1;
    if options.flat && spec.input_shape.len() > 1 && !nodes.iter().filter(reads_input).all(takes_vector) {
        return Err(ExportError::Flat { architecture: architecture() });
    }
    if options.probabilities && spec.task == Task::Numbers {
        return Err(ExportError::Probabilities { architecture: architecture() });
    }
    let answers = output_name(spec.task);
    let port = |name: &str, dims: Vec<usize>| Port { name: name.to_owned(), dims };
    let input = if flat { vec![spec.features()] } else { spec.input_shape.clone() };
    let mut outputs = vec![port(answers, vec![spec.classes.len()])];
    if options.probabilities {
        outputs.push(port(PROBABILITIES, vec![spec.classes.len()]));
    }
    let names = Names::of(model, options);
    let mut builder = Builder { model, names, nodes: vec![], weights: vec![], numbers: vec![] };
    for (i, node) in nodes.iter().enumerate() {
        if builder.names.origin[i + 1] == i + 1 {
            builder.node(node, i + 1);
        }
    }
    if builder.names.origin.last() == Some(&0) {
        builder.push(Op::Flatten, &[INPUT], answers);
    }
    if options.probabilities {
        builder.push(Op::Softmax, &[answers], PROBABILITIES);
    }
    let Builder { nodes, weights, numbers, .. } = builder;
    let constants = [weights, numbers].concat();
    Ok(Graph { name: architecture(), nodes, constants, inputs: vec![port(INPUT, input)], outputs })
}

/// What the values of a network are called, and which are others' under another name.
struct Names {
    /// The value that each value is; itself, unless its node is left out.
    origin: Vec<usize>,
    /// Of each value that has a node.
    values: Vec<String>,
    /// The batch norm that is part of a layer, by the value of the batch norm.
    folded: Vec<Option<usize>>,
}

impl Names {
    fn of(model: &Network, options: OnnxExportOptions) -> Self {
        let graph = model.graph();
        let (nodes, n) = (graph.nodes(), graph.values().len());
        let answers = output_name(model.spec().task);
        let mut origin: Vec<usize> = (0..n).collect();
        let mut names: Vec<String> = graph.values().iter().map(|value| value.name.clone()).collect();
        let mut readers = vec![0; n];
        for &input in nodes.iter().flat_map(|node| &node.inputs) {
            readers[input] += 1;
        }
        let mut folded = vec![None; n];
        for (i, node) in nodes.iter().enumerate() {
            let (value, input) = (i + 1, node.inputs[0]);
            let from = origin[input];
            match node.op {
                ModelOp::Dropout { .. } => {
                    origin[value] = from;
                    // What a layer with dropout gives has the same name as without.
                    if readers[input] == 1 {
                        names[from] = names[value].clone();
                    }
                }
                ModelOp::Flatten if from == 0 => {
                    if options.flat || graph.value(0).shape.len() == 1 {
                        origin[value] = 0;
                    }
                    "flat".clone_into(&mut names[value]);
                }
                ModelOp::BatchNorm if !options.keep_batch_norm && input > 0 && readers[input] == 1 => {
                    if matches!(nodes[input - 1].op, ModelOp::Conv(_) | ModelOp::Linear { .. }) {
                        folded[value] = Some(input);
                    }
                }
                _ => {}
            }
        }
        INPUT.clone_into(&mut names[0]);
        let last = origin[n - 1];
        let mut taken: HashSet<String> = [INPUT, answers, PROBABILITIES].map(str::to_owned).into();
        taken.extend(model.params().iter().map(|(name, ..)| name.to_owned()));
        taken.extend(nodes.iter().map(|node| format!("{}.bias", node.name)));
        taken.extend(Scalar::ALL.map(|scalar| scalar.name().to_owned()));
        taken.extend(parts(answers));
        for (value, name) in names.iter_mut().enumerate().skip(1) {
            if value == last {
                answers.clone_into(name);
                continue;
            }
            while taken.contains(name) || parts(name).any(|part| taken.contains(&part)) {
                name.push('_');
            }
            taken.extend(parts(name).chain([name.clone()]));
        }
        Self { origin, values: names, folded }
    }
}

/// What the nodes on the way to a value may be called.
fn parts(name: &str) -> impl Iterator<Item = String> {
    let parts =
        ["scaled", "erf", "erf_plus_one", "cdf", "sigmoid", "map", "shifted", "numbers", "rows", "turned", "normed"];
    parts.into_iter().map(move |part| format!("{name}.{part}"))
}

/// Constant numbers, which all layers share.
#[derive(Clone, Copy)]
enum Scalar {
    SqrtHalf,
    One,
    Half,
    Zero,
    Six,
}

impl Scalar {
    const ALL: [Self; 5] = [Self::SqrtHalf, Self::One, Self::Half, Self::Zero, Self::Six];

    fn name(self) -> &'static str {
        match self {
            Self::SqrtHalf => "gelu.sqrt_half",
            Self::One => "gelu.one",
            Self::Half => "gelu.half",
            Self::Zero => "relu6.zero",
            Self::Six => "relu6.six",
        }
    }

    fn value(self) -> f32 {
        match self {
            Self::SqrtHalf => std::f32::consts::FRAC_1_SQRT_2,
            Self::One => 1.0,
            Self::Half => 0.5,
            Self::Zero => 0.0,
            Self::Six => 6.0,
        }
    }
}

struct Builder<'a> {
    model: &'a Network,
    names: Names,
    nodes: Vec<Node>,
    weights: Vec<Tensor>,
    numbers: Vec<Tensor>,
}

impl Builder<'_> {
    fn push(&mut self, op: Op, inputs: &[&str], output: &str) {
        let inputs = inputs.iter().map(|&name| name.to_owned()).collect();
        self.nodes.push(Node { op, inputs, output: output.to_owned() });
    }

    /// A parameter of a node, if it has one of that name.
    fn param(&self, node: &ModelNode, what: &str) -> Option<(String, &[usize], &[f32])> {
        let name = format!("{}.{what}", node.name);
        let found = self.model.params().iter().find(|(found, ..)| *found == name)?;
        Some((name, found.1, found.2))
    }

    /// Writes a parameter, and gives its name.
    fn weight(&mut self, node: &ModelNode, what: &str, sides: Option<&[usize]>) -> Option<String> {
        let (name, dims, values) = self.param(node, what)?;
        let tensor = Tensor { name: name.clone(), dims: sides.unwrap_or(dims).to_vec(), values: values.to_vec() };
        self.weights.push(tensor);
        Some(name)
    }

    fn node(&mut self, node: &ModelNode, value: usize) {
        let names: Vec<String> =
            node.inputs.iter().map(|&input| self.names.values[self.names.origin[input]].clone()).collect();
        let mut inputs: Vec<&str> = names.iter().map(String::as_str).collect();
        let output = self.names.values[value].clone();
        let op = match node.op {
            ModelOp::Linear { .. } | ModelOp::Conv(_) if self.names.folded.contains(&Some(value)) => return,
            ModelOp::Linear { .. } | ModelOp::Conv(_) => {
                let others = ["weight", "bias"].map(|what| self.weight(node, what, None));
                inputs.extend(others.iter().flatten().map(String::as_str));
                return self.push(layer(&node.op), &inputs, &output);
            }
            ModelOp::BatchNorm => match self.names.folded[value] {
                Some(layer) => return self.layer_with_norm(layer, node, &output),
                None => {
                    let others = ["weight", "bias", "running_mean", "running_var"];
                    let others = others.map(|what| self.weight(node, what, None));
                    inputs.extend(others.iter().flatten().map(String::as_str));
                    return self.push(Op::BatchNormalization, &inputs, &output);
                }
            },
            ModelOp::Standardize { by_channel } => {
                let channels = [self.model.spec().input_shape[0], 1, 1];
                let [mean, scale] = ["mean", "scale"]
                    .map(|what| self.weight(node, what, by_channel.then_some(&channels[..])).unwrap_or_default());
                let shifted = format!("{output}.shifted");
                self.push(Op::Sub, &[inputs[0], &mean], &shifted);
                return self.push(Op::Mul, &[&shifted, &scale], &output);
            }
            ModelOp::Activation(activation) => return self.activation(activation, inputs[0], &output),
            ModelOp::GlobalAveragePool => {
                let map = format!("{output}.map");
                self.push(Op::GlobalAveragePool, &inputs, &map);
                return self.push(Op::Flatten, &[&map], &output);
            }
            ModelOp::GlobalMaxPool => {
                let map = format!("{output}.map");
                self.push(Op::GlobalMaxPool, &inputs, &map);
                return self.push(Op::Flatten, &[&map], &output);
            }
            ModelOp::Embedding { outputs, .. } => return self.sequence(node, outputs, inputs[0], &output),
            ModelOp::LayerNorm => return self.layer_norm(node, inputs[0], &output),
            ModelOp::MaxPool(window) => Op::MaxPool(window),
            ModelOp::AveragePool(window) => Op::AveragePool(window),
            ModelOp::Add => Op::Add,
            ModelOp::Concat => Op::Concat,
            ModelOp::Flatten => Op::Flatten,
            ModelOp::Dropout { .. } | ModelOp::EmbeddingBag { .. } => return,
        };
        self.push(op, &inputs, &output);
    }

    /// The rows of tokens: `(tokens)` to `(dims, 1, tokens)`. That of the padding is zeros.
    fn sequence(&mut self, node: &ModelNode, dims: usize, x: &str, output: &str) {
        let Some((name, sides, values)) = self.param(node, "weight") else { return };
        let dims_of_table = vec![sides[0], dims, 1];
        let mut values = values.to_vec();
        values[..dims].fill(0.0);
        self.weights.push(Tensor { name: name.clone(), dims: dims_of_table, values });
        let [numbers, rows] = ["numbers", "rows"].map(|what| format!("{output}.{what}"));
        self.push(Op::Cast, &[x], &numbers);
        self.push(Op::Gather, &[&name, &numbers], &rows);
        self.push(Op::Transpose([1, 2, 0]), &[&rows], output);
    }

    /// ONNX norms over the last sides: the channels of a map go there and back.
    fn layer_norm(&mut self, node: &ModelNode, x: &str, output: &str) {
        let [weight, bias] = ["weight", "bias"].map(|what| self.weight(node, what, None).unwrap_or_default());
        if self.model.graph().value(node.inputs[0]).shape.len() == 1 {
            return self.push(Op::LayerNormalization, &[x, &weight, &bias], output);
        }
        let [turned, normed] = ["turned", "normed"].map(|what| format!("{output}.{what}"));
        self.push(Op::Transpose([1, 2, 0]), &[x], &turned);
        self.push(Op::LayerNormalization, &[&turned, &weight, &bias], &normed);
        self.push(Op::Transpose([2, 0, 1]), &[&normed], output);
    }

    /// A layer and the batch norm behind it as one layer.
    fn layer_with_norm(&mut self, value: usize, norm: &ModelNode, output: &str) {
        let node = &self.model.graph().nodes()[value - 1];
        let vector = |what| self.param(norm, what).map_or(&[][..], |(_, _, values)| values);
        let of = Norm {
            scale: vector("weight"),
            shift: vector("bias"),
            mean: vector("running_mean"),
            variance: vector("running_var"),
        };
        let bias = self.param(node, "bias").map(|(_, _, values)| values);
        let Some((name, dims, weights)) = self.param(node, "weight") else { return };
        let (weights, bias) = of.fold(weights, bias);
        let of_bias = format!("{}.bias", node.name);
        let tensors = [
            Tensor { name: name.clone(), dims: dims.to_vec(), values: weights },
            Tensor { name: of_bias.clone(), dims: vec![bias.len()], values: bias },
        ];
        self.weights.extend(tensors);
        let input = self.names.values[self.names.origin[node.inputs[0]]].clone();
        self.push(layer(&node.op), &[&input, &name, &of_bias], output);
    }

    fn activation(&mut self, activation: Activation, x: &str, output: &str) {
        match activation {
            Activation::Relu => self.push(Op::Relu, &[x], output),
            Activation::Tanh => self.push(Op::Tanh, &[x], output),
            Activation::HardSwish => self.push(Op::HardSwish, &[x], output),
            Activation::Relu6 => {
                let [zero, six] = [Scalar::Zero, Scalar::Six].map(|scalar| self.number(scalar));
                self.push(Op::Clip, &[x, zero, six], output);
            }
            Activation::Silu => {
                let sigmoid = format!("{output}.sigmoid");
                self.push(Op::Sigmoid, &[x], &sigmoid);
                self.push(Op::Mul, &[x, &sigmoid], output);
            }
            // z (1 + erf(z / √2)) / 2; a node of its own is only in later versions of ONNX.
            Activation::Gelu => {
                let [root, one, half] = [Scalar::SqrtHalf, Scalar::One, Scalar::Half].map(|scalar| self.number(scalar));
                let [scaled, erf, plus_one, cdf] =
                    ["scaled", "erf", "erf_plus_one", "cdf"].map(|what| format!("{output}.{what}"));
                self.push(Op::Mul, &[x, root], &scaled);
                self.push(Op::Erf, &[&scaled], &erf);
                self.push(Op::Add, &[&erf, one], &plus_one);
                self.push(Op::Mul, &[&plus_one, half], &cdf);
                self.push(Op::Mul, &[&cdf, x], output);
            }
        }
    }

    fn number(&mut self, scalar: Scalar) -> &'static str {
        let name = scalar.name();
        if self.numbers.iter().all(|tensor| tensor.name != name) {
            self.numbers.push(Tensor { name: name.to_owned(), dims: vec![], values: vec![scalar.value()] });
        }
        name
    }
}

/// The operator of a layer with weights.
fn layer(op: &ModelOp) -> Op {
    match *op {
        ModelOp::Conv(conv) => Op::Conv {
            window: Window { kernel: conv.kernel, stride: conv.stride, padding: conv.padding },
            groups: conv.groups,
        },
        _ => Op::Gemm,
    }
}

#[cfg(test)]
mod tests {
    use distill_models::{Conv, Graph as ModelGraph, GraphConfig, Provenance};

    use super::*;
    use crate::{OnnxExport, compare};

    /// A convolution, a batch norm of it, and a head, which reads both or the batch norm alone.
    fn network(reads_both: bool) -> Network {
        let mut graph = ModelGraph::new(&[2, 4, 3]).unwrap();
        let conv = graph.push("logits", ModelOp::Conv(Conv::same(3, 3)), &[0]).unwrap();
        let norm = graph.push("b", ModelOp::BatchNorm, &[conv]).unwrap();
        let both = if reads_both { graph.push("sum", ModelOp::Add, &[norm, conv]).unwrap() } else { norm };
        let means = graph.push("probabilities", ModelOp::GlobalAveragePool, &[both]).unwrap();
        graph.push("head", ModelOp::Linear { outputs: 2 }, &[means]).unwrap();
        let mut model =
            Network::new(GraphConfig::from(&graph), vec![2, 4, 3], vec!["a".into(), "b".into()], 1).unwrap();
        let values = model.params_mut().as_mut_slice().iter_mut().enumerate();
        values.for_each(|(i, value)| *value += 0.05 * (i % 5) as f32);
        model
    }

    #[test]
    fn a_batch_norm_joins_a_layer_that_nothing_else_reads() {
        for reads_both in [false, true] {
            for keep_batch_norm in [false, true] {
                let model = network(reads_both);
                let options =
                    OnnxExportOptions { keep_batch_norm, probabilities: true, ..OnnxExportOptions::default() };
                let graph = build(&model, options).unwrap();
                let is_kept = graph.nodes.iter().any(|node| node.op == Op::BatchNormalization);
                assert_eq!(is_kept, reads_both || keep_batch_norm);
                // Whatever names a graph has, those of the outputs are the file's.
                let exported = OnnxExport::new(&model, &Provenance::new(), options).unwrap();
                compare(&model, &exported).unwrap();
            }
        }
    }

    #[test]
    fn maps_are_not_flat() {
        let flat = OnnxExportOptions { flat: true, ..OnnxExportOptions::default() };
        assert!(matches!(build(&network(true), flat), Err(ExportError::Flat { .. })));
    }
}
