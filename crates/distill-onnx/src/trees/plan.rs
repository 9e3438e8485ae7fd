//! From the nodes of a file to steps: those that the output needs, each of which distill has.

use std::collections::{HashMap, HashSet};

use super::ensemble::Ensemble;
use super::graph::{Graph, Node};
use super::labels::Labels;
use super::numbers;
use super::steps::{Arithmetic, Norm, Operand, Step};

/// Numbers of one example in all matrices together.
const MAX_WIDTH: usize = 1 << 20;

/// `TensorProto`'s number of f32, and of f64, of which every f32 is one.
const FLOATS: [i64; 2] = [1, 11];

/// Why nothing was made of a file.
#[derive(Debug)]
pub(super) enum Refused {
    /// It contradicts itself.
    Damaged(String),
    /// A node does what distill does not compute beside trees.
    Beyond { node: String, why: String },
}

/// What is computed, in its order.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    /// Columns of the inputs, and of the matrix of each step.
    pub(super) widths: Vec<usize>,
    /// The matrix that is the answer.
    pub(super) output: usize,
    /// The operator of a network whose answers are like those of the last step.
    pub(super) producer: &'static str,
}

/// What a name stands for.
#[derive(Clone, Copy)]
enum Known {
    Matrix(usize),
    /// The likeliest class of each example, which is no number for each class.
    Label,
}

pub(super) struct Planner<'a> {
    pub(super) graph: &'a Graph<'a>,
    known: HashMap<&'a str, Known>,
    pub(super) output: &'a str,
    pub(super) plan: Plan,
}

impl Plan {
    pub(super) fn new<'a>(
        graph: &'a Graph<'a>,
        input: &'a str,
        output: &'a str,
        n_features: usize,
    ) -> Result<Self, Refused> {
        let plan = Self { steps: vec![], widths: vec![n_features], output: 0, producer: "" };
        let known = HashMap::from([(input, Known::Matrix(0))]);
        let mut planner = Planner { graph, known, output, plan };
        for node in needed(graph, output) {
            planner.node(node)?;
        }
        match planner.known.get(output) {
            Some(Known::Matrix(number)) => Ok(Self { output: *number, ..planner.plan }),
            Some(Known::Label) => Err(Refused::Beyond {
                node: format!("the output `{output}`"),
                why: "is the likeliest class; name the one with the probabilities".to_owned(),
            }),
            None => Err(Refused::Damaged(format!("nothing computes the output `{output}`"))),
        }
    }
}

/// The nodes that an output needs, in the order of the file.
fn needed<'a>(graph: &'a Graph<'a>, output: &'a str) -> Vec<&'a Node<'a>> {
    let mut wanted = HashSet::from([output]);
    let mut nodes: Vec<&Node<'_>> = vec![];
    for node in graph.nodes.iter().rev() {
        if node.outputs.iter().any(|output| wanted.contains(output)) {
            wanted.extend(node.inputs.iter().filter(|input| !input.is_empty()));
            nodes.push(node);
        }
    }
    nodes.reverse();
    nodes
}

impl<'a> Planner<'a> {
    fn node(&mut self, node: &'a Node<'a>) -> Result<(), Refused> {
        let beyond = |why: String| Refused::Beyond { node: node.label(), why };
        let damaged = |problem: String| Refused::Damaged(format!("{} {problem}", node.label()));
        if !node.is_standard() {
            return Err(beyond("is of a domain that is not ONNX's".to_owned()));
        }
        if ["TreeEnsembleClassifier", "TreeEnsembleRegressor"].contains(&node.op) {
            return self.trees(node, &beyond).map_err(|refused| match refused {
                Refused::Damaged(problem) => damaged(problem),
                beyond @ Refused::Beyond { .. } => beyond,
            });
        }
        let found = match node.op {
            "Identity" | "Cast" | "ZipMap" | "Flatten" | "Reshape" | "Squeeze" => {
                let known = self.same(node).map_err(beyond)?;
                return self.name(node, 0, known);
            }
            "Scaler" => self.scale(node),
            "Imputer" => self.impute(node),
            "Normalizer" => self.normalize(node),
            "ArrayFeatureExtractor" => self.columns(node),
            "Concat" => self.concat(node),
            "Sum" => self.sum(node),
            "Exp" => self.matrix(node, 0).map(|of| (Step::Exp { of }, self.plan.widths[of])),
            "LinearRegressor" => self.linear(node),
            "Add" => self.arithmetic(node, Arithmetic::Add),
            "Sub" => self.arithmetic(node, Arithmetic::Sub),
            "Mul" => self.arithmetic(node, Arithmetic::Mul),
            "Div" => self.arithmetic(node, Arithmetic::Div),
            _ => return Err(beyond("is no operation that distill computes beside trees".to_owned())),
        };
        let (step, width) = found.map_err(beyond)?;
        self.plan.producer = "";
        let number = self.push(step, width)?;
        self.name(node, 0, Known::Matrix(number))
    }

    /// Trees, whose problems are those of the file.
    fn trees(&mut self, node: &'a Node<'a>, beyond: &dyn Fn(String) -> Refused) -> Result<(), Refused> {
        let of = self.matrix(node, 0).map_err(beyond)?;
        let ensemble = Ensemble::read(node, self.plan.widths[of]).map_err(Refused::Damaged)?;
        let width = ensemble.n_outputs();
        self.plan.producer = ensemble.producer();
        let is_classifier = ensemble.is_classifier();
        let number = self.push(Step::Trees { of, ensemble: Box::new(ensemble) }, width)?;
        if is_classifier {
            self.name(node, 0, Known::Label)?;
        }
        self.name(node, usize::from(is_classifier), Known::Matrix(number))
    }

    fn push(&mut self, step: Step, width: usize) -> Result<usize, Refused> {
        self.plan.steps.push(step);
        self.plan.widths.push(width);
        if self.plan.widths.iter().fold(0, |sum: usize, &width| sum.saturating_add(width)) > MAX_WIDTH {
            return Err(Refused::Damaged(format!("one example takes more than {MAX_WIDTH} numbers")));
        }
        Ok(self.plan.steps.len())
    }

    fn name(&mut self, node: &'a Node<'a>, at: usize, known: Known) -> Result<(), Refused> {
        match node.outputs.get(at).filter(|name| !name.is_empty()) {
            Some(name) if self.known.insert(name, known).is_some() => {
                Err(Refused::Damaged(format!("`{name}` is computed twice")))
            }
            _ => Ok(()),
        }
    }

    fn find(&self, node: &Node<'_>, at: usize) -> Result<Known, String> {
        let name = node.input(at)?;
        let is_constant = self.graph.constants.contains_key(name);
        match self.known.get(name) {
            Some(known) => Ok(*known),
            None if is_constant => Err(format!("takes the constant `{name}` where an example is needed")),
            None => Err(format!("takes `{name}`, which nothing before it computes")),
        }
    }

    /// The number of a matrix that is an input.
    pub(super) fn matrix(&self, node: &Node<'_>, at: usize) -> Result<usize, String> {
        match self.find(node, at)? {
            Known::Matrix(number) => Ok(number),
            Known::Label => Err("takes the likeliest class, which is no number for each class".to_owned()),
        }
    }

    /// An operator that gives what it takes, as far as answers go.
    fn same(&mut self, node: &Node<'_>) -> Result<Known, String> {
        let known = self.find(node, 0)?;
        match node.op {
            "Cast" if matches!(known, Known::Matrix(_)) && !node.int("to")?.is_some_and(|to| FLOATS.contains(&to)) => {
                return Err("makes other numbers than f32 or f64".to_owned());
            }
            "ZipMap" => {
                let Known::Matrix(number) = known else { return Err("takes the likeliest class".to_owned()) };
                let (n, width) = (Labels::read(node)?.map_or(0, |labels| labels.len()), self.plan.widths[number]);
                if n != width {
                    return Err(format!("has {n} labels for {width} numbers"));
                }
            }
            "Flatten" | "Reshape" | "Squeeze" => self.same_rows(node)?,
            _ => {}
        }
        Ok(known)
    }

    fn scale(&self, node: &Node<'_>) -> Result<(Step, usize), String> {
        let of = self.matrix(node, 0)?;
        let width = self.plan.widths[of];
        let offset = columns_of(node.floats("offset")?, "offset", width)?;
        let scale = columns_of(node.floats("scale")?, "scale", width)?;
        Ok((Step::Scale { of, offset, scale }, width))
    }

    fn impute(&self, node: &Node<'_>) -> Result<(Step, usize), String> {
        let of = self.matrix(node, 0)?;
        let width = self.plan.widths[of];
        let values = columns_of(node.floats("imputed_value_floats")?, "imputed_value_floats", width)?;
        let missing = node.float("replaced_value_float")?.unwrap_or(0.0);
        Ok((Step::Impute { of, missing, values }, width))
    }

    fn normalize(&self, node: &Node<'_>) -> Result<(Step, usize), String> {
        let of = self.matrix(node, 0)?;
        let norm = match node.text("norm")?.unwrap_or("MAX") {
            "MAX" => Norm::Max,
            "L1" => Norm::L1,
            "L2" => Norm::L2,
            other => return Err(format!("has the norm `{other}`; MAX, L1 and L2 are possible")),
        };
        Ok((Step::Normalize { of, norm }, self.plan.widths[of]))
    }

    fn columns(&self, node: &Node<'_>) -> Result<(Step, usize), String> {
        let of = self.matrix(node, 0)?;
        let (name, width) = (node.input(1)?, self.plan.widths[of]);
        let Some(tensor) = self.graph.constants.get(name) else {
            return Err(format!("selects by `{name}`, which is no constant"));
        };
        let (_, places) = numbers::tensor(tensor).map_err(|problem| format!("selects by `{name}`, which {problem}"))?;
        let column = |place: &f64| (0..width).find(|&column| *place == column as f64);
        let columns: Option<Vec<usize>> = places.iter().map(column).collect();
        match columns.filter(|columns| !columns.is_empty()) {
            Some(columns) => {
                let n = columns.len();
                Ok((Step::Columns { of, columns }, n))
            }
            None => Err(format!("selects by `{name}` what are no columns of its {width}")),
        }
    }

    fn concat(&self, node: &Node<'_>) -> Result<(Step, usize), String> {
        if !matches!(node.int("axis")?, Some(1 | -1)) {
            return Err("joins other than columns".to_owned());
        }
        let of: Vec<usize> = (0..node.inputs.len()).map(|at| self.matrix(node, at)).collect::<Result<_, _>>()?;
        let width = of.iter().fold(0, |sum: usize, &number| sum.saturating_add(self.plan.widths[number]));
        if width == 0 {
            return Err("joins nothing".to_owned());
        }
        Ok((Step::Concat { of }, width))
    }

    fn arithmetic(&self, node: &Node<'_>, with: Arithmetic) -> Result<(Step, usize), String> {
        let (left, right) = (self.operand(node, 0)?, self.operand(node, 1)?);
        if let (Operand::Constant(_), Operand::Constant(_)) = (&left, &right) {
            return Err("takes constants alone".to_owned());
        }
        let (a, b) = (left.width(&self.plan.widths), right.width(&self.plan.widths));
        if a == b || a == 1 || b == 1 {
            return Ok((Step::Arithmetic { with, left, right }, a.max(b)));
        }
        Err(format!("takes {a} and {b} columns"))
    }

    /// A matrix, or a constant that is one row or one number.
    fn operand(&self, node: &Node<'_>, at: usize) -> Result<Operand, String> {
        let name = node.input(at)?;
        let Some(tensor) = self.graph.constants.get(name) else { return self.matrix(node, at).map(Operand::Value) };
        let (sides, values) = numbers::tensor(tensor).map_err(|problem| format!("takes `{name}`, which {problem}"))?;
        if values.is_empty() || sides.iter().rev().skip(1).any(|&side| side != 1) {
            return Err(format!("takes the constant `{name}`, which is neither a number nor a row"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "examples are f32")]
        Ok(Operand::Constant(values.into_iter().map(|value| value as f32).collect()))
    }
}

/// One number for each column, or the same for all.
#[expect(clippy::cast_possible_truncation, reason = "they were f32")]
fn columns_of(values: Vec<f64>, name: &str, width: usize) -> Result<Vec<f32>, String> {
    match values.as_slice() {
        [one] => Ok(vec![*one as f32; width]),
        several if several.len() == width => Ok(values.into_iter().map(|value| value as f32).collect()),
        several => Err(format!("has {} numbers in `{name}` for {width} columns", several.len())),
    }
}
