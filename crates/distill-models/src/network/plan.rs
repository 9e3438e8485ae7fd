mod ahead;
mod places;

use distill_tensor::Convolution;

use super::conv::Conv;
use super::layer_norm::LayerNorm;
use super::norm::Norm;
use super::order::{Concat, Flatten, ToMap};
use super::pointwise::{Drop, Pointwise, Standardize};
use super::pool::{GlobalMean, Of, Pool};
use super::sequence::Sequence;
use super::step::{Input, Step, Way};
use crate::dense::Dense;
use crate::embedding::Embedding;
use crate::graph::{Slices, map};
use crate::{Dropout, Graph, MapShape, ModelError, Node, Op, Window};

/// How a graph is computed: nodes as few steps, each with a slot for what it gives.
#[derive(Debug)]
pub(super) struct Plan {
    /// Names and widths: the input first, the logits last.
    pub(super) slots: Vec<(String, usize)>,
    /// Those of them that are maps.
    pub(super) maps: Vec<Option<MapShape>>,
    pub(super) steps: Vec<Planned>,
    /// Dropout of the inputs themselves.
    pub(super) input_dropout: Option<Dropout>,
    /// What inputs are.
    pub(super) reads: Reads,
    /// For each slot the buffer that holds it in evaluation, and its width.
    pub(super) places: Vec<(usize, usize)>,
    pub(super) n_buffers: usize,
    /// Examples that evaluation takes at once.
    pub(super) rows: usize,
}

/// What the inputs of a network are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    Values,
    /// Numbers of buckets in any order.
    Bags {
        buckets: usize,
    },
    /// Numbers of rows in an order, 0 being padding.
    Tokens {
        rows: usize,
    },
}

#[derive(Debug)]
pub(super) struct Planned {
    pub(super) step: Box<dyn Step>,
    pub(super) inputs: Vec<Input>,
    pub(super) output: usize,
    /// Whether parameters lie in it or behind it.
    pub(super) needs_grad: bool,
}

/// Where a value is.
#[derive(Debug, Clone, Copy)]
struct Place {
    slot: usize,
    /// Whether the channels of a map lie one after the other, as in data, and not side by side.
    by_channel: bool,
}

struct Planner<'a> {
    graph: &'a Graph,
    slices: &'a [Slices],
    plan: Plan,
    /// Of each value, as far as there are any.
    places: Vec<Option<Place>>,
    /// The slot of the same value with channels side by side.
    as_map: Vec<Option<usize>>,
    /// Whether parameters lie behind a slot.
    needs_grad: Vec<bool>,
    /// Slots of sums of two values with which a batch norm finds what it wants.
    sums_left: Vec<usize>,
}

/// The sides of a map; a vector has none.
fn map_shape(shape: &[usize], channels_last: bool) -> Option<MapShape> {
    let &[channels, rows, columns] = shape else { return None };
    Some(MapShape { channels, rows, columns, channels_last })
}

impl Plan {
    pub(super) fn new(graph: &Graph, slices: &[Slices]) -> Result<Self, ModelError> {
        let values = graph.values();
        let input = (values[0].name.clone(), values[0].width());
        let plan = Self {
            slots: vec![input],
            maps: vec![map_shape(&values[0].shape, false)],
            steps: vec![],
            input_dropout: None,
            reads: Reads::Values,
            places: vec![],
            n_buffers: 0,
            rows: usize::MAX,
        };
        let mut planner = Planner {
            graph,
            slices,
            plan,
            places: vec![None; values.len()],
            as_map: vec![None; values.len()],
            needs_grad: vec![false],
            sums_left: vec![],
        };
        planner.places[0] = Some(Place { slot: 0, by_channel: true });
        let mut node = 0;
        while node < graph.nodes().len() {
            node = planner.step(node)?;
        }
        let mut plan = planner.finish()?;
        plan.say_who_writes_gradients(&planner.needs_grad);
        plan.place_buffers();
        Ok(plan)
    }
}

impl Planner<'_> {
    /// Plans a node, and those after it that are computed in the same pass; gives the node that follows.
    fn step(&mut self, first: usize) -> Result<usize, ModelError> {
        let graph = self.graph;
        let node = &graph.nodes()[first];
        let refused = |problem: String| ModelError::Graph { node: node.name.clone(), op: node.op.name(), problem };
        let refuse = |problem: &str| Err(refused(problem.to_owned()));
        let shape = graph.value(node.inputs[0]).shape.as_slice();
        let side_by_side = |shape: &[usize]| map(shape).map(|[channels, height, width]| [height, width, channels]);
        let mut last = first;
        match (&node.op, self.slices[first]) {
            (Op::Linear { .. }, Slices::Affine { weight, bias }) => {
                let activation = self.then_activation(&mut last);
                let dropout = match activation {
                    Some(_) => self.then_dropout(&mut last)?,
                    None => None,
                };
                let inputs = vec![self.read(node.inputs[0])];
                self.push(Box::new(Dense { weight, bias, activation, dropout }), inputs, last, false, true);
            }
            (&Op::EmbeddingBag { buckets, .. }, Slices::Affine { weight, bias }) => {
                if self.place(node.inputs[0]).slot != 0 || self.plan.reads != Reads::Values {
                    return refuse("must be the only one, and read the input");
                }
                let Some(activation) = self.then_activation(&mut last) else {
                    return refuse("must be followed by an activation");
                };
                let dropout = self.then_dropout(&mut last)?;
                self.plan.reads = Reads::Bags { buckets };
                let step = Embedding { table: weight, bias, activation, dropout };
                self.push(Box::new(step), vec![0], last, false, true);
            }
            (&Op::Embedding { rows, outputs }, Slices::Weight(table)) => {
                let is_first = self.place(node.inputs[0]).slot == 0 && self.plan.input_dropout.is_none();
                if !is_first || self.plan.reads != Reads::Values {
                    return refuse("must be the only one, and read the input");
                }
                self.plan.reads = Reads::Tokens { rows };
                self.push(Box::new(Sequence { table, outputs }), vec![0], last, true, true);
            }
            (Op::LayerNorm, Slices::Affine { weight, bias }) => {
                let inputs = vec![self.read_map(node.inputs[0])];
                let step = LayerNorm { channels: shape[0], width: shape.iter().product(), weight, bias };
                self.push(Box::new(step), inputs, last, true, true);
            }
            (Op::Conv(conv), Slices::Weight(_) | Slices::Affine { .. }) => {
                let convolution = Convolution::new(conv.shape([shape[0], shape[1], shape[2]]))?;
                let (weight, bias) = match self.slices[first] {
                    Slices::Affine { weight, bias } => (weight, Some(bias)),
                    Slices::Weight(weight) => (weight, None),
                    _ => unreachable!("a convolution has a weight"),
                };
                let inputs = vec![self.read_map(node.inputs[0])];
                let before_norm = self.is_before_norm(first);
                self.push(Box::new(Conv { convolution, weight, bias, before_norm }), inputs, last, true, true);
            }
            (Op::BatchNorm, Slices::Norm { weight, bias, mean, variance }) => {
                let mut inputs = vec![self.read_map(node.inputs[0])];
                let after_conv = first > 0 && node.inputs[0] == first && self.is_before_norm(first - 1);
                if let Some(other) = self.then_add(&mut last) {
                    inputs.push(self.read_map(other));
                }
                let activation = self.then_activation(&mut last);
                let (channels, width) = (shape[0], shape.iter().product());
                let finds_sums = after_conv || self.sums_left.contains(&inputs[0]);
                let step = Norm { channels, width, weight, bias, mean, variance, activation, finds_sums, after_conv };
                self.push(Box::new(step), inputs, last, true, true);
            }
            (Op::Standardize { .. }, Slices::Standard { mean, scale }) => {
                if node.inputs[0] != 0 {
                    return refuse("must read the input");
                }
                self.push(Box::new(Standardize { mean, scale }), vec![0], last, false, false);
                let slot = self.plan.slots.len() - 1;
                self.places[last + 1] = Some(Place { slot, by_channel: true });
                self.plan.maps[slot] = map_shape(shape, false);
            }
            (Op::Add, _) => {
                let inputs = node.inputs.iter().map(|&input| self.read_map(input)).collect();
                let activation = self.then_activation(&mut last);
                let width = shape.iter().product();
                let reads = |node: &Node| node.op == Op::BatchNorm && node.inputs[0] == last + 1;
                let is_for_norm = activation.is_none() && graph.nodes().iter().any(reads);
                let sums_for = is_for_norm.then_some(shape[0]);
                self.push(Box::new(Pointwise { width, activation, sums_for }), inputs, last, true, false);
                self.sums_left.extend(sums_for.map(|_| self.plan.slots.len() - 1));
            }
            (&Op::Activation(activation), _) => {
                let inputs = vec![self.read_map(node.inputs[0])];
                let (width, activation) = (shape.iter().product(), Some(activation));
                self.push(Box::new(Pointwise { width, activation, sums_for: None }), inputs, last, true, false);
            }
            (&Op::Dropout { p, stream }, _) => {
                let width = shape.iter().product();
                match Dropout::new(p, stream, "dropout")? {
                    Some(dropout) if node.inputs[0] == 0 && self.readers(0) == 1 => {
                        self.plan.input_dropout = Some(dropout);
                        self.places[last + 1] = self.places[0];
                    }
                    Some(dropout) => {
                        let inputs = vec![self.read_map(node.inputs[0])];
                        self.push(Box::new(Drop { width, dropout }), inputs, last, true, false);
                    }
                    None => self.places[last + 1] = self.places[node.inputs[0]],
                }
            }
            (Op::MaxPool(window) | Op::AveragePool(window), _) => {
                let of = if matches!(node.op, Op::MaxPool(_)) { Of::Largest } else { Of::Mean };
                let input = side_by_side(shape).map_err(refused)?;
                let output = window.output([input[0], input[1]]).map_err(refused)?;
                let inputs = vec![self.read_map(node.inputs[0])];
                self.push(Box::new(Pool { of, window: *window, input, output }), inputs, last, true, false);
            }
            (Op::GlobalMaxPool, _) => {
                let input = side_by_side(shape).map_err(refused)?;
                let window = Window { kernel: [input[0], input[1]], stride: [1; 2], padding: [0; 4] };
                let inputs = vec![self.read_map(node.inputs[0])];
                let step = Pool { of: Of::Largest, window, input, output: [1; 2] };
                self.push(Box::new(step), inputs, last, true, false);
            }
            (Op::GlobalAveragePool, _) => {
                let inputs = vec![self.read_map(node.inputs[0])];
                let step = GlobalMean { channels: shape[0], pixels: shape[1..].iter().product() };
                self.push(Box::new(step), inputs, last, true, false);
            }
            (Op::Concat, _) => {
                let inputs = node.inputs.iter().map(|&input| self.read_map(input)).collect();
                let channels = node.inputs.iter().map(|&input| graph.value(input).shape[0]).collect();
                self.push(Box::new(Concat { channels }), inputs, last, true, false);
            }
            (Op::Flatten, _) => {
                let place = self.place(node.inputs[0]);
                let (channels, pixels) = (shape[0], shape[1..].iter().product());
                if place.by_channel || channels == 1 || pixels == 1 {
                    self.places[last + 1] = Some(Place { by_channel: true, ..place });
                } else {
                    self.push(Box::new(Flatten { channels, pixels }), vec![place.slot], last, false, false);
                    self.places[last + 1] = Some(Place { slot: self.plan.slots.len() - 1, by_channel: true });
                }
            }
            (
                Op::Linear { .. }
                | Op::EmbeddingBag { .. }
                | Op::Embedding { .. }
                | Op::LayerNorm
                | Op::Conv(_)
                | Op::BatchNorm
                | Op::Standardize { .. },
                slices,
            ) => unreachable!("{:?} has {slices:?}", node.op),
        }
        Ok(last + 1)
    }

    /// Appends a step. Its slot has the name of the value of node `last`.
    fn push(&mut self, step: Box<dyn Step>, inputs: Vec<usize>, last: usize, maps: bool, has_params: bool) {
        let value = self.graph.value(last + 1);
        let map = map_shape(&value.shape, true);
        let slot = self.push_as(value.name.clone(), value.width(), map, step, inputs, has_params);
        self.places[last + 1] = Some(Place { slot, by_channel: false });
        if maps && value.shape.len() > 1 {
            // Only where there are maps; a perceptron's products want whole batches.
            self.plan.rows = places::AT_ONCE;
        }
    }

    fn push_as(
        &mut self,
        name: String,
        width: usize,
        map: Option<MapShape>,
        step: Box<dyn Step>,
        inputs: Vec<usize>,
        has_params: bool,
    ) -> usize {
        let slot = self.plan.slots.len();
        self.plan.slots.push((name, width));
        self.plan.maps.push(map);
        self.needs_grad.push(has_params || inputs.iter().any(|&input| self.needs_grad[input]));
        let inputs = inputs.into_iter().map(|slot| Input { slot, grad: Way::Skip }).collect();
        let needs_grad = self.needs_grad[slot];
        self.plan.steps.push(Planned { step, inputs, output: slot, needs_grad });
        slot
    }

    fn place(&self, value: usize) -> Place {
        self.places[value].expect("nodes are in the order in which they can be computed")
    }

    /// The slot of a vector.
    fn read(&self, value: usize) -> usize {
        self.place(value).slot
    }

    /// The slot of a value with its channels side by side.
    fn read_map(&mut self, value: usize) -> usize {
        let Place { slot, by_channel } = self.place(value);
        let shape = &self.graph.value(value).shape;
        let (channels, pixels) = (shape[0], shape[1..].iter().product());
        if !by_channel || channels == 1 || pixels == 1 {
            return slot;
        }
        if let Some(slot) = self.as_map[value] {
            return slot;
        }
        let name = format!("{}.by_pixel", self.graph.value(value).name);
        let (map, step) = (map_shape(shape, true), Box::new(ToMap { channels, pixels }));
        let made = self.push_as(name, channels * pixels, map, step, vec![slot], false);
        self.as_map[value] = Some(made);
        made
    }

    /// Checks that the graph ends with the logits, and that all it computes is used.
    fn finish(&mut self) -> Result<Plan, ModelError> {
        let (graph, end) = (self.graph, self.graph.nodes().len());
        let Some(node) = graph.nodes().last() else {
            let problem = "has no operation, at least one is needed".to_owned();
            return Err(ModelError::Graph { node: "input".to_owned(), op: "input", problem });
        };
        if self.place(end).slot + 1 != self.plan.slots.len() || self.plan.steps.is_empty() {
            let problem = "gives what is there already, and cannot be the last".to_owned();
            return Err(ModelError::Graph { node: node.name.clone(), op: node.op.name(), problem });
        }
        for (i, node) in graph.nodes().iter().enumerate() {
            if i + 1 < end && self.readers(i + 1) == 0 {
                let problem = "gives a value that nothing reads".to_owned();
                return Err(ModelError::Graph { node: node.name.clone(), op: node.op.name(), problem });
            }
        }
        let empty = Plan {
            slots: vec![],
            maps: vec![],
            steps: vec![],
            input_dropout: None,
            reads: Reads::Values,
            places: vec![],
            n_buffers: 0,
            rows: 0,
        };
        Ok(std::mem::replace(&mut self.plan, empty))
    }
}
