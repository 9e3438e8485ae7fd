use std::collections::{HashMap, HashSet};

use distill_models::{Graph, ModelError, Op};

use super::activations::Unfinished;
use super::constant::Constant;
use super::file::{File, Node};
use super::fold;
use super::names::Names;
use crate::ExportError;
use crate::limits::{DATA_TYPE_DOUBLE, DATA_TYPE_FLOAT};

/// Numbers that constants may have beside those of the file: one that several layers begin with is one for each.
const MORE_NUMBERS: usize = 1 << 20;
/// Numbers of a network that is only asked, where layers have the same weights, for each number of the file.
const COPIES: usize = 8;
/// Vectors of so many numbers may belong to several layers. Programs write equal ones once.
const MAX_SHARED: usize = 4096;

/// The sides of a tensor, and its numbers.
pub(super) type Weights = (Vec<usize>, Vec<f32>);

/// What the network is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Every weight has one place, and every operation a derivative.
    Training,
    /// Answers alone.
    Asking,
}

/// What a name of the file stands for.
#[derive(Debug, Clone)]
pub(super) enum Known<'a> {
    /// A value of the network. It is spread if the file has it as a map of one pixel, and the network as a vector.
    Value {
        at: usize,
        spread: bool,
    },
    Constant(Constant<'a>),
    /// A part of an operation that several nodes make.
    Unfinished(Unfinished),
}

/// What was read.
pub(super) struct Read {
    pub(super) graph: Graph,
    pub(super) weights: HashMap<String, Vec<f32>>,
    pub(super) notes: Vec<String>,
}

/// Makes a network of a file, node by node.
pub(super) struct Converter<'f, 'a> {
    file: &'f File<'a>,
    pub(super) purpose: Purpose,
    pub(super) graph: Graph,
    known: HashMap<&'a str, Known<'a>>,
    /// How many nodes read a name, the output counted too.
    pub(super) readers: HashMap<&'a str, usize>,
    /// The last use of a name by a batch norm: then a bias of zeros before it says nothing.
    pub(super) normed: HashSet<&'a str>,
    /// Names that a `Slice` or a `Pad` reads.
    pub(super) cut: HashSet<&'a str>,
    pub(super) names: Names,
    pub(super) weights: HashMap<String, Vec<f32>>,
    /// Large tensors that a layer has taken.
    taken: HashSet<&'a str>,
    numbers_left: usize,
    pub(super) dropouts: u16,
    /// Layers to which a bias may still be added, by their values.
    pub(super) without_bias: HashSet<usize>,
    pub(super) notes: Vec<String>,
    output: &'a str,
}

impl<'f, 'a> Converter<'f, 'a> {
    pub(super) fn new(
        file: &'f File<'a>,
        constants: HashMap<&'a str, Constant<'a>>,
        n_bytes: usize,
        purpose: Purpose,
        input_shape: Option<&[usize]>,
    ) -> Result<Self, String> {
        let [input] = &file.inputs[..] else {
            return Err(format!("it has {} inputs, a network here has one", file.inputs.len()));
        };
        if !input.is_float() {
            return Err(format!("its input {:?} is not of f32 (type {}); export it in f32", input.name, input.element));
        }
        let Some((_, sides)) = input.sides.split_first() else {
            return Err(format!("its input {:?} has no side for the batch", input.name));
        };
        let shape: Option<Vec<usize>> = match input_shape {
            Some(said) => Some(said.to_vec()).filter(|said| fits(sides, said)),
            None => sides.iter().copied().collect(),
        };
        let shape = shape.filter(|shape| !shape.is_empty()).ok_or_else(|| {
            let sides: Vec<_> = sides.iter().map(|side| side.map_or("?".to_owned(), |side| side.to_string())).collect();
            let sides = sides.join(", ");
            match input_shape {
                Some(said) => format!("its input is [batch, {sides}], which examples of shape {said:?} do not fit"),
                None => format!("its input is [batch, {sides}]; export it with sizes for all sides but the batch"),
            }
        })?;
        let graph = Graph::new(&shape).map_err(|error| error.to_string())?;
        let &[output, ..] = &file.outputs[..] else { return Err("it has no output".to_owned()) };
        let mut known = HashMap::from([(input.name, Known::Value { at: 0, spread: false })]);
        known.extend(constants.into_iter().map(|(name, constant)| (name, Known::Constant(constant))));
        let copies = if purpose == Purpose::Asking { COPIES } else { 1 };
        Ok(Self {
            file,
            purpose,
            graph,
            known,
            readers: HashMap::new(),
            normed: HashSet::new(),
            cut: HashSet::new(),
            names: Names::new(),
            weights: HashMap::new(),
            taken: HashSet::new(),
            numbers_left: copies * (n_bytes / 4) + MORE_NUMBERS,
            dropouts: 0,
            without_bias: HashSet::new(),
            notes: vec![],
            output,
        })
    }

    pub(super) fn convert(mut self) -> Result<Read, ExportError> {
        let file = self.file;
        let needed = self.needed();
        for (place, node) in file.nodes.iter().enumerate().filter(|&(place, _)| needed[place]) {
            let refused = |problem: String| ExportError::Node {
                op: shortened(node.op),
                node: shortened(if node.name.is_empty() {
                    node.outputs.first().copied().unwrap_or("")
                } else {
                    node.name
                }),
                place,
                problem,
            };
            let known = self.node(node).map_err(refused)?;
            let Some(&output) = node.outputs.first() else { continue };
            if let Known::Constant(constant) = &known {
                self.charge(constant.n_copied()).map_err(refused)?;
            }
            if self.known.insert(output, known).is_some() {
                return Err(refused(format!("gives {:?}, a name that another value has", shortened(output))));
            }
        }
        let unreadable = |reason: String| Err(ExportError::Unreadable { reason });
        match self.known.get(self.output) {
            Some(&Known::Value { at, spread: false }) if at > 0 && at + 1 == self.graph.values().len() => {}
            Some(Known::Value { at: 0, .. }) => return unreadable("its output is its input".to_owned()),
            Some(Known::Value { spread: true, .. }) => {
                return unreadable("its output is a map of one pixel, not a vector; flatten it".to_owned());
            }
            Some(Known::Value { .. }) => return unreadable("what comes last is not its first output".to_owned()),
            Some(Known::Unfinished(unfinished)) => {
                return unreadable(format!("its output ends in the middle of an operation, {}", unfinished.name()));
            }
            _ => return unreadable(format!("its output {:?} is not computed", shortened(self.output))),
        }
        // The last value has the name that logits have everywhere.
        let mut graph = Graph::new(&self.graph.value(0).shape)?;
        let n = self.graph.nodes().len();
        for (i, node) in self.graph.nodes().iter().enumerate() {
            let value = if i + 1 == n { "logits" } else { &node.name };
            graph.push_as(node.name.clone(), node.op.clone(), &node.inputs, value)?;
        }
        Ok(Read { graph, weights: self.weights, notes: self.notes })
    }

    /// Which nodes the first output depends on. Where logits are trained, a softmax at the end is left out.
    fn needed(&mut self) -> Vec<bool> {
        let file = self.file;
        let mut makers: HashMap<&str, usize> = HashMap::new();
        for (place, node) in file.nodes.iter().enumerate() {
            for &output in node.outputs.iter().filter(|output| !output.is_empty()) {
                makers.entry(output).or_insert(place);
            }
        }
        let last = makers.get(self.output).map(|&place| &file.nodes[place]);
        if self.purpose == Purpose::Training
            && let Some(node) = last.filter(|node| matches!(node.op, "Softmax" | "LogSoftmax"))
            && let Some(&logits) = node.inputs.first()
        {
            self.notes.push(format!("Its last node, {}, is left out: what is trained are logits.", node.op));
            self.output = logits;
        }
        let mut needed = vec![false; file.nodes.len()];
        let mut waiting: Vec<&str> = vec![self.output];
        *self.readers.entry(self.output).or_default() += 1;
        while let Some(name) = waiting.pop() {
            let Some(&place) = makers.get(name) else { continue };
            if !std::mem::replace(&mut needed[place], true) {
                let node = &file.nodes[place];
                for &input in node.inputs.iter().filter(|input| !input.is_empty()) {
                    *self.readers.entry(input).or_default() += 1;
                    waiting.push(input);
                }
                match (node.op, node.inputs.first()) {
                    ("BatchNormalization", Some(&input)) => _ = self.normed.insert(input),
                    ("Slice" | "Pad", Some(&input)) => _ = self.cut.insert(input),
                    _ => {}
                }
            }
        }
        needed
    }

    fn node(&mut self, node: &Node<'a>) -> Result<Known<'a>, String> {
        let constants = node.inputs.iter().map(|name| match self.known.get(name) {
            // Weights stay in the file: what they are copied for is known when a layer takes them.
            Some(Known::Constant(constant)) => Some(constant.clone()),
            _ => None,
        });
        // Of a node with a constant of weights and a value not all are constants, and nothing is copied in vain.
        if node.inputs.iter().all(|name| matches!(self.known.get(name), Some(Known::Constant(_))))
            || node.op == "Constant"
        {
            let constants: Vec<_> = constants.flatten().collect();
            if let Some(folded) = fold::fold(node, &constants)? {
                return Ok(Known::Constant(folded));
            }
        } else if matches!((node.op, node.inputs.len()), ("CastLike", 2))
            && let Some(Known::Constant(constant)) = self.known.get(node.inputs[0])
        {
            return Ok(Known::Constant(constant.clone()));
        }
        match node.op {
            "Identity" => self.input(node, 0).cloned(),
            "Cast" | "CastLike" => self.cast(node),
            "Conv" => self.conv(node),
            "Gemm" => self.gemm(node),
            "MatMul" => self.matmul(node),
            "BatchNormalization" => self.batch_norm(node),
            "Dropout" => self.dropout(node),
            "Add" | "Sub" | "Mul" | "Div" => self.arithmetic(node),
            "Relu" | "Tanh" | "HardSwish" | "Gelu" | "Clip" | "Erf" | "Sigmoid" | "HardSigmoid" => self.function(node),
            "MaxPool" | "AveragePool" => self.pool(node),
            "GlobalAveragePool" | "ReduceMean" => self.means(node),
            "Flatten" | "Reshape" | "Squeeze" => self.flatten(node),
            "Concat" => self.concat(node),
            "Shape" => self.shape(node),
            "Pad" => self.pad(node),
            "Scaler" if self.purpose == Purpose::Asking => self.scale(node),
            "Slice" if self.purpose == Purpose::Asking => self.slice(node),
            _ if self.purpose == Purpose::Asking => Err("is no operation that distill has".to_owned()),
            "Transpose" => {
                Err(unknown("it moves sides of a value; networks here have maps of [channels, height, width]"))
            }
            "LSTM" | "GRU" | "RNN" => Err(unknown("networks here have no state between steps")),
            "LayerNormalization" | "InstanceNormalization" | "GroupNormalization" => {
                Err(unknown("of the norms, BatchNormalization is"))
            }
            "LeakyRelu" | "Elu" | "PRelu" | "Selu" | "Softplus" | "Mish" => {
                Err(unknown("of the functions, Relu, Clip from 0 to 6, Tanh, Gelu, HardSwish and SiLU are"))
            }
            _ => Err(unknown(
                "Conv, BatchNormalization, Gemm, MatMul, MaxPool, AveragePool, GlobalAveragePool, ReduceMean, Add, Concat, \
                 Flatten, Reshape, Dropout, Relu, Clip, Tanh, Gelu, HardSwish and Sigmoid with Mul are",
            )),
        }
    }

    /// Numbers of the network are f32, and what makes others of them in between would be left out.
    fn cast(&self, node: &Node<'a>) -> Result<Known<'a>, String> {
        let is_float = match node.op {
            "Cast" => matches!(node.int("to", DATA_TYPE_FLOAT)?, DATA_TYPE_FLOAT | DATA_TYPE_DOUBLE),
            _ => !matches!(self.input(node, 1)?, Known::Constant(like) if like.sizes().is_some()),
        };
        match self.input(node, 0)? {
            Known::Value { .. } | Known::Unfinished(_) if !is_float => {
                Err("makes numbers of another type than f32 of values".to_owned())
            }
            known => Ok(known.clone()),
        }
    }

    /// What the input of that number is.
    pub(super) fn input(&self, node: &Node<'a>, at: usize) -> Result<&Known<'a>, String> {
        let name = node.inputs.get(at).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| format!("has no input {at}"))?;
        self.known.get(name).ok_or_else(|| format!("reads {:?}, which is not computed before it", shortened(name)))
    }

    /// A value of the network, as it is in the file.
    pub(super) fn value(&self, node: &Node<'a>, at: usize) -> Result<usize, String> {
        match self.input(node, at)? {
            Known::Value { at, spread: false } => Ok(*at),
            Known::Value { at, .. } => Err(format!(
                "reads the means {:?} as maps of one pixel, as squeeze-and-excitation does; a linear layer behind a Flatten is possible",
                self.graph.value(*at).name
            )),
            Known::Constant(_) => {
                Err(format!("reads a constant as input {at}, where values of the network are needed"))
            }
            Known::Unfinished(unfinished) => Err(unfinished.refuse()),
        }
    }

    /// The constant that an input is, if there is such an input.
    pub(super) fn constant(&self, node: &Node<'a>, at: usize) -> Result<Option<&Constant<'a>>, String> {
        if node.inputs.get(at).is_none_or(|name| name.is_empty()) {
            return Ok(None);
        }
        match self.input(node, at)? {
            Known::Constant(constant) => Ok(Some(constant)),
            _ => Err(format!("computes its input {at}, which must be a number of the file")),
        }
    }

    /// The numbers of a constant as the weights of a layer. Matrices are those of one layer.
    pub(super) fn take(&mut self, node: &Node<'a>, at: usize) -> Result<Option<Weights>, String> {
        let Some(constant) = self.constant(node, at)? else { return Ok(None) };
        let (dims, n) = (constant.dims.clone(), constant.len());
        if self.purpose == Purpose::Training && (dims.len() > 1 || n > MAX_SHARED) {
            let name = node.inputs[at];
            if !self.taken.insert(name) {
                let problem = "has the weights of another layer, too, and both would be trained apart";
                return Err(format!("{problem}: {:?}", shortened(name)));
            }
        }
        self.charge(n)?;
        let Some(constant) = self.constant(node, at)? else { return Ok(None) };
        let values = constant.to_floats()?;
        Ok(Some((dims, values)))
    }

    /// Counts numbers that are taken memory for.
    pub(super) fn charge(&mut self, n: usize) -> Result<(), String> {
        let left = self.numbers_left.checked_sub(n);
        self.numbers_left = left.ok_or("takes more numbers than a file of its size may")?;
        Ok(())
    }

    /// Appends an operation of the network.
    pub(super) fn push(
        &mut self,
        node: &Node<'a>,
        weight: Option<&str>,
        op: Op,
        inputs: &[usize],
    ) -> Result<usize, String> {
        let name = self.names.of(node, weight);
        self.push_as(&name, op, inputs)
    }

    pub(super) fn push_as(&mut self, name: &str, op: Op, inputs: &[usize]) -> Result<usize, String> {
        self.graph.push(name, op, inputs).map_err(|error| match error {
            ModelError::Graph { problem, .. } => problem,
            other => other.to_string(),
        })
    }

    pub(super) fn weight(&mut self, value: usize, what: &str, values: Vec<f32>) {
        self.weights.insert(format!("{}.{what}", self.graph.nodes()[value - 1].name), values);
    }

    /// Whether a node gives what the network is asked for.
    pub(super) fn is_output(&self, node: &Node<'a>) -> bool {
        node.outputs.first() == Some(&self.output)
    }

    pub(super) fn sides(&self, value: usize) -> &[usize] {
        &self.graph.value(value).shape
    }
}

/// Whether sides, of which some may be open, are these.
fn fits(sides: &[Option<usize>], said: &[usize]) -> bool {
    sides.len() == said.len() && sides.iter().zip(said).all(|(side, said)| side.is_none_or(|side| side == *said))
}

fn unknown(possible: &str) -> String {
    format!("cannot be trained here: {possible}")
}

/// A name of a file, which may have any length.
pub(super) fn shortened(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(80).collect()
}
