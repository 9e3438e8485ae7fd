use super::{Keys, bad};
use crate::{Activation, Conv, Graph, ModelError, Op};

/// Widths of filters: more than anybody compares.
const MAX_WIDTHS: usize = 16;
/// The widest filters, in tokens.
const MAX_WIDTH: usize = 1024;

/// A convolutional network over a sequence of tokens, such as the bytes of a text.
///
/// Each token is a row of a table, and an example a map of `dims` channels, one row high and as wide as it has tokens. Filters of
/// several widths see so many tokens side by side, without anything around the sequence. Of each filter, the largest number
/// over all places counts; dropout and a matrix give the classes. Token 0 is padding, of which all numbers are 0: a
/// filter that sees nothing else gives its bias.
///
/// Parameters are `embedding.weight` `(tokens, dims)`, `conv.0.weight` `(filters, dims, 1, width)`, `conv.0.bias`, …,
/// `output.weight`.
///
/// Sources: Kim, *Convolutional neural networks for sentence classification*, 2014, section 2; Zhang, Zhao and LeCun, *Character-level
/// convolutional networks for text classification*, 2015.
#[derive(Debug, Clone, PartialEq)]
pub struct TextCnnConfig {
    /// Rows of the table: the padding, and all tokens that there are. [`BYTES`](Self::BYTES) of bytes.
    pub tokens: usize,
    /// Numbers that stand for a token.
    pub dims: usize,
    /// How many tokens the filters see.
    pub widths: Vec<usize>,
    /// Filters of each width.
    pub filters: usize,
    /// What follows a convolution.
    pub activation: Activation,
    /// Probability that the largest number of a filter is dropped in training.
    pub dropout: f64,
}

impl Default for TextCnnConfig {
    fn default() -> Self {
        Self {
            tokens: Self::BYTES,
            dims: 32,
            widths: vec![3, 4, 5],
            filters: 64,
            activation: Activation::Relu,
            dropout: 0.0,
        }
    }
}

impl TextCnnConfig {
    /// The tokens of bytes: 0 for padding, and `b + 1` for byte `b`.
    pub const BYTES: usize = 257;

    pub(super) fn architecture(&self, n_classes: usize) -> String {
        let widths = self.widths.iter().map(usize::to_string).collect::<Vec<_>>().join("+");
        format!("text-cnn {}-{}x{widths}-{n_classes}", self.dims, self.filters)
    }

    pub(super) fn check(&self) -> Result<(), ModelError> {
        const MAX_TOKENS: usize = 1 << 24;
        if !(2..=MAX_TOKENS).contains(&self.tokens) {
            return bad("tokens", format!("must be from 2 to {MAX_TOKENS}, got {}", self.tokens));
        }
        super::check_width("dims", self.dims)?;
        super::check_width("filters", self.filters)?;
        if self.widths.is_empty() || self.widths.len() > MAX_WIDTHS {
            return bad("widths", format!("has {} widths, expected 1 to {MAX_WIDTHS}", self.widths.len()));
        }
        if let Some(width) = self.widths.iter().find(|width| !(1..=MAX_WIDTH).contains(*width)) {
            return bad("widths", format!("has a width of {width}, expected 1 to {MAX_WIDTH}"));
        }
        super::check_probability("dropout", self.dropout)
    }

    pub(super) fn append(&self, graph: &mut Graph, x: usize, n_classes: usize) -> Result<(), ModelError> {
        let shape = &graph.value(x).shape;
        let &[n] = &shape[..] else {
            return bad("kind", format!("takes a row of tokens, but an example has the shape {shape:?}"));
        };
        if let Some(width) = self.widths.iter().find(|&&width| width > n) {
            return bad("widths", format!("has a width of {width}, but an example has {n} tokens"));
        }
        let x = graph.push("embedding", Op::Embedding { rows: self.tokens, outputs: self.dims }, &[x])?;
        let mut pools = vec![];
        for (i, &width) in self.widths.iter().enumerate() {
            let conv = Conv {
                outputs: self.filters,
                kernel: [1, width],
                stride: [1; 2],
                padding: [0; 4],
                groups: 1,
                bias: true,
            };
            let y = graph.push(format!("conv.{i}"), Op::Conv(conv), &[x])?;
            let y = graph.push_as(
                format!("activation.{i}"),
                Op::Activation(self.activation),
                &[y],
                format!("features.{i}"),
            )?;
            pools.push(graph.push(format!("pool.{i}"), Op::GlobalMaxPool, &[y])?);
        }
        let mut x = match pools[..] {
            [one] => one,
            _ => graph.push("pool", Op::Concat, &pools)?,
        };
        if self.dropout > 0.0 {
            x = graph.push("dropout", Op::Dropout { p: self.dropout, stream: 1 }, &[x])?;
        }
        graph.push_as("output", Op::Linear { outputs: n_classes }, &[x], "logits").map(drop)
    }

    pub(super) fn keys(&self) -> Keys {
        Keys {
            tokens: Some(self.tokens),
            dims: Some(self.dims),
            widths: Some(self.widths.clone()),
            filters: Some(self.filters),
            activation: Some(self.activation),
            dropout: Some(self.dropout),
            ..Keys::default()
        }
    }
}
