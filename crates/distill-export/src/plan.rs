use std::collections::HashMap;

use distill_models::{Conv, Op as ModelOp, Window};

use crate::graph::{Graph, Node, Port};
use crate::op::Op;

/// More numbers than memory holds.
const MAX_WIDTH: usize = isize::MAX as usize / 64;

/// The order in which a graph computes, with places for names. Every width is that of a tensor that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    /// Which values are the outputs.
    pub(crate) outputs: Vec<usize>,
    /// Numbers of all values together for one input.
    pub(crate) numbers: usize,
    /// Products of two numbers for one input.
    pub(crate) products: usize,
}

/// One node. Value 0 is the input, value `i + 1` what step `i` computes; constants are counted apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// The same numbers.
    Flatten(usize),
    /// `x · wᵀ + b`.
    Gemm { x: usize, weight: usize, bias: usize },
    /// A function of each number, or of all for softmax.
    Map(usize, Op),
    /// Each number, but no less and no more than two constants.
    Clip { x: usize, min: usize, max: usize },
    /// A function of each number and one of a constant, which is another after so many numbers.
    WithConstant { x: usize, op: Op, constant: usize, run: usize },
    /// A function of two values of one width.
    Pairs(usize, Op, usize),
    /// One value after the other.
    Concat(Vec<usize>),
    /// Scale, shift, mean and variance of each channel, which has so many numbers.
    Norm { x: usize, constants: [usize; 4], run: usize },
    /// A convolution of a map; both maps are `[channels, height, width]`.
    Conv { x: usize, weight: usize, bias: Option<usize>, conv: Conv, maps: [[usize; 3]; 2] },
    /// The largest number of each window, or the mean.
    Pool { x: usize, is_max: bool, window: Window, maps: [[usize; 3]; 2] },
    /// The mean of each channel, which has so many numbers.
    Means { x: usize, run: usize },
    /// The largest number of each channel.
    Largest { x: usize, run: usize },
    /// The rows of a constant whose numbers the values are.
    Gather { x: usize, table: usize },
    /// A value of these sides, with them in another order.
    Transpose { x: usize, sides: [usize; 3], order: [usize; 3] },
    /// So many numbers at a time by their own mean and variance, then scale and shift.
    LayerNorm { x: usize, constants: [usize; 2], run: usize },
}

#[derive(Clone, Copy)]
enum Source {
    Value(usize),
    Constant(usize),
}

impl Plan {
    /// Checks that every name, shape and order makes sense.
    pub(crate) fn new(graph: &Graph) -> Result<Self, String> {
        let [input] = &graph.inputs[..] else { return Err(format!("it has {} inputs", graph.inputs.len())) };
        let volume = input.dims.iter().try_fold(1_usize, |product, &side| product.checked_mul(side));
        let mut numbers = volume
            .filter(|&width| (1..=MAX_WIDTH).contains(&width))
            .ok_or_else(|| format!("the input has shape {:?}", input.dims))?;
        let mut shapes = vec![input.dims.clone()];
        let mut names = HashMap::new();
        let constants = graph.constants.iter().enumerate().map(|(i, tensor)| (&*tensor.name, Source::Constant(i)));
        for (name, source) in constants.chain([(&*input.name, Source::Value(0))]) {
            if names.insert(name, source).is_some() {
                return Err(format!("two values have the name {name:?}"));
            }
        }
        let (mut steps, mut products) = (Vec::with_capacity(graph.nodes.len()), 0_usize);
        for node in &graph.nodes {
            let find = |name: &String| names.get(name.as_str()).copied();
            let sources: Option<Vec<_>> = node.inputs.iter().map(find).collect();
            let step = sources.and_then(|sources| step(node, &sources, graph, &shapes));
            let step = step.and_then(|(step, shape)| {
                let width = shape.iter().try_fold(1_usize, |product, &side| product.checked_mul(side))?;
                (width <= MAX_WIDTH).then_some((step, shape, width))
            });
            let (step, shape, width) =
                step.ok_or_else(|| format!("node {:?} has inputs that do not fit its operator", node.output))?;
            numbers = numbers.saturating_add(width);
            products = products.saturating_add(work(&step, graph, width));
            steps.push(step);
            if names.insert(&node.output, Source::Value(shapes.len())).is_some() {
                return Err(format!("two values have the name {:?}", node.output));
            }
            shapes.push(shape);
        }
        let output = |port: &Port| match names.get(port.name.as_str()) {
            Some(&Source::Value(at)) if shapes[at].len() == 1 && port.dims == shapes[at] => Ok(at),
            _ => Err(format!("the output {:?} of shape {:?} is not what is computed", port.name, port.dims)),
        };
        let outputs = graph.outputs.iter().map(output).collect::<Result<_, _>>()?;
        Ok(Self { steps, outputs, numbers, products })
    }
}

/// Products of a step that gives so many numbers.
fn work(step: &Step, graph: &Graph, numbers: usize) -> usize {
    match step {
        Step::Gemm { weight, .. } => graph.constants[*weight].values.len(),
        Step::Conv { weight, conv, .. } => numbers.saturating_mul(graph.constants[*weight].values.len() / conv.outputs),
        Step::Pool { window, .. } => numbers.saturating_mul(window.kernel[0].saturating_mul(window.kernel[1])),
        _ => numbers,
    }
}

/// The step of a node and the shape of what it makes, if the inputs fit the operator.
fn step(node: &Node, sources: &[Source], graph: &Graph, shapes: &[Vec<usize>]) -> Option<(Step, Vec<usize>)> {
    if let (Op::Gather, &[Source::Constant(table), Source::Value(x)]) = (node.op, sources) {
        let (&[n], &[_, channels, 1]) = (&shapes[x][..], &graph.constants[table].dims[..]) else { return None };
        return Some((Step::Gather { x, table }, vec![n, channels, 1]));
    }
    let &[Source::Value(x), ref others @ ..] = sources else { return None };
    let shape = &shapes[x];
    let dims = |constant: usize| graph.constants[constant].dims.as_slice();
    let map = <[usize; 3]>::try_from(shape.as_slice()).ok();
    let run = shape[1.min(shape.len())..].iter().product();
    match (node.op, others) {
        (Op::Flatten, []) => Some((Step::Flatten(x), vec![shape.iter().product()])),
        (Op::Gemm, &[Source::Constant(weight), Source::Constant(bias)]) => {
            let &[outputs, inputs] = dims(weight) else { return None };
            let fits = shape[..] == [inputs] && *dims(bias) == [outputs] && outputs > 0;
            fits.then(|| (Step::Gemm { x, weight, bias }, vec![outputs]))
        }
        (Op::Softmax, []) if shape.len() != 1 => None,
        (Op::Relu | Op::Tanh | Op::Erf | Op::Sigmoid | Op::HardSwish | Op::Softmax, []) => {
            Some((Step::Map(x, node.op), shape.clone()))
        }
        (Op::Clip, &[Source::Constant(min), Source::Constant(max)]) if dims(min).is_empty() && dims(max).is_empty() => {
            Some((Step::Clip { x, min, max }, shape.clone()))
        }
        (op @ (Op::Add | Op::Sub | Op::Mul), &[Source::Constant(constant)]) => {
            let run = match dims(constant) {
                [] => shape.iter().product(),
                sides if sides == shape => 1,
                &[channels, 1, 1] if map.is_some_and(|map| map[0] == channels) => run,
                _ => return None,
            };
            Some((Step::WithConstant { x, op, constant, run }, shape.clone()))
        }
        (op @ (Op::Add | Op::Sub | Op::Mul), &[Source::Value(y)]) if shapes[y] == *shape => {
            Some((Step::Pairs(x, op, y), shape.clone()))
        }
        (Op::Concat, others) => {
            let mut values = vec![x];
            for other in others {
                let Source::Value(y) = *other else { return None };
                values.push(y);
            }
            let all = values.iter().map(|&value| shapes[value].as_slice()).collect::<Vec<_>>();
            Some((Step::Concat(values), ModelOp::Concat.output(&all).ok()?))
        }
        (Op::BatchNormalization, others) => {
            let constant = |other: &Source| match *other {
                Source::Constant(at) if *dims(at) == shape[..1.min(shape.len())] => Some(at),
                _ => None,
            };
            let constants = others.iter().map(constant).collect::<Option<Vec<_>>>()?.try_into().ok()?;
            Some((Step::Norm { x, constants, run }, shape.clone()))
        }
        (Op::GlobalAveragePool, []) => Some((Step::Means { x, run }, vec![map?[0], 1, 1])),
        (Op::GlobalMaxPool, []) => Some((Step::Largest { x, run }, vec![map?[0], 1, 1])),
        // What follows takes whole numbers, and here a number is a number.
        (Op::Cast, []) => Some((Step::Flatten(x), shape.clone())),
        (Op::Transpose(order), []) => {
            let sides = map.filter(|_| [0, 1, 2].iter().all(|side| order.contains(side)))?;
            Some((Step::Transpose { x, sides, order }, order.map(|side| sides[side]).to_vec()))
        }
        (Op::LayerNormalization, &[Source::Constant(scale), Source::Constant(shift)]) => {
            let run = *shape.last()?;
            let fits = dims(scale) == [run] && dims(shift) == [run];
            fits.then(|| (Step::LayerNorm { x, constants: [scale, shift], run }, shape.clone()))
        }
        (Op::Conv { window, groups }, &[Source::Constant(weight), ref bias @ ..]) => {
            let &[outputs, inputs, height, width] = dims(weight) else { return None };
            let bias = match *bias {
                [] => None,
                [Source::Constant(bias)] if *dims(bias) == [outputs] => Some(bias),
                _ => return None,
            };
            let Window { kernel, stride, padding } = window;
            let conv = Conv { outputs, kernel, stride, padding, groups, bias: bias.is_some() };
            let (map, output) = (map?, ModelOp::Conv(conv).output(&[shape]).ok()?);
            let fits = kernel == [height, width] && inputs.checked_mul(groups) == Some(map[0]);
            let maps = [map, output.as_slice().try_into().ok()?];
            fits.then_some((Step::Conv { x, weight, bias, conv, maps }, output))
        }
        (Op::MaxPool(window), []) => pool(x, true, window, shape),
        (Op::AveragePool(window), []) => pool(x, false, window, shape),
        _ => None,
    }
}

fn pool(x: usize, is_max: bool, window: Window, shape: &[usize]) -> Option<(Step, Vec<usize>)> {
    let op = if is_max { ModelOp::MaxPool(window) } else { ModelOp::AveragePool(window) };
    let output = op.output(&[shape]).ok()?;
    let maps = [shape.try_into().ok()?, output.as_slice().try_into().ok()?];
    Some((Step::Pool { x, is_max, window, maps }, output))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Node, Port, Tensor};

    fn graph() -> Graph {
        let tensor = |name: &str, dims: &[usize]| Tensor {
            name: name.into(),
            dims: dims.to_vec(),
            values: vec![0.5; dims.iter().product()],
        };
        let node = |op, inputs: &[&str], output: &str| Node {
            op,
            inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
            output: output.into(),
        };
        Graph {
            name: "g".into(),
            nodes: vec![
                node(Op::Flatten, &["input"], "flat"),
                node(Op::Gemm, &["flat", "w", "b"], "z"),
                node(Op::Mul, &["z", "half"], "h"),
                node(Op::Add, &["h", "z"], "logits"),
            ],
            constants: vec![tensor("w", &[3, 4]), tensor("b", &[3]), tensor("half", &[])],
            inputs: vec![Port { name: "input".into(), dims: vec![2, 2] }],
            outputs: vec![Port { name: "logits".into(), dims: vec![3] }],
        }
    }

    #[test]
    fn names_become_places() {
        let plan = Plan::new(&graph()).unwrap();
        let expected = [
            Step::Flatten(0),
            Step::Gemm { x: 1, weight: 0, bias: 1 },
            Step::WithConstant { x: 2, op: Op::Mul, constant: 2, run: 3 },
            Step::Pairs(3, Op::Add, 2),
        ];
        assert_eq!((&plan.steps[..], &plan.outputs[..]), (&expected[..], &[4][..]));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let check = |change: fn(&mut Graph), expected: &str| {
            let mut graph = graph();
            change(&mut graph);
            let error = Plan::new(&graph).unwrap_err();
            assert!(error.contains(expected), "{expected}: {error}");
        };
        check(|g| g.nodes[1].inputs[0] = "input".into(), "node \"z\" has inputs");
        check(|g| g.nodes[1].inputs[0] = "h".into(), "node \"z\" has inputs");
        check(|g| g.nodes[1].inputs[1] = "b".into(), "node \"z\" has inputs");
        check(|g| g.nodes[1].inputs.truncate(2), "node \"z\" has inputs");
        check(|g| g.nodes[2].inputs[1] = "w".into(), "node \"h\" has inputs");
        check(|g| g.nodes[3].inputs[1] = "flat".into(), "node \"logits\" has inputs");
        check(|g| g.nodes[2].inputs = vec![], "node \"h\" has inputs");
        check(|g| g.nodes[2].output = "w".into(), "two values have the name \"w\"");
        check(|g| g.constants[0].name = "b".into(), "two values have the name \"b\"");
        check(|g| g.constants[0].dims = vec![4, 3], "node \"z\" has inputs");
        check(|g| g.inputs[0].dims = vec![2, 3], "node \"z\" has inputs");
        check(|g| g.inputs[0].dims = vec![2, 0], "the input has shape [2, 0]");
        check(|g| g.inputs[0].dims = vec![usize::MAX, 2], "the input has shape");
        check(|g| g.inputs.clear(), "it has 0 inputs");
        check(|g| g.outputs[0].dims = vec![4], "the output \"logits\"");
        check(|g| g.outputs[0].name = "w".into(), "the output \"w\"");
    }
}
