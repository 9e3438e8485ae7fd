use std::sync::{Arc, OnceLock};

use distill_tensor::{Init, Layout, LayoutBuilder, ParamId, Params, Weights};
use ndarray::{ArrayView2, ArrayViewMut2};
use serde::{Deserialize, Serialize};

use crate::dense::{Dense, for_each_row};
use crate::embedding::Embedding;
use crate::max_norm::clamp_rows;
use crate::{Activation, Dropout, EmbeddingConfig, Model, ModelError, ModelSpec, Noise, Scratch, Tape, Trainable};

/// More hidden layers than anybody trains without skip connections; a bound for hostile files.
const MAX_HIDDEN_LAYERS: usize = 64;

/// The kinds of models that can be built from a description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// A multi-layer perceptron.
    #[default]
    Mlp,
}

/// What a multi-layer perceptron is made of, apart from its inputs and classes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MlpConfig {
    /// Which kind of model this describes.
    #[serde(default)]
    pub kind: ModelKind,
    /// Units of each hidden layer. Empty gives multinomial logistic regression.
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_HIDDEN_LAYERS), inner(range(min = 1)), extend("examples" = [[200]])))]
    pub hidden: Vec<usize>,
    /// Non-linearity of the hidden layers.
    #[serde(default)]
    pub activation: Activation,
    /// Probability that a hidden unit is dropped in training.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0)))]
    pub dropout: f64,
    /// Probability that an input is dropped in training.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0)))]
    pub input_dropout: f64,
    /// Inputs are bucket indices, and the first hidden layer is a mean of rows of a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding: Option<EmbeddingConfig>,
    /// Largest norm of the incoming weights of a hidden unit. It does not bound an embedding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0.0)))]
    pub max_norm: Option<f64>,
}

impl MlpConfig {
    /// In short, such as `784-800-800-10`; with an embedding its buckets come first.
    pub fn architecture(&self, features: usize, n_classes: usize) -> String {
        let first = self.embedding.map_or(features, |embedding| embedding.buckets);
        let widths = [first].into_iter().chain(self.hidden.iter().copied()).chain([n_classes]);
        widths.map(|width| width.to_string()).collect::<Vec<_>>().join("-")
    }

    /// Names and shapes of the parameters: `hidden.0.weight` `(outputs, inputs)`,
    /// `hidden.0.bias`, …, `output.weight`, `output.bias`. An embedding has `embedding.weight`
    /// `(buckets, outputs)` in place of `hidden.0.weight`. Allocates nothing for the values.
    ///
    /// # Errors
    /// [`ModelError::Config`] for a width of zero or too many layers, [`ModelError::Layout`] for a
    /// size that no memory holds.
    pub fn layout(&self, features: usize, n_classes: usize) -> Result<Arc<Layout>, ModelError> {
        let config = |field, problem| Err(ModelError::Config { field, problem });
        if self.hidden.len() > MAX_HIDDEN_LAYERS {
            return config(
                "hidden",
                format!("has {} layers, at most {MAX_HIDDEN_LAYERS} are possible", self.hidden.len()),
            );
        }
        if let Some(layer) = self.hidden.iter().position(|&width| width == 0) {
            return config("hidden", format!("has 0 units in layer {layer}, at least 1 is needed"));
        }
        if features == 0 || n_classes == 0 {
            return config(
                "hidden",
                format!("connects {features} features with {n_classes} classes, both need at least 1"),
            );
        }
        if let Some(max_norm) = self.max_norm.filter(|&c| !(c > 0.0 && c.is_finite())) {
            return config("max_norm", format!("must be a finite number greater than 0, got {max_norm}"));
        }
        self.embedding.map_or(Ok(()), |embedding| embedding.check(&self.hidden, self.input_dropout))?;
        let mut builder = LayoutBuilder::new();
        let mut inputs = features;
        for (i, &outputs) in self.hidden.iter().enumerate() {
            match self.embedding {
                Some(embedding) if i == 0 => builder.push("embedding.weight", &[embedding.buckets, outputs])?,
                _ => builder.push(format!("hidden.{i}.weight"), &[outputs, inputs])?,
            };
            builder.push(format!("hidden.{i}.bias"), &[outputs])?;
            inputs = outputs;
        }
        builder.push("output.weight", &[n_classes, inputs])?;
        builder.push("output.bias", &[n_classes])?;
        Ok(builder.build())
    }
}

/// A multi-layer perceptron.
///
/// # Examples
/// ```
/// use distill_models::{Mlp, MlpConfig, Model};
/// use ndarray::Array2;
/// let config = MlpConfig { hidden: vec![8], ..MlpConfig::default() };
/// let model = Mlp::new(config, vec![4], vec!["yes".into(), "no".into()], 1)?;
/// assert_eq!(model.spec().architecture, "4-8-2");
/// assert_eq!(model.spec().parameters, 4 * 8 + 8 + 8 * 2 + 2);
/// let logits = model.logits(Array2::zeros((3, 4)).view())?;
/// assert_eq!(logits.dim(), (3, 2));
/// # Ok::<(), distill_models::ModelError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Mlp {
    config: MlpConfig,
    spec: ModelSpec,
    input_dropout: Option<Dropout>,
    embedding: Option<Embedding>,
    /// Those that are matrices: all, or those above the embedding.
    layers: Vec<Dense>,
    params: Params,
    /// The weights of every layer as evaluation wants them, made when it first does.
    evaluated: OnceLock<Vec<Weights>>,
}

impl Mlp {
    /// A model with random weights: He's initialisation before ReLU and GELU, Glorot's before tanh, and the standard
    /// normal distribution in an embedding.
    ///
    /// # Errors
    /// If the description is not one of a model.
    pub fn new(
        config: MlpConfig,
        input_shape: Vec<usize>,
        classes: Vec<String>,
        seed: u64,
    ) -> Result<Self, ModelError> {
        let layout = config.layout(input_shape.iter().product(), classes.len())?;
        let mut model = Self::with_params(config, input_shape, classes, Params::zeros(layout))?;
        let init = match model.config.activation {
            Activation::Relu | Activation::Gelu => Init::HeNormal,
            Activation::Tanh => Init::GlorotUniform,
        };
        if let Some(embedding) = &model.embedding {
            Init::Normal.fill(model.params.vector_mut(embedding.table), 1, 1, seed, 0);
        }
        for (slice, layer) in (model.n_embeddings() as u16..).zip(&model.layers) {
            let (outputs, inputs) = model.params.matrix(layer.weight).dim();
            init.fill(model.params.vector_mut(layer.weight), inputs, outputs, seed, slice);
        }
        Ok(model)
    }

    /// Checks a description without inputs and classes; takes no memory for weights.
    ///
    /// # Errors
    /// As [`Mlp::new`].
    pub fn check(config: &MlpConfig) -> Result<(), ModelError> {
        config.layout(1, 1)?;
        Dropout::new(config.dropout, 0, "dropout")?;
        Dropout::new(config.input_dropout, 0, "input_dropout")?;
        Ok(())
    }

    /// A model with given weights, whose layout must be that of [`MlpConfig::layout`].
    ///
    /// # Errors
    /// If the description is not one of a model.
    pub(crate) fn with_params(
        config: MlpConfig,
        input_shape: Vec<usize>,
        classes: Vec<String>,
        params: Params,
    ) -> Result<Self, ModelError> {
        let features = input_shape.iter().product();
        let spec = ModelSpec {
            architecture: config.architecture(features, classes.len()),
            input_shape,
            classes,
            parameters: params.layout().len(),
        };
        let input_dropout = Dropout::new(config.input_dropout, 0, "input_dropout")?;
        let ids: Vec<_> = params.layout().iter().map(|(id, ..)| id).collect();
        let mut embedding = None;
        let mut layers = Vec::with_capacity(config.hidden.len() + 1);
        for (pair, number) in ids.chunks_exact(2).zip(1..) {
            let hidden = usize::from(number) <= config.hidden.len();
            let (weight, bias, activation) = (pair[0], pair[1], config.activation);
            let dropout = if hidden { Dropout::new(config.dropout, number, "dropout")? } else { None };
            match config.embedding {
                Some(EmbeddingConfig { buckets }) if number == 1 => {
                    embedding = Some(Embedding { buckets, table: weight, bias, activation, dropout });
                }
                _ => layers.push(Dense { weight, bias, activation: hidden.then_some(activation), dropout }),
            }
        }
        Ok(Self { config, spec, input_dropout, embedding, layers, params, evaluated: OnceLock::new() })
    }

    /// What the model was built from.
    pub fn config(&self) -> &MlpConfig {
        &self.config
    }

    /// Weights and bias of the first layer that is a matrix.
    pub(crate) fn first_layer(&self) -> (ParamId, ParamId) {
        let first = self.layers.first().expect("a model has an output layer");
        (first.weight, first.bias)
    }

    /// Hidden layers that are not among the matrices.
    fn n_embeddings(&self) -> usize {
        usize::from(self.embedding.is_some())
    }

    /// The weights of every layer as evaluation wants them.
    fn evaluated(&self) -> &[Weights] {
        let make = || self.layers.iter().map(|layer| Weights::new(self.params.matrix(layer.weight))).collect();
        self.evaluated.get_or_init(make)
    }

    fn check_features(&self, inputs: ArrayView2<'_, f32>) -> Result<(), ModelError> {
        let (expected, actual) = (self.spec.features(), inputs.ncols());
        if expected == actual { Ok(()) } else { Err(ModelError::Features { expected, actual }) }
    }
}

impl Model for Mlp {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn logits_into(
        &self,
        inputs: ArrayView2<'_, f32>,
        scratch: &mut Scratch,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), ModelError> {
        self.check_features(inputs)?;
        let widest = self.config.hidden.iter().copied().max().unwrap_or(0);
        let rows = inputs.nrows();
        let mut bags = scratch.take_bags();
        if let Some(embedding) = &self.embedding {
            bags.read(inputs, embedding.buckets)?;
        }
        let [mut a, mut b] = scratch.pair(rows, [widest; 2]).map(|m| m.into_slice().expect("scratch is contiguous"));
        let mut width = inputs.ncols();
        let weights = self.evaluated();
        let (output, hidden) = self.layers.split_last().expect("a model has an output layer");
        if let (Some(embedding), Some(&outputs)) = (&self.embedding, self.config.hidden.first()) {
            embedding.eval(&self.params, &bags, view_mut(a, rows, outputs));
            width = outputs;
        }
        let first = self.n_embeddings();
        for (i, (layer, &outputs)) in hidden.iter().zip(&self.config.hidden[first..]).enumerate() {
            let x = if first + i == 0 { inputs } else { view(a, rows, width) };
            layer.eval(&self.params, &weights[i], x, view_mut(b, rows, outputs));
            (a, b) = (b, a);
            width = outputs;
        }
        let x = if self.config.hidden.is_empty() { inputs } else { view(a, rows, width) };
        output.eval(&self.params, &weights[hidden.len()], x, out);
        scratch.give_back_bags(bags);
        Ok(())
    }

    fn inner_values(&self) -> Vec<(String, usize)> {
        let hidden = self.config.hidden.iter().enumerate().map(|(i, &width)| (format!("hidden.{i}"), width));
        let input = ("input".to_owned(), self.spec.features());
        [input].into_iter().chain(hidden).chain([("logits".to_owned(), self.spec.classes.len())]).collect()
    }

    fn record(&self, inputs: ArrayView2<'_, f32>, tape: &mut Tape) -> Result<(), ModelError> {
        self.check_features(inputs)?;
        if let Some(embedding) = &self.embedding {
            tape.bags.read(inputs, embedding.buckets)?;
        }
        tape.begin(inputs.nrows());
        let (bags, slots) = tape.bags_and_slots_mut();
        slots[0].value_mut().assign(&inputs);
        if let Some(embedding) = &self.embedding {
            embedding.eval(&self.params, bags, slots[1].value_mut());
        }
        for (i, (layer, weights)) in (self.n_embeddings()..).zip(self.layers.iter().zip(self.evaluated())) {
            let (before, after) = slots.split_at_mut(i + 1);
            layer.eval(&self.params, weights, before[i].value(), after[0].value_mut());
        }
        Ok(())
    }
}

impl Trainable for Mlp {
    fn params(&self) -> &Params {
        &self.params
    }

    fn params_mut(&mut self) -> &mut Params {
        // What was made of the old ones no longer holds.
        self.evaluated.take();
        &mut self.params
    }

    fn tape(&self) -> Tape {
        Tape::new(self.inner_values())
    }

    fn forward(&self, inputs: ArrayView2<'_, f32>, noise: Noise, tape: &mut Tape) -> Result<(), ModelError> {
        self.check_features(inputs)?;
        let precision = tape.precision();
        if let Some(embedding) = &self.embedding {
            tape.bags.read(inputs, embedding.buckets)?;
        }
        tape.begin(inputs.nrows());
        let (bags, slots) = tape.bags_and_slots_mut();
        let mut x = slots[0].value_mut();
        x.assign(&inputs);
        if let Some(dropout) = self.input_dropout {
            let work = x.len();
            for_each_row(x, work, |row, x| dropout.apply_to_inputs(noise, row, x));
        }
        if let Some(embedding) = &self.embedding {
            let (y, slope) = slots[1].value_and_slope_mut();
            embedding.forward(&self.params, noise, bags, y, slope);
        }
        for (i, layer) in (self.n_embeddings()..).zip(&self.layers) {
            let (before, after) = slots.split_at_mut(i + 1);
            let (y, slope) = after[0].value_and_slope_mut();
            layer.forward(&self.params, (noise, precision), before[i].value(), y, slope);
        }
        Ok(())
    }

    fn backward(&self, grad_logits: ArrayView2<'_, f32>, tape: &mut Tape, grads: &mut Params) {
        let precision = tape.precision();
        assert_eq!(grad_logits.dim(), tape.logits().dim(), "the gradient belongs to another forward pass");
        let first = self.n_embeddings();
        let (bags, slots) = tape.bags_and_slots_mut();
        for (layer, i) in self.layers.iter().zip(first..first + self.layers.len()).rev() {
            let (before, after) = slots.split_at_mut(i + 1);
            let (input, output) = (&mut before[i], &mut after[0]);
            // The logits have no activation: their gradient is that of the affine output.
            let dz = if layer.activation.is_none() {
                output.with_entered(grad_logits)
            } else {
                output.scale_grad_by_slope();
                output.grad()
            };
            layer.backward_params(precision, input.value(), dz, grads);
            if i > 0 {
                layer.backward_inputs(&self.params, precision, dz, input.grad_mut());
                input.add_entered();
            }
        }
        if let Some(embedding) = &self.embedding {
            let output = &mut slots[1];
            output.scale_grad_by_slope();
            embedding.backward_params(bags, output.grad_mut(), grads);
        }
    }

    fn takes_inner_gradients(&self) -> bool {
        true
    }

    fn constrain(&mut self) {
        let Some(max_norm) = self.config.max_norm else { return };
        self.evaluated.take();
        for layer in self.layers.iter().filter(|layer| layer.activation.is_some()) {
            clamp_rows(self.params.matrix_mut(layer.weight), max_norm as f32);
        }
    }
}

fn view(buffer: &[f32], rows: usize, width: usize) -> ArrayView2<'_, f32> {
    ArrayView2::from_shape((rows, width), &buffer[..rows * width]).expect("length of its shape")
}

fn view_mut(buffer: &mut [f32], rows: usize, width: usize) -> ArrayViewMut2<'_, f32> {
    ArrayViewMut2::from_shape((rows, width), &mut buffer[..rows * width]).expect("length of its shape")
}
