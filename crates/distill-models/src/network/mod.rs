//! A graph with weights: computed, trained.

mod conv;
mod dense;
mod eval;
mod layer_norm;
mod norm;
mod order;
mod plan;
mod pointwise;
mod pool;
mod sequence;
mod step;

use std::sync::{Arc, OnceLock};

use distill_tensor::{Init, ParamId, Params};
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::bags::Bags;
use crate::dense::for_each_row;
use crate::graph::Slices;
use crate::max_norm::clamp_rows;
use crate::{
    Graph, MapShape, Model, ModelConfig, ModelError, ModelSpec, Node, Op, Scratch, Standard, StepKey, Tape, Task,
    Trainable,
};
use plan::{Plan, Planned, Reads};
use step::{Backward, Eval, Forward, Inputs, Prepared, Sources, Values};

/// A network: a [`Graph`] with weights.
///
/// Values of maps lie with their channels side by side, `(height, width, channels)`, on a [`Tape`] too; the input is as the data set
/// has it.
///
/// # Examples
/// ```
/// use distill_models::{MlpConfig, Model, Network};
/// use ndarray::Array2;
/// let config = MlpConfig { hidden: vec![8], ..MlpConfig::default() };
/// let model = Network::new(config, vec![4], vec!["yes".into(), "no".into()], 1)?;
/// assert_eq!(model.spec().architecture, "4-8-2");
/// assert_eq!(model.spec().parameters, 4 * 8 + 8 + 8 * 2 + 2);
/// let logits = model.logits(Array2::zeros((3, 4)).view())?;
/// assert_eq!(logits.dim(), (3, 2));
/// # Ok::<(), distill_models::ModelError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Network {
    config: ModelConfig,
    /// Whether the first node standardises the inputs, and by what.
    standardize: Option<Standard>,
    spec: ModelSpec,
    graph: Arc<Graph>,
    slices: Arc<[Slices]>,
    plan: Arc<Plan>,
    params: Params,
    /// What evaluation wants of the weights of every step, made when it first does.
    prepared: OnceLock<Vec<Prepared>>,
}

impl Network {
    /// A network with random weights: He's initialisation before ReLU and its like, Glorot's before tanh, and the standard normal
    /// distribution in an embedding. Biases are 0, batch norms begin as the identity of what they have normalised.
    ///
    /// # Errors
    /// If the description is not one of a model, or does not fit inputs of that shape.
    pub fn new(
        config: impl Into<ModelConfig>,
        input_shape: Vec<usize>,
        classes: Vec<String>,
        seed: u64,
    ) -> Result<Self, ModelError> {
        let mut model = Self::build(config.into(), None, input_shape, classes, None)?;
        model.draw(seed);
        Ok(model)
    }

    /// A network with given weights, whose layout must be that of its graph. See
    /// [`ModelCard::layout`](crate::ModelCard::layout).
    ///
    /// # Errors
    /// As [`new`](Self::new), and for weights of another layout.
    pub fn with_params(
        config: ModelConfig,
        standardize: Option<Standard>,
        input_shape: Vec<usize>,
        classes: Vec<String>,
        params: Params,
    ) -> Result<Self, ModelError> {
        Self::build(config, standardize, input_shape, classes, Some(params))
    }

    /// Without weights they are all 0.
    fn build(
        config: ModelConfig,
        standardize: Option<Standard>,
        input_shape: Vec<usize>,
        classes: Vec<String>,
        params: Option<Params>,
    ) -> Result<Self, ModelError> {
        let graph = config.graph_with(standardize, &input_shape, classes.len())?;
        let (layout, slices) = graph.layout()?;
        let params = params.unwrap_or_else(|| Params::zeros(layout.clone()));
        if layout != *params.layout() {
            let problem = "has weights of other names or shapes than a network of that description".to_owned();
            return Err(ModelError::Config { field: "params", problem });
        }
        let plan = Plan::new(&graph, &slices)?;
        let spec = ModelSpec {
            architecture: config.architecture(&input_shape, classes.len()),
            input_shape,
            classes,
            parameters: layout.n_trained(),
            task: Task::Classes,
        };
        let (graph, plan) = (Arc::new(graph), Arc::new(plan));
        Ok(Self { config, standardize, spec, graph, slices: slices.into(), plan, params, prepared: OnceLock::new() })
    }

    /// The same network, whose outputs are these.
    #[must_use]
    pub fn with_task(mut self, task: Task) -> Self {
        self.spec.task = task;
        self
    }

    /// What the model was built from.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Whether it standardises its inputs itself, and by what. A perceptron has that in its first weights.
    pub fn standardize(&self) -> Option<Standard> {
        self.standardize
    }

    /// The same network behind a first node that standardises the inputs: `(x - mean) · scale`.
    ///
    /// # Errors
    /// [`ModelError::Config`] if it does so already, or if there is not one number of each for every channel or every number.
    pub(crate) fn standardized(self, by: Standard, mean: &[f32], scale: &[f32]) -> Result<Self, ModelError> {
        let ModelSpec { input_shape, classes, task, .. } = self.spec;
        let (layout, slices) = self.config.graph_with(Some(by), &input_shape, classes.len())?.layout()?;
        let problem = |problem: &str| Err(ModelError::Config { field: "standardize", problem: problem.to_owned() });
        let mut params = Params::zeros(layout);
        let first = slices.first().filter(|_| self.standardize.is_none());
        let Some(&Slices::Standard { mean: means, scale: scales }) = first else {
            return problem("is part of this model already");
        };
        if [mean.len(), scale.len()] != [params.vector(means).len(); 2] {
            return problem("has another number of means than the model has channels or inputs");
        }
        params.vector_mut(means).copy_from_slice(mean);
        params.vector_mut(scales).copy_from_slice(scale);
        let first = mean.len() + scale.len();
        params.as_mut_slice()[first..].copy_from_slice(self.params.as_slice());
        Ok(Self::with_params(self.config, Some(by), input_shape, classes, params)?.with_task(task))
    }

    /// Weights and bias of the first layer, if it is a matrix that reads the inputs.
    pub(crate) fn first_matrix(&self) -> Option<(ParamId, ParamId)> {
        let reads = |(node, slices): (&Node, &Slices)| match (&node.op, *slices) {
            (Op::Linear { .. }, Slices::Affine { weight, bias }) => Some(Some((weight, bias))),
            (Op::Flatten | Op::Dropout { .. }, _) => None,
            _ => Some(None),
        };
        self.graph.nodes().iter().zip(&*self.slices).find_map(reads).flatten()
    }

    /// Weights and bias of the layer that gives the outputs, if that is a matrix.
    pub(crate) fn last_matrix(&self) -> Option<(ParamId, ParamId)> {
        match (&self.graph.nodes().last()?.op, *self.slices.last()?) {
            (Op::Linear { .. }, Slices::Affine { weight, bias }) => Some((weight, bias)),
            _ => None,
        }
    }

    /// What it computes.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Draws all weights. Each node with a weight has random numbers of its own.
    fn draw(&mut self, seed: u64) {
        let of_hidden = self.config.activation().init();
        let mut number = 0;
        for (node, slices) in self.graph.nodes().iter().zip(&*self.slices) {
            let input = &self.graph.value(node.inputs[0]).shape;
            let (weight, init, [inputs, outputs]) = match (&node.op, *slices) {
                (Op::Linear { outputs }, Slices::Affine { weight, .. }) => (weight, of_hidden, [input[0], *outputs]),
                (Op::EmbeddingBag { .. }, Slices::Affine { weight, .. })
                | (Op::Embedding { .. }, Slices::Weight(weight)) => (weight, Init::Normal, [1, 1]),
                (Op::LayerNorm, Slices::Affine { weight, .. }) => {
                    self.params.vector_mut(weight).fill(1.0);
                    continue;
                }
                // The variance follows the outputs, as is usual for convolutions (He et al., 2015, section 2.2).
                (Op::Conv(conv), Slices::Weight(weight) | Slices::Affine { weight, .. }) => {
                    let fan = conv.kernel[0] * conv.kernel[1] * conv.outputs / conv.groups;
                    (weight, Init::HeNormal, [fan, fan])
                }
                (_, Slices::Norm { weight, variance, .. }) => {
                    self.params.vector_mut(weight).fill(1.0);
                    self.params.vector_mut(variance).fill(1.0);
                    continue;
                }
                (_, Slices::Standard { scale, .. }) => {
                    self.params.vector_mut(scale).fill(1.0);
                    continue;
                }
                _ => continue,
            };
            init.fill(self.params.vector_mut(weight), inputs, outputs, seed, number);
            if let Op::Embedding { outputs, .. } = node.op {
                self.params.vector_mut(weight)[..outputs].fill(0.0);
            }
            number += 1;
        }
    }

    /// Checks inputs, and reads them where they are numbers of buckets.
    fn read(&self, inputs: ArrayView2<'_, f32>, bags: &mut Bags) -> Result<(), ModelError> {
        let (expected, actual) = (self.spec.features(), inputs.ncols());
        if expected != actual {
            return Err(ModelError::Features { expected, actual });
        }
        match self.plan.reads {
            Reads::Values => Ok(()),
            Reads::Bags { buckets } => bags.read(inputs, buckets),
            Reads::Tokens { rows } => bags.read_tokens(inputs, rows),
        }
    }
}

impl Model for Network {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn logits_into(
        &self,
        inputs: ArrayView2<'_, f32>,
        scratch: &mut Scratch,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), ModelError> {
        let mut bags = scratch.take_bags();
        self.read(inputs, &mut bags)?;
        let mut buffers = scratch.take_values();
        self.eval(inputs, &bags, &mut buffers, out);
        scratch.give_back_values(buffers);
        scratch.give_back_bags(bags);
        Ok(())
    }

    fn inner_values(&self) -> Vec<(String, usize)> {
        self.plan.slots.clone()
    }

    fn inner_map(&self, name: &str) -> Option<MapShape> {
        let slot = self.plan.slots.iter().position(|(slot, _)| slot == name)?;
        self.plan.maps[slot]
    }

    fn record(&self, inputs: ArrayView2<'_, f32>, tape: &mut Tape) -> Result<(), ModelError> {
        self.read(inputs, &mut tape.bags)?;
        tape.begin(inputs.nrows());
        let (bags, slots, _) = tape.parts_mut(0);
        slots[0].value_mut().assign(&inputs);
        for (Planned { step, inputs, output, .. }, prepared) in self.plan.steps.iter().zip(self.prepared()) {
            let (before, after) = slots.split_at_mut(*output);
            let at = Eval { params: &self.params, prepared, bags };
            step.eval(at, Sources { values: Values::Slots(before), inputs }, after[0].value_mut());
        }
        Ok(())
    }
}

impl Trainable for Network {
    fn params(&self) -> &Params {
        &self.params
    }

    fn params_mut(&mut self) -> &mut Params {
        // What was made of the old ones no longer holds.
        self.prepared.take();
        &mut self.params
    }

    fn tape(&self) -> Tape {
        Tape::new(self.inner_values())
    }

    fn forward(&self, inputs: ArrayView2<'_, f32>, key: StepKey, tape: &mut Tape) -> Result<(), ModelError> {
        self.read(inputs, &mut tape.bags)?;
        let precision = tape.precision();
        tape.begin(inputs.nrows());
        let (bags, slots, work) = tape.parts_mut(self.plan.steps.len());
        let mut x = slots[0].value_mut();
        x.assign(&inputs);
        if let Some(dropout) = self.plan.input_dropout {
            let n = x.len();
            for_each_row(x, n, |row, x| dropout.apply_to_inputs(key, row, x));
        }
        for (Planned { step, inputs, output, .. }, work) in self.plan.steps.iter().zip(work) {
            let (before, after) = slots.split_at_mut(*output);
            let mut at = Forward { params: &self.params, key, precision, bags, work };
            step.forward(&mut at, Sources { values: Values::Slots(before), inputs }, &mut after[0]);
        }
        Ok(())
    }

    fn backward(&self, grad_logits: ArrayView2<'_, f32>, tape: &mut Tape, grads: &mut Params) {
        let precision = tape.precision();
        assert_eq!(grad_logits.dim(), tape.logits().dim(), "the gradient belongs to another forward pass");
        let (bags, slots, work) = tape.parts_mut(self.plan.steps.len());
        if let Some(logits) = slots.last_mut() {
            logits.grad_mut().assign(&grad_logits);
        }
        for (Planned { step, inputs, output, needs_grad }, work) in self.plan.steps.iter().zip(work).rev() {
            if !needs_grad {
                continue;
            }
            let (before, after) = slots.split_at_mut(*output);
            after[0].add_entered();
            let mut at = Backward { params: &self.params, precision, bags, work, grads };
            step.backward(&mut at, &mut Inputs { slots: before, inputs }, &mut after[0]);
        }
    }

    fn takes_inner_gradients(&self) -> bool {
        true
    }

    fn absorb(&mut self, grads: &Params) {
        if self.params.layout().stretches().all(|(kind, _)| kind.is_trained()) {
            return;
        }
        self.prepared.take();
        for planned in &self.plan.steps {
            planned.step.absorb(&mut self.params, grads);
        }
    }

    fn constrain(&mut self) {
        let Some(max_norm) = self.config.max_norm() else { return };
        self.prepared.take();
        for weight in self.plan.steps.iter().filter_map(|planned| planned.step.hidden_units()) {
            clamp_rows(self.params.matrix_mut(weight), max_norm as f32);
        }
    }
}
