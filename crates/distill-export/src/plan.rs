use std::collections::HashMap;

use crate::graph::{Graph, Op};

/// The order in which a graph computes, with places for names. Every width is that of a tensor that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    /// Which values are the outputs.
    pub(crate) outputs: Vec<usize>,
}

/// One node. Value 0 is the input, value `i + 1` what step `i` computes; constants are counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The same numbers.
    Flatten(usize),
    /// `x · wᵀ + b`.
    Gemm { x: usize, weight: usize, bias: usize },
    /// A function of each number, or of all for softmax.
    Map(usize, Op),
    /// A sum or product with a constant number.
    WithConstant(usize, Op, usize),
    /// A sum or product of two values of one width.
    Pairs(usize, Op, usize),
}

/// A value while the plan is made.
#[derive(Clone, Copy)]
struct Known {
    width: usize,
    /// Whether it is a matrix of examples and features.
    flat: bool,
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
        let width = input.dims.iter().try_fold(1_usize, |product, &side| product.checked_mul(side));
        let width = width.filter(|&width| width > 0).ok_or_else(|| format!("the input has shape {:?}", input.dims))?;
        let mut known = vec![Known { width, flat: input.dims.len() == 1 }];
        let mut names = HashMap::new();
        let constants = graph.constants.iter().enumerate().map(|(i, tensor)| (&*tensor.name, Source::Constant(i)));
        for (name, source) in constants.chain([(&*input.name, Source::Value(0))]) {
            if names.insert(name, source).is_some() {
                return Err(format!("two values have the name {name:?}"));
            }
        }
        let mut steps = Vec::with_capacity(graph.nodes.len());
        for node in &graph.nodes {
            let find = |name: &String| names.get(name.as_str()).copied();
            let sources: Option<Vec<_>> = node.inputs.iter().map(find).collect();
            let step = sources.and_then(|sources| step(node.op, &sources, graph, &known));
            let (step, value) =
                step.ok_or_else(|| format!("node {:?} has inputs that do not fit its operator", node.output))?;
            steps.push(step);
            if names.insert(&node.output, Source::Value(known.len())).is_some() {
                return Err(format!("two values have the name {:?}", node.output));
            }
            known.push(value);
        }
        let output = |port: &crate::graph::Port| match names.get(port.name.as_str()) {
            Some(&Source::Value(at)) if known[at].flat && port.dims == [known[at].width] => Ok(at),
            _ => Err(format!("the output {:?} of shape {:?} is not what is computed", port.name, port.dims)),
        };
        let outputs = graph.outputs.iter().map(output).collect::<Result<_, _>>()?;
        Ok(Self { steps, outputs })
    }
}

/// The step of a node and what it makes, if the inputs fit the operator.
fn step(op: Op, sources: &[Source], graph: &Graph, known: &[Known]) -> Option<(Step, Known)> {
    let &[Source::Value(x), ref others @ ..] = sources else { return None };
    let value = known[x];
    let width = |width| Known { width, flat: true };
    match (op, others) {
        (Op::Flatten, []) => Some((Step::Flatten(x), width(value.width))),
        _ if !value.flat => None,
        (Op::Gemm, &[Source::Constant(weight), Source::Constant(bias)]) => {
            let (w, b) = (&graph.constants[weight].dims, &graph.constants[bias].dims);
            let &[outputs, inputs] = &w[..] else { return None };
            let fits = inputs == value.width && b[..] == [outputs] && outputs > 0;
            fits.then_some((Step::Gemm { x, weight, bias }, width(outputs)))
        }
        (Op::Relu | Op::Tanh | Op::Erf | Op::Softmax, []) => Some((Step::Map(x, op), value)),
        (Op::Add | Op::Mul, &[Source::Constant(y)]) if graph.constants[y].dims.is_empty() => {
            Some((Step::WithConstant(x, op, y), value))
        }
        (Op::Add | Op::Mul, &[Source::Value(y)]) if known[y].flat && known[y].width == value.width => {
            Some((Step::Pairs(x, op, y), value))
        }
        _ => None,
    }
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
            Step::WithConstant(2, Op::Mul, 2),
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
        check(|g| g.nodes[2].inputs[1] = "b".into(), "node \"h\" has inputs");
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
