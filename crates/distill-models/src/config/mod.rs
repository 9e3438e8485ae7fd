//! What networks can be built from a description: a file for each kind.

mod cnn;
mod graph;
mod keys;
mod mlp;
mod resnet;
mod separable;
mod text_cnn;

use std::sync::Arc;

use distill_tensor::Layout;
use serde::{Deserialize, Serialize};

use crate::{Activation, Dropout, EmbeddingConfig, Graph, ModelError, Op};
pub use cnn::CnnConfig;
pub use graph::{GraphConfig, NodeConfig};
use keys::{Kernel, Keys};
pub use mlp::MlpConfig;
pub use resnet::ResNetConfig;
pub use separable::{DsCnnConfig, MobileNetConfig};
pub use text_cnn::TextCnnConfig;

/// The kinds of models that can be built from a description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ModelKind {
    /// A multi-layer perceptron.
    #[default]
    Mlp,
    /// A plain convolutional network.
    Cnn,
    /// A residual network.
    #[serde(rename = "resnet")]
    ResNet,
    /// A network of depthwise separable convolutions.
    DsCnn,
    /// MobileNetV2.
    #[serde(rename = "mobilenet")]
    MobileNet,
    /// Convolutions over a sequence of tokens, such as the bytes of a text.
    TextCnn,
    /// Any network, node by node.
    Graph,
}

/// What a network is made of, apart from its inputs and classes: one of the kinds, each with its own settings.
///
/// In files it is one table with a `kind`, `mlp` if it is left out, and the keys of that kind.
///
/// # Examples
/// ```
/// use distill_models::{ModelConfig, ResNetConfig};
/// let config = ModelConfig::from(ResNetConfig::default());
/// assert_eq!(config.architecture(&[3, 32, 32], 10), "ResNet-8 16-32-64-10");
/// assert_eq!(config.graph(&[3, 32, 32], 10)?.macs() / 1_000_000, 12);
/// # Ok::<(), distill_models::ModelError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "Keys", into = "Keys")]
pub enum ModelConfig {
    /// A multi-layer perceptron.
    Mlp(MlpConfig),
    /// A plain convolutional network.
    Cnn(CnnConfig),
    /// A residual network.
    ResNet(ResNetConfig),
    /// A network of depthwise separable convolutions.
    DsCnn(DsCnnConfig),
    /// MobileNetV2.
    MobileNet(MobileNetConfig),
    /// Convolutions over a sequence of tokens.
    TextCnn(TextCnnConfig),
    /// Any network, node by node.
    Graph(GraphConfig),
}

impl ModelKind {
    /// As it stands in a recipe.
    pub fn name(self) -> &'static str {
        keys::keys_of(self).0
    }
}

impl Default for ModelConfig {
    /// A perceptron without hidden layers.
    fn default() -> Self {
        Self::Mlp(MlpConfig::default())
    }
}

macro_rules! from {
    ($($kind:ident($config:ident)),*) => {
        $(impl From<$config> for ModelConfig {
            fn from(config: $config) -> Self {
                Self::$kind(config)
            }
        })*
    };
}

from!(
    Mlp(MlpConfig),
    Cnn(CnnConfig),
    ResNet(ResNetConfig),
    DsCnn(DsCnnConfig),
    MobileNet(MobileNetConfig),
    TextCnn(TextCnnConfig),
    Graph(GraphConfig)
);

impl ModelConfig {
    /// Which kind it is.
    pub fn kind(&self) -> ModelKind {
        match self {
            Self::Mlp(_) => ModelKind::Mlp,
            Self::Cnn(_) => ModelKind::Cnn,
            Self::ResNet(_) => ModelKind::ResNet,
            Self::DsCnn(_) => ModelKind::DsCnn,
            Self::MobileNet(_) => ModelKind::MobileNet,
            Self::TextCnn(_) => ModelKind::TextCnn,
            Self::Graph(_) => ModelKind::Graph,
        }
    }

    /// In short, such as `784-800-800-10` or `ResNet-8 16-32-64-10`.
    pub fn architecture(&self, input_shape: &[usize], n_classes: usize) -> String {
        match self {
            Self::Mlp(config) => config.architecture(input_shape.iter().product(), n_classes),
            Self::Cnn(config) => config.architecture(n_classes),
            Self::ResNet(config) => config.architecture(n_classes),
            Self::DsCnn(config) => config.architecture(n_classes),
            Self::MobileNet(config) => config.architecture(n_classes),
            Self::TextCnn(config) => config.architecture(n_classes),
            Self::Graph(config) => config.architecture(n_classes),
        }
    }

    /// Checks what can be checked without inputs and classes; takes no memory for weights.
    ///
    /// # Errors
    /// [`ModelError::Config`] with the key and what is wrong with it.
    pub fn check(&self) -> Result<(), ModelError> {
        match self {
            Self::Mlp(config) => config.check(),
            Self::Cnn(config) => config.check(),
            Self::ResNet(config) => config.check(),
            Self::DsCnn(config) => config.check(),
            Self::MobileNet(config) => config.check(),
            Self::TextCnn(config) => config.check(),
            Self::Graph(config) => config.check(),
        }
    }

    /// What a network of it computes on inputs of that shape.
    ///
    /// # Errors
    /// As [`check`](Self::check); [`ModelError::Graph`] if inputs of that shape do not fit, [`ModelError::Layout`] for a size that no
    /// memory holds.
    pub fn graph(&self, input_shape: &[usize], n_classes: usize) -> Result<Graph, ModelError> {
        self.graph_with(None, input_shape, n_classes)
    }

    /// The same, with inputs that are standardised first: by channel or by number.
    pub(crate) fn graph_with(
        &self,
        standardize: Option<Standard>,
        input_shape: &[usize],
        n_classes: usize,
    ) -> Result<Graph, ModelError> {
        self.check()?;
        let features = input_shape.iter().product::<usize>();
        if features == 0 || n_classes == 0 {
            let problem = format!("connects {features} features with {n_classes} classes, both need at least 1");
            return bad(self.size_key(), problem);
        }
        let (mut graph, mut x) = (Graph::new(input_shape)?, 0);
        if !matches!(self, Self::Mlp(_) | Self::TextCnn(_) | Self::Graph(_)) && input_shape.len() != 3 {
            let problem =
                format!("takes images of channels, height and width, but an example has the shape {input_shape:?}");
            return bad("kind", problem);
        }
        if let Some(standard) = standardize {
            x = graph.push("standardize", Op::Standardize { by_channel: standard == Standard::Channel }, &[x])?;
        }
        match self {
            Self::Mlp(config) => config.append(&mut graph, x, n_classes)?,
            Self::Cnn(config) => config.append(&mut graph, x, n_classes)?,
            Self::ResNet(config) => config.append(&mut graph, x, n_classes)?,
            Self::DsCnn(config) => config.append(&mut graph, x, n_classes)?,
            Self::MobileNet(config) => config.append(&mut graph, x, n_classes)?,
            Self::TextCnn(config) => config.append(&mut graph, x, n_classes)?,
            Self::Graph(config) => config.append(&mut graph, x, n_classes)?,
        }
        Ok(graph)
    }

    /// Names and shapes of the parameters. Allocates nothing for the values.
    ///
    /// # Errors
    /// As [`graph`](Self::graph).
    pub fn layout(&self, input_shape: &[usize], n_classes: usize) -> Result<Arc<Layout>, ModelError> {
        Ok(self.graph(input_shape, n_classes)?.layout()?.0)
    }

    /// The key that makes the network larger or smaller.
    pub fn size_key(&self) -> &'static str {
        match self {
            Self::Mlp(MlpConfig { embedding: Some(_), .. }) => "embedding.buckets",
            Self::Mlp(_) => "hidden",
            Self::Cnn(_) => "channels",
            Self::ResNet(_) | Self::DsCnn(_) => "width",
            Self::MobileNet(_) => "multiplier",
            Self::TextCnn(_) => "filters",
            Self::Graph(_) => "nodes",
        }
    }

    /// The perceptron that it is, if it is one.
    pub fn as_mlp(&self) -> Option<&MlpConfig> {
        match self {
            Self::Mlp(config) => Some(config),
            Self::Cnn(_) | Self::ResNet(_) | Self::DsCnn(_) | Self::MobileNet(_) => None,
            Self::TextCnn(_) | Self::Graph(_) => None,
        }
    }

    /// The embedding of its inputs, which are then bucket indices.
    pub fn embedding(&self) -> Option<EmbeddingConfig> {
        self.as_mlp().and_then(|config| config.embedding)
    }

    /// Whether inputs are numbers of the rows of a table: of buckets, or of tokens.
    pub fn takes_numbers_of_rows(&self) -> bool {
        match self {
            Self::Mlp(config) => config.embedding.is_some(),
            Self::TextCnn(_) => true,
            Self::Graph(config) => config.nodes.iter().any(|node| node.op.reads_numbers_of_rows()),
            Self::Cnn(_) | Self::ResNet(_) | Self::DsCnn(_) | Self::MobileNet(_) => false,
        }
    }

    /// The rows of the table of a model that reads sequences of their numbers, of which 0 is padding.
    pub fn tokens(&self) -> Option<usize> {
        match self {
            Self::TextCnn(config) => Some(config.tokens),
            Self::Graph(config) => config.tokens(),
            Self::Mlp(_) | Self::Cnn(_) | Self::ResNet(_) | Self::DsCnn(_) | Self::MobileNet(_) => None,
        }
    }

    /// The largest norm of the incoming weights of a hidden unit.
    pub(crate) fn max_norm(&self) -> Option<f64> {
        self.as_mlp().and_then(|config| config.max_norm)
    }

    /// The non-linearity of its layers.
    pub fn activation(&self) -> Activation {
        match self {
            Self::Mlp(config) => config.activation,
            Self::Cnn(config) => config.activation,
            Self::ResNet(config) => config.activation,
            Self::DsCnn(config) => config.activation,
            Self::MobileNet(config) => config.activation,
            Self::TextCnn(config) => config.activation,
            Self::Graph(config) => config.activation(),
        }
    }

    /// The same function of inputs in evaluation, whatever is different in training.
    #[must_use]
    pub fn without_regularisation(&self) -> Self {
        let mut config = self.clone();
        match &mut config {
            Self::Mlp(config) => {
                (config.dropout, config.input_dropout, config.max_norm) = (0.0, 0.0, None);
            }
            Self::Cnn(CnnConfig { dropout, .. })
            | Self::ResNet(ResNetConfig { dropout, .. })
            | Self::DsCnn(DsCnnConfig { dropout, .. })
            | Self::MobileNet(MobileNetConfig { dropout, .. })
            | Self::TextCnn(TextCnnConfig { dropout, .. }) => *dropout = 0.0,
            Self::Graph(config) => config.switch_off_dropout(),
        }
        config
    }
}

/// What inputs are standardised by, in a network that keeps it apart from its weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standard {
    /// A mean and a scale for each channel.
    Channel,
    /// A mean and a scale for each number of an example.
    Number,
}

fn bad<T>(field: &'static str, problem: String) -> Result<T, ModelError> {
    Err(ModelError::Config { field, problem })
}

fn check_hidden(hidden: &[usize]) -> Result<(), ModelError> {
    const MAX: usize = mlp::MAX_HIDDEN_LAYERS;
    if hidden.len() > MAX {
        return bad("hidden", format!("has {} layers, at most {MAX} are possible", hidden.len()));
    }
    match hidden.iter().position(|&width| width == 0) {
        Some(layer) => bad("hidden", format!("has 0 units in layer {layer}, at least 1 is needed")),
        None => Ok(()),
    }
}

fn check_probability(field: &'static str, p: f64) -> Result<(), ModelError> {
    Dropout::new(p, 0, field).map(drop)
}

/// Lists with a number for each stage.
fn check_stages(field: &'static str, stages: &[usize]) -> Result<(), ModelError> {
    const MAX: usize = 64;
    if stages.is_empty() || stages.len() > MAX {
        return bad(field, format!("has {} stages, expected 1 to {MAX}", stages.len()));
    }
    match stages.iter().position(|n| !(1..=MAX * 1024).contains(n)) {
        Some(stage) => bad(field, format!("has {} in stage {stage}, expected 1 to {}", stages[stage], MAX * 1024)),
        None => Ok(()),
    }
}

/// The same where each stage has twice the channels of the one before.
fn check_doubling(field: &'static str, stages: &[usize]) -> Result<(), ModelError> {
    check_stages(field, stages)?;
    match stages.len() {
        0..=8 => Ok(()),
        n => bad(field, format!("has {n} stages, at most 8 are possible")),
    }
}

fn check_width(field: &'static str, width: usize) -> Result<(), ModelError> {
    const MAX: usize = 1 << 16;
    if (1..=MAX).contains(&width) { Ok(()) } else { bad(field, format!("must be from 1 to {MAX}, got {width}")) }
}

fn check_sides(field: &'static str, sides: [usize; 2]) -> Result<(), ModelError> {
    const MAX: usize = 1024;
    match sides.iter().find(|side| !(1..=MAX).contains(*side)) {
        Some(side) => bad(field, format!("must be from 1 to {MAX}, got {side}")),
        None => Ok(()),
    }
}

fn joined<'a>(widths: impl IntoIterator<Item = &'a usize>) -> String {
    widths.into_iter().map(usize::to_string).collect::<Vec<_>>().join("-")
}

/// The mean of each channel, with dropout, and the classes.
fn classify_means(graph: &mut Graph, x: usize, dropout: f64, n_classes: usize) -> Result<(), ModelError> {
    let mut x = graph.push("pool", Op::GlobalAveragePool, &[x])?;
    if dropout > 0.0 {
        x = graph.push("dropout", Op::Dropout { p: dropout, stream: 1 }, &[x])?;
    }
    graph.push_as("output", Op::Linear { outputs: n_classes }, &[x], "logits").map(drop)
}

/// A batch norm, and an activation where a name for its value is given.
fn normed(
    graph: &mut Graph,
    name: &str,
    x: usize,
    activation: Option<(Activation, &str)>,
) -> Result<usize, ModelError> {
    let y = graph.push(name, Op::BatchNorm, &[x])?;
    match activation {
        Some((activation, value)) => {
            graph.push_as(format!("{name}.activation"), Op::Activation(activation), &[y], value)
        }
        None => Ok(y),
    }
}
