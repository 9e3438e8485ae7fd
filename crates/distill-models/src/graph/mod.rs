//! What a network computes, without any number of it.

mod op;

use std::sync::Arc;

use distill_tensor::{Layout, LayoutBuilder, ParamId, SliceKind};

use crate::ModelError;
pub(crate) use op::map;
pub use op::{Conv, Op, Window};

/// More nodes than any network that is trained here; a bound for hostile files.
const MAX_NODES: usize = 4096;

/// The operations of a network in an order in which they can be computed, over values with names.
///
/// A graph has shapes and no weights. [`Network`](crate::Network) computes it; exports, estimates and descriptions read it.
///
/// # Examples
/// ```
/// use distill_models::{Activation, Conv, Graph, Op};
/// let mut graph = Graph::new(&[1, 28, 28])?;
/// let x = graph.push("conv", Op::Conv(Conv { bias: true, ..Conv::same(8, 3) }), &[0])?;
/// let x = graph.push("relu", Op::Activation(Activation::Relu), &[x])?;
/// let x = graph.push("pool", Op::GlobalAveragePool, &[x])?;
/// graph.push("logits", Op::Linear { outputs: 10 }, &[x])?;
/// assert_eq!(graph.value(1).shape, [8, 28, 28]);
/// assert_eq!(graph.macs(), 28 * 28 * 8 * 9 + 8 * 10);
/// # Ok::<(), distill_models::ModelError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    values: Vec<Value>,
    nodes: Vec<Node>,
}

/// What a node gives, for one example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// By which it is read from a [`Tape`](crate::Tape).
    pub name: String,
    /// `[channels, height, width]` of a map, `[numbers]` of a vector.
    pub shape: Vec<usize>,
}

impl Value {
    /// Numbers of one example.
    pub fn width(&self) -> usize {
        self.shape.iter().product()
    }
}

/// One operation. Node `i` gives value `i + 1`; value 0 is the input.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What its parameters' names begin with.
    pub name: String,
    /// What it computes.
    pub op: Op,
    /// The values that go into it.
    pub inputs: Vec<usize>,
}

/// The parameters of a node, in the order in which they lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slices {
    None,
    Weight(ParamId),
    Affine { weight: ParamId, bias: ParamId },
    Norm { weight: ParamId, bias: ParamId, mean: ParamId, variance: ParamId },
    Standard { mean: ParamId, scale: ParamId },
}

impl Graph {
    /// A graph without nodes. Its value 0, `input`, has the shape of an example.
    ///
    /// # Errors
    /// [`ModelError::Graph`] for a shape with a side of 0, or of no memory's size.
    pub fn new(input_shape: &[usize]) -> Result<Self, ModelError> {
        let volume = input_shape.iter().try_fold(1_usize, |product, &side| product.checked_mul(side));
        if volume.is_none_or(|volume| volume == 0 || volume > isize::MAX as usize / 8) {
            let problem =
                format!("has the shape {input_shape:?}, each side must be at least 1, and all must fit memory");
            return Err(ModelError::Graph { node: "input".to_owned(), op: "input", problem });
        }
        Ok(Self { values: vec![Value { name: "input".to_owned(), shape: input_shape.to_vec() }], nodes: vec![] })
    }

    /// Appends a node, and gives the number of its value, which has the node's name.
    ///
    /// # Errors
    /// [`ModelError::Graph`] with what does not fit.
    pub fn push(&mut self, name: impl Into<String>, op: Op, inputs: &[usize]) -> Result<usize, ModelError> {
        let name = name.into();
        self.push_as(name.clone(), op, inputs, name)
    }

    /// The same with a name for the value.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_as(
        &mut self,
        name: impl Into<String>,
        op: Op,
        inputs: &[usize],
        value: impl Into<String>,
    ) -> Result<usize, ModelError> {
        let (node, value) = (name.into(), value.into());
        let name = op.name();
        let refuse = |problem: String| ModelError::Graph { node: node.clone(), op: name, problem };
        if self.nodes.len() == MAX_NODES {
            return Err(refuse(format!("is one too many, {MAX_NODES} nodes are possible")));
        }
        if self.values.iter().any(|known| known.name == value) {
            return Err(refuse(format!("gives a value {value:?}, a name that another value has")));
        }
        if let Some(input) = inputs.iter().find(|&&input| input >= self.values.len()) {
            return Err(refuse(format!("takes value {input}, but there are {} so far", self.values.len())));
        }
        let shapes: Vec<_> = inputs.iter().map(|&input| self.values[input].shape.as_slice()).collect();
        let shape = op.output(&shapes).map_err(refuse)?;
        let volume = shape.iter().try_fold(1_usize, |product, &side| product.checked_mul(side));
        if volume.is_none_or(|volume| volume > isize::MAX as usize / 8) {
            return Err(refuse(format!("gives a value of shape {shape:?}, which no memory holds")));
        }
        self.values.push(Value { name: value, shape });
        self.nodes.push(Node { name: node, op, inputs: inputs.to_vec() });
        Ok(self.nodes.len())
    }

    /// The operations, in order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// A value by its number. The last one is the logits.
    ///
    /// # Panics
    /// If no operation has that number.
    pub fn value(&self, number: usize) -> &Value {
        &self.values[number]
    }

    /// All values: the input first, the logits last.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The shapes of what goes into a node.
    pub fn input_shapes(&self, node: &Node) -> Vec<&[usize]> {
        node.inputs.iter().map(|&input| self.values[input].shape.as_slice()).collect()
    }

    /// Multiplications and additions for one example.
    pub fn macs(&self) -> u64 {
        let nodes = self.nodes.iter().zip(&self.values[1..]);
        nodes.map(|(node, value)| node.op.macs(&self.input_shapes(node), &value.shape)).sum()
    }

    /// Numbers of one example that layers give: those that training keeps for the way back. What is computed in the same pass
    /// as the layer before counts once.
    pub fn activations(&self) -> u64 {
        let counts = |node: &Node| match node.op {
            Op::Linear { .. } | Op::Conv(_) | Op::BatchNorm | Op::LayerNorm => true,
            Op::EmbeddingBag { .. } | Op::Embedding { .. } | Op::GlobalAveragePool | Op::GlobalMaxPool => true,
            Op::MaxPool(_) | Op::AveragePool(_) | Op::Concat | Op::Standardize { .. } => true,
            Op::Activation(_) | Op::Dropout { .. } | Op::Add | Op::Flatten => false,
        };
        let nodes = self.nodes.iter().zip(&self.values[1..]).filter(|(node, _)| counts(node));
        nodes.map(|(_, value)| value.width() as u64).sum()
    }

    /// Whether a node is a convolution or a norm: weight decay then leaves biases, scales and shifts alone.
    pub(crate) fn has_maps(&self) -> bool {
        self.nodes.iter().any(|node| matches!(node.op, Op::Conv(_) | Op::BatchNorm | Op::LayerNorm))
    }

    /// Names, shapes and kinds of the parameters, and those of each node.
    pub(crate) fn layout(&self) -> Result<(Arc<Layout>, Vec<Slices>), ModelError> {
        let mut layout = LayoutBuilder::new();
        let of_bias = if self.has_maps() { SliceKind::NoDecay } else { SliceKind::Weight };
        let mut slices = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let shape = &self.values[node.inputs[0]].shape;
            let mut push =
                |what: &str, shape: &[usize], kind| layout.push_as(format!("{}.{what}", node.name), shape, kind);
            slices.push(match node.op {
                Op::Linear { outputs } => Slices::Affine {
                    weight: push("weight", &[outputs, shape[0]], SliceKind::Weight)?,
                    bias: push("bias", &[outputs], of_bias)?,
                },
                Op::EmbeddingBag { buckets, outputs } => Slices::Affine {
                    weight: layout.push("embedding.weight", &[buckets, outputs])?,
                    bias: layout.push_as(format!("{}.bias", node.name), &[outputs], of_bias)?,
                },
                Op::Embedding { rows, outputs } => Slices::Weight(push("weight", &[rows, outputs], SliceKind::Weight)?),
                Op::LayerNorm => Slices::Affine {
                    weight: push("weight", &[shape[0]], SliceKind::NoDecay)?,
                    bias: push("bias", &[shape[0]], SliceKind::NoDecay)?,
                },
                Op::Conv(conv) => {
                    let sides = conv.shape([shape[0], shape[1], shape[2]]).weights();
                    let weight = push("weight", &sides, SliceKind::Weight)?;
                    if conv.bias {
                        Slices::Affine { weight, bias: push("bias", &[conv.outputs], of_bias)? }
                    } else {
                        Slices::Weight(weight)
                    }
                }
                Op::BatchNorm => Slices::Norm {
                    weight: push("weight", &[shape[0]], SliceKind::NoDecay)?,
                    bias: push("bias", &[shape[0]], SliceKind::NoDecay)?,
                    mean: push("running_mean", &[shape[0]], SliceKind::State)?,
                    variance: push("running_var", &[shape[0]], SliceKind::State)?,
                },
                Op::Standardize { by_channel } => {
                    let sides = if by_channel { &shape[..1] } else { &shape[..] };
                    Slices::Standard {
                        mean: push("mean", sides, SliceKind::State)?,
                        scale: push("scale", sides, SliceKind::State)?,
                    }
                }
                Op::Activation(_)
                | Op::Dropout { .. }
                | Op::MaxPool(_)
                | Op::AveragePool(_)
                | Op::GlobalAveragePool
                | Op::GlobalMaxPool
                | Op::Add
                | Op::Concat
                | Op::Flatten => Slices::None,
            });
        }
        Ok((layout.build(), slices))
    }
}
