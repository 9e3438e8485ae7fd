use serde::{Deserialize, Serialize};

#[cfg(feature = "schema")]
use super::mlp::MAX_HIDDEN_LAYERS;
use super::{
    CnnConfig, DsCnnConfig, GraphConfig, MlpConfig, MobileNetConfig, ModelConfig, ModelKind, NodeConfig, ResNetConfig,
    TextCnnConfig,
};
use crate::{Activation, EmbeddingConfig};

/// One side of a square, or height and width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub(super) enum Kernel {
    Square(usize),
    Sides([usize; 2]),
}

impl From<[usize; 2]> for Kernel {
    fn from(sides: [usize; 2]) -> Self {
        if sides[0] == sides[1] { Self::Square(sides[0]) } else { Self::Sides(sides) }
    }
}

impl Kernel {
    fn sides(self) -> [usize; 2] {
        match self {
            Self::Square(side) => [side; 2],
            Self::Sides(sides) => sides,
        }
    }
}

/// A model: what kind of network it is, and the keys of that kind.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ModelConfig"))]
#[serde(deny_unknown_fields)]
pub(super) struct Keys {
    /// Which kind of model this describes.
    #[serde(default)]
    pub(super) kind: ModelKind,
    /// `mlp`, `cnn`: units of each hidden layer. An `mlp` needs it; empty gives multinomial logistic regression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_HIDDEN_LAYERS), inner(range(min = 1)), extend("examples" = [[200]])))]
    pub(super) hidden: Option<Vec<usize>>,
    /// `cnn`: channels of each stage of convolution and pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 64), inner(range(min = 1)), extend("examples" = [[16, 32]])))]
    pub(super) channels: Option<Vec<usize>>,
    /// `resnet`, `ds-cnn`: blocks of each stage. A stage after the first has twice the channels and half the side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 8), inner(range(min = 1)), extend("examples" = [[1, 1, 1]])))]
    pub(super) blocks: Option<Vec<usize>>,
    /// `resnet`, `ds-cnn`: channels of the first convolution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 65536)))]
    pub(super) width: Option<usize>,
    /// `resnet`: by what the channels of the stages are multiplied, as in Wide ResNets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 65536)))]
    pub(super) widen: Option<usize>,
    /// `resnet`: batch norm and activation before each convolution, as in Wide ResNets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) preact: Option<bool>,
    /// `mobilenet`: by what all channels are multiplied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0.05, max = 4.0)))]
    pub(super) multiplier: Option<f64>,
    /// `cnn`: side of the kernels. `ds-cnn`: side of the first kernel, or height and width.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) kernel: Option<Kernel>,
    /// `ds-cnn`, `mobilenet`: steps of the first convolution, down and to the right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stride: Option<Kernel>,
    /// `text-cnn`: rows of the table of tokens, of which 0 is padding. Left out: those of bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 2, max = 16_777_216)))]
    pub(super) tokens: Option<usize>,
    /// `text-cnn`: numbers that stand for a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 65536)))]
    pub(super) dims: Option<usize>,
    /// `text-cnn`: how many tokens the filters see, such as `[3, 4, 5]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 16), inner(range(min = 1, max = 1024)), extend("examples" = [[3, 4, 5]])))]
    pub(super) widths: Option<Vec<usize>>,
    /// `text-cnn`: filters of each width.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 65536)))]
    pub(super) filters: Option<usize>,
    /// Non-linearity of the hidden layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) activation: Option<Activation>,
    /// Probability that a hidden unit is dropped in training; behind convolutions, that a channel's mean or maximum is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0)))]
    pub(super) dropout: Option<f64>,
    /// `mlp`: probability that an input is dropped in training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0)))]
    pub(super) input_dropout: Option<f64>,
    /// `mlp`: inputs are bucket indices, and the first hidden layer is a mean of rows of a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) embedding: Option<EmbeddingConfig>,
    /// `mlp`: largest norm of the incoming weights of a hidden unit. It does not bound an embedding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0.0)))]
    pub(super) max_norm: Option<f64>,
    /// `graph`: the operations, in an order in which they can be computed. Files have it, and nobody writes it by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(skip))]
    pub(super) nodes: Option<Vec<NodeConfig>>,
}

impl Keys {
    /// The names of the keys that are set.
    fn set(&self) -> Vec<&'static str> {
        let Self {
            kind: _,
            hidden,
            channels,
            blocks,
            width,
            widen,
            preact,
            multiplier,
            kernel,
            stride,
            tokens,
            dims,
            widths,
            filters,
            activation,
            dropout,
            input_dropout,
            embedding,
            max_norm,
            nodes,
        } = self;
        let keys = [
            ("hidden", hidden.is_some()),
            ("channels", channels.is_some()),
            ("blocks", blocks.is_some()),
            ("width", width.is_some()),
            ("widen", widen.is_some()),
            ("preact", preact.is_some()),
            ("multiplier", multiplier.is_some()),
            ("kernel", kernel.is_some()),
            ("stride", stride.is_some()),
            ("tokens", tokens.is_some()),
            ("dims", dims.is_some()),
            ("widths", widths.is_some()),
            ("filters", filters.is_some()),
            ("activation", activation.is_some()),
            ("dropout", dropout.is_some()),
            ("input_dropout", input_dropout.is_some()),
            ("embedding", embedding.is_some()),
            ("max_norm", max_norm.is_some()),
            ("nodes", nodes.is_some()),
        ];
        keys.into_iter().filter_map(|(key, is_set)| is_set.then_some(key)).collect()
    }
}

/// The name of a kind in files, and its keys.
pub(super) fn keys_of(kind: ModelKind) -> (&'static str, &'static [&'static str]) {
    match kind {
        ModelKind::Mlp => ("mlp", &["hidden", "activation", "dropout", "input_dropout", "embedding", "max_norm"]),
        ModelKind::Cnn => ("cnn", &["channels", "kernel", "hidden", "activation", "dropout"]),
        ModelKind::ResNet => ("resnet", &["blocks", "width", "widen", "preact", "activation", "dropout"]),
        ModelKind::DsCnn => ("ds-cnn", &["blocks", "width", "kernel", "stride", "activation", "dropout"]),
        ModelKind::MobileNet => ("mobilenet", &["multiplier", "stride", "activation", "dropout"]),
        ModelKind::TextCnn => ("text-cnn", &["tokens", "dims", "widths", "filters", "activation", "dropout"]),
        ModelKind::Graph => ("graph", &["nodes"]),
    }
}

impl TryFrom<Keys> for ModelConfig {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, String> {
        let (kind, known) = keys_of(keys.kind);
        if let Some(key) = keys.set().into_iter().find(|key| !known.contains(key)) {
            return Err(format!(
                "a model of kind \"{kind}\" has no key `{key}`, its keys are `{}`",
                known.join("`, `")
            ));
        }
        let activation = |otherwise: Activation| keys.activation.unwrap_or(otherwise);
        let dropout = keys.dropout.unwrap_or_default();
        Ok(match keys.kind {
            ModelKind::Mlp => Self::Mlp(MlpConfig {
                hidden: keys.hidden.ok_or("missing field `hidden`")?,
                activation: activation(Activation::default()),
                dropout,
                input_dropout: keys.input_dropout.unwrap_or_default(),
                embedding: keys.embedding,
                max_norm: keys.max_norm,
            }),
            ModelKind::Cnn => {
                let otherwise = CnnConfig::default();
                let kernel = keys.kernel.map_or([otherwise.kernel; 2], Kernel::sides);
                if kernel[0] != kernel[1] {
                    return Err(format!("`kernel` of a model of kind \"cnn\" must be one number, got {kernel:?}"));
                }
                Self::Cnn(CnnConfig {
                    channels: keys.channels.unwrap_or(otherwise.channels),
                    kernel: kernel[0],
                    hidden: keys.hidden.unwrap_or_default(),
                    activation: activation(otherwise.activation),
                    dropout,
                })
            }
            ModelKind::ResNet => {
                let otherwise = ResNetConfig::default();
                Self::ResNet(ResNetConfig {
                    blocks: keys.blocks.unwrap_or(otherwise.blocks),
                    width: keys.width.unwrap_or(otherwise.width),
                    widen: keys.widen.unwrap_or(otherwise.widen),
                    preact: keys.preact.unwrap_or(otherwise.preact),
                    activation: activation(otherwise.activation),
                    dropout,
                })
            }
            ModelKind::DsCnn => {
                let otherwise = DsCnnConfig::default();
                Self::DsCnn(DsCnnConfig {
                    blocks: keys.blocks.unwrap_or(otherwise.blocks),
                    width: keys.width.unwrap_or(otherwise.width),
                    kernel: keys.kernel.map_or(otherwise.kernel, Kernel::sides),
                    stride: keys.stride.map_or(otherwise.stride, Kernel::sides),
                    activation: activation(otherwise.activation),
                    dropout,
                })
            }
            ModelKind::MobileNet => {
                let otherwise = MobileNetConfig::default();
                Self::MobileNet(MobileNetConfig {
                    multiplier: keys.multiplier.unwrap_or(otherwise.multiplier),
                    stride: keys.stride.map_or(otherwise.stride, Kernel::sides),
                    activation: activation(otherwise.activation),
                    dropout,
                })
            }
            ModelKind::TextCnn => {
                let otherwise = TextCnnConfig::default();
                Self::TextCnn(TextCnnConfig {
                    tokens: keys.tokens.unwrap_or(otherwise.tokens),
                    dims: keys.dims.unwrap_or(otherwise.dims),
                    widths: keys.widths.unwrap_or(otherwise.widths),
                    filters: keys.filters.unwrap_or(otherwise.filters),
                    activation: activation(otherwise.activation),
                    dropout,
                })
            }
            ModelKind::Graph => Self::Graph(GraphConfig { nodes: keys.nodes.ok_or("missing field `nodes`")? }),
        })
    }
}

impl From<ModelConfig> for Keys {
    fn from(config: ModelConfig) -> Self {
        let keys = match &config {
            ModelConfig::Mlp(config) => config.keys(),
            ModelConfig::Cnn(config) => config.keys(),
            ModelConfig::ResNet(config) => config.keys(),
            ModelConfig::DsCnn(config) => config.keys(),
            ModelConfig::MobileNet(config) => config.keys(),
            ModelConfig::TextCnn(config) => config.keys(),
            ModelConfig::Graph(config) => Self { nodes: Some(config.nodes.clone()), ..Self::default() },
        };
        Self { kind: config.kind(), ..keys }
    }
}
