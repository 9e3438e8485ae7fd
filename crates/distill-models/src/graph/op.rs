use distill_tensor::ConvShape;
use serde::{Deserialize, Serialize};

use crate::Activation;

/// f32 holds whole numbers up to here without a gap.
const MAX_ROWS: usize = 1 << 24;

/// What a node of a [`Graph`](super::Graph) computes.
///
/// The enum is closed: whoever reads graphs matches all of it, so an operation that is added cannot be forgotten anywhere. Maps have
/// the shape `[channels, height, width]`, as in the files of other programs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Op {
    /// `x · wᵀ + b`: weight `(outputs, inputs)`, bias `(outputs)`.
    Linear {
        /// Numbers that come out.
        outputs: usize,
    },
    /// A convolution of two dimensions: weight `(outputs, inputs / groups, height, width)`.
    Conv(Conv),
    /// Scale and shift of each channel by mean and variance: of the batch in training, running ones in evaluation.
    ///
    /// `y = (x - mean) / sqrt(variance + 1e-5) · weight + bias`; the running ones move by a tenth, and the running variance is
    /// unbiased. Source: Ioffe and Szegedy, 2015, algorithms 1 and 2.
    BatchNorm,
    /// `(x - mean) · scale` with numbers that are learnt from the training data before the network is: of each channel, or of
    /// each number of an example.
    Standardize {
        /// Whether there is one of each for a channel, not for a number.
        by_channel: bool,
    },
    /// A function of each number.
    Activation(Activation),
    /// Inverted dropout with this probability.
    Dropout {
        /// Probability that a number is dropped in training.
        p: f64,
        /// Which random numbers it draws: no two layers of a network have the same.
        stream: u16,
    },
    /// The largest number of a window. What lies outside of the map is smaller than all.
    MaxPool(Window),
    /// The mean of a window, without what lies outside of the map.
    AveragePool(Window),
    /// The mean of each channel: a map becomes a vector.
    GlobalAveragePool,
    /// The largest number of each channel: a map becomes a vector. Over a sequence it is the maximum over time.
    GlobalMaxPool,
    /// Scale and shift of each example by its own mean and variance: of all numbers of a vector, or of the channels of each pixel.
    ///
    /// `y = (x - mean) / sqrt(variance + 1e-5) · weight + bias` with the variance of the numbers that are there, divided by how many
    /// they are; weight and bias `(channels)`. Source: Ba, Kiros and Hinton, 2016, equation 3.
    LayerNorm,
    /// The sum of two values of one shape.
    Add,
    /// Values one after the other, along the channels.
    Concat,
    /// A map as a vector, channel by channel.
    Flatten,
    /// The mean of the rows of a table whose numbers the inputs are, and a bias: `embedding.weight` `(buckets, outputs)`, bias
    /// `(outputs)`. A network has one at most, which reads the input, and an activation follows.
    EmbeddingBag {
        /// Rows of the table.
        buckets: usize,
        /// Numbers of a row.
        outputs: usize,
    },
    /// The rows of a table whose numbers the inputs are, one after the other: `n` inputs become a map `[outputs, 1, n]`. Weight
    /// `(rows, outputs)`. Number 0 is padding: it gives zeros whatever is in row 0, which gets no gradient. A network has one at
    /// most, which reads the input.
    Embedding {
        /// Rows of the table, that of the padding included.
        rows: usize,
        /// Numbers of a row.
        outputs: usize,
    },
}

/// The sides of an [`Op::Conv`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv {
    /// Channels that come out.
    pub outputs: usize,
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Steps down and to the right.
    pub stride: [usize; 2],
    /// Zeros at the top, left, bottom and right.
    pub padding: [usize; 4],
    /// Parts of the channels that do not see each other.
    pub groups: usize,
    /// Whether a number is added to each channel.
    pub bias: bool,
}

impl Conv {
    /// A square kernel with odd sides, step 1, padded so that the map keeps its size, without a bias.
    pub fn same(outputs: usize, kernel: usize) -> Self {
        Self { outputs, kernel: [kernel; 2], stride: [1; 2], padding: [kernel / 2; 4], groups: 1, bias: false }
    }

    /// The same with other steps.
    #[must_use]
    pub fn stride(self, stride: [usize; 2]) -> Self {
        Self { stride, ..self }
    }

    /// With the map that it is computed on, `[channels, height, width]`.
    pub(crate) fn shape(self, [channels, height, width]: [usize; 3]) -> ConvShape {
        let Self { outputs, kernel, stride, padding, groups, .. } = self;
        ConvShape { input: [height, width, channels], outputs, kernel, stride, padding, groups }
    }
}

/// The window of a pooling operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Its height and width.
    pub kernel: [usize; 2],
    /// Steps down and to the right.
    pub stride: [usize; 2],
    /// Rows and columns at the top, left, bottom and right that are outside of the map.
    pub padding: [usize; 4],
}

impl Window {
    /// Windows beside each other, of this side.
    pub fn tiles(side: usize) -> Self {
        Self { kernel: [side; 2], stride: [side; 2], padding: [0; 4] }
    }

    /// Height and width of what it gives, if the sides fit each other.
    pub(crate) fn output(&self, map: [usize; 2]) -> Result<[usize; 2], String> {
        let Self { kernel, stride, padding } = *self;
        if kernel.contains(&0) || stride.contains(&0) {
            return Err(format!("a window of {kernel:?} with steps of {stride:?} has a side of 0"));
        }
        let mut output = [0; 2];
        for i in 0..2 {
            let side = map[i].saturating_add(padding[i]).saturating_add(padding[i + 2]);
            if kernel[i] > side {
                return Err(format!(
                    "a window of {}x{} is larger than a map of {}x{}",
                    kernel[0], kernel[1], map[0], map[1]
                ));
            }
            if padding[i].max(padding[i + 2]) >= kernel[i] {
                return Err(format!("padding of {padding:?} lets a window of {}x{} see nothing", kernel[0], kernel[1]));
            }
            output[i] = (side - kernel[i]) / stride[i] + 1;
        }
        Ok(output)
    }
}

impl Op {
    /// The name by which messages call it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Linear { .. } => "linear",
            Self::Conv(_) => "convolution",
            Self::BatchNorm => "batch norm",
            Self::Standardize { .. } => "standardize",
            Self::Activation(_) => "activation",
            Self::Dropout { .. } => "dropout",
            Self::MaxPool(_) => "max pool",
            Self::AveragePool(_) => "average pool",
            Self::GlobalAveragePool => "global average pool",
            Self::GlobalMaxPool => "global max pool",
            Self::LayerNorm => "layer norm",
            Self::Add => "add",
            Self::Concat => "concat",
            Self::Flatten => "flatten",
            Self::EmbeddingBag { .. } => "embedding",
            Self::Embedding { .. } => "sequence embedding",
        }
    }

    /// The shape of what comes out of values of these shapes.
    ///
    /// # Errors
    /// What does not fit, as a part of a sentence.
    pub fn output(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, String> {
        match self {
            Self::Add | Self::Concat if inputs.len() < 2 => {
                return Err(format!("takes at least 2 values, got {}", inputs.len()));
            }
            Self::Add | Self::Concat => {}
            _ if inputs.len() != 1 => return Err(format!("takes 1 value, got {}", inputs.len())),
            _ => {}
        }
        let first = inputs[0];
        match self {
            Self::Linear { outputs } => match first {
                [_] if *outputs > 0 => Ok(vec![*outputs]),
                [_] => Err("has 0 outputs, at least 1 is needed".to_owned()),
                _ => Err(format!("takes a vector, got a value of shape {first:?}")),
            },
            Self::Conv(conv) => {
                let shape = conv.shape(map(first)?);
                shape.check().map_err(|error| match error {
                    distill_tensor::TensorError::Convolution { problem } => problem,
                    other => other.to_string(),
                })?;
                let [height, width, channels] = shape.output();
                Ok(vec![channels, height, width])
            }
            Self::Standardize { by_channel: true } => map(first).map(|map| map.to_vec()),
            Self::BatchNorm | Self::Standardize { .. } | Self::Activation(_) => Ok(first.to_vec()),
            Self::Dropout { p, .. } if (0.0..1.0).contains(p) => Ok(first.to_vec()),
            Self::Dropout { p, .. } => Err(format!("has a probability of {p}, expected at least 0 and below 1")),
            Self::MaxPool(window) | Self::AveragePool(window) => {
                let [channels, height, width] = map(first)?;
                let [height, width] = window.output([height, width])?;
                Ok(vec![channels, height, width])
            }
            Self::GlobalAveragePool | Self::GlobalMaxPool => Ok(vec![map(first)?[0]]),
            Self::LayerNorm => match first {
                [_] | [_, _, _] => Ok(first.to_vec()),
                _ => Err(format!("takes a vector or a map, got a value of shape {first:?}")),
            },
            Self::Add => match inputs {
                [a, b] if a == b => Ok(a.to_vec()),
                [a, b] => Err(format!("takes values of one shape, got {a:?} and {b:?}")),
                _ => Err(format!("takes 2 values, got {}", inputs.len())),
            },
            Self::Concat => {
                let channels =
                    inputs.iter().map(|shape| shape.first().copied().unwrap_or(0)).fold(0, usize::saturating_add);
                let sides = &first[1.min(first.len())..];
                match inputs.iter().find(|shape| shape.get(1..) != Some(sides)) {
                    None => Ok([&[channels], sides].concat()),
                    Some(other) => Err(format!("takes maps of one size, got {first:?} and {other:?}")),
                }
            }
            Self::Flatten => Ok(vec![first.iter().product()]),
            Self::EmbeddingBag { buckets, outputs } => match first {
                [_] if *buckets > 0 && *outputs > 0 => Ok(vec![*outputs]),
                _ => Err(format!("has a table of {buckets}x{outputs} for inputs of shape {first:?}")),
            },
            Self::Embedding { rows, outputs } => match first {
                [n] if (2..=MAX_ROWS).contains(rows) && *outputs > 0 => Ok(vec![*outputs, 1, *n]),
                _ => Err(format!("has a table of {rows}x{outputs} for inputs of shape {first:?}")),
            },
        }
    }

    /// Whether its inputs are the numbers of the rows of a table, and no values.
    pub(crate) fn reads_numbers_of_rows(&self) -> bool {
        matches!(self, Self::EmbeddingBag { .. } | Self::Embedding { .. })
    }

    /// Multiplications and additions for one example of these shapes.
    pub(crate) fn macs(&self, inputs: &[&[usize]], output: &[usize]) -> u64 {
        let volume = |shape: &[usize]| shape.iter().map(|&side| side as u64).product::<u64>();
        match self {
            Self::Linear { outputs } => volume(inputs[0]) * *outputs as u64,
            Self::Conv(conv) => map(inputs[0]).map_or(0, |map| conv.shape(map).macs()),
            Self::EmbeddingBag { .. } => volume(output),
            // The sum of the squares, what takes mean and deviation away, and weight and bias.
            Self::LayerNorm => 3 * volume(output),
            // A batch norm is part of the weights before it once a network is trained.
            Self::BatchNorm
            | Self::Standardize { .. }
            | Self::Activation(_)
            | Self::Dropout { .. }
            | Self::MaxPool(_)
            | Self::AveragePool(_)
            | Self::GlobalAveragePool
            | Self::GlobalMaxPool
            | Self::Embedding { .. }
            | Self::Add
            | Self::Concat
            | Self::Flatten => 0,
        }
    }
}

/// Channels, height and width.
pub(crate) fn map(shape: &[usize]) -> Result<[usize; 3], String> {
    shape.try_into().map_err(|_| format!("takes a map of channels, height and width, got a value of shape {shape:?}"))
}
