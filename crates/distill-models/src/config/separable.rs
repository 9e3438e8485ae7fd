//! Networks of depthwise convolutions, which see each channel by itself, and convolutions of 1x1, which mix them.

use super::{Kernel, Keys, bad, classify_means, normed};
use crate::{Activation, Conv, Graph, ModelError, Op};

/// A network of depthwise separable convolutions (Zhang and others, 2017; Howard and others, 2017).
///
/// A convolution, then stages of blocks: 3x3 for each channel by itself, and 1x1, each with batch norm and activation. Every stage
/// has twice the channels of the one before, and its first block takes steps of two. The mean of each channel goes to the classes.
///
/// DS-CNN of MLPerf Tiny, for log-mel maps of 49x10: `blocks = [4]`, `width = 64`, `kernel = [10, 4]`, `stride = [2, 2]`,
/// `dropout = 0.2`.
#[derive(Debug, Clone, PartialEq)]
pub struct DsCnnConfig {
    /// Blocks of each stage.
    pub blocks: Vec<usize>,
    /// Channels of the first convolution and of the first stage.
    pub width: usize,
    /// Height and width of the first kernel.
    pub kernel: [usize; 2],
    /// Steps of the first convolution.
    pub stride: [usize; 2],
    /// Non-linearity.
    pub activation: Activation,
    /// Probability that a channel's mean is dropped in training.
    pub dropout: f64,
}

impl Default for DsCnnConfig {
    fn default() -> Self {
        Self { blocks: vec![4], width: 64, kernel: [3, 3], stride: [1, 1], activation: Activation::Relu, dropout: 0.0 }
    }
}

impl DsCnnConfig {
    pub(super) fn architecture(&self, n_classes: usize) -> String {
        let stages = self.blocks.iter().enumerate().map(|(stage, blocks)| format!("{blocks}x{}", self.width << stage));
        format!("ds-cnn {}-{}-{n_classes}", self.width, stages.collect::<Vec<_>>().join("-"))
    }

    pub(super) fn check(&self) -> Result<(), ModelError> {
        super::check_doubling("blocks", &self.blocks)?;
        super::check_width("width", self.width)?;
        super::check_sides("kernel", self.kernel)?;
        super::check_sides("stride", self.stride)?;
        super::check_probability("dropout", self.dropout)
    }

    pub(super) fn append(&self, graph: &mut Graph, x: usize, n_classes: usize) -> Result<(), ModelError> {
        let [above, left] = self.kernel.map(|side| (side - 1) / 2);
        let [below, right] = [self.kernel[0] - 1 - above, self.kernel[1] - 1 - left];
        let first = Conv {
            outputs: self.width,
            kernel: self.kernel,
            stride: self.stride,
            padding: [above, left, below, right],
            groups: 1,
            bias: false,
        };
        let x = graph.push("conv", Op::Conv(first), &[x])?;
        let mut x = normed(graph, "norm", x, Some((self.activation, "stem")))?;
        let mut inputs = self.width;
        for (stage, &blocks) in self.blocks.iter().enumerate() {
            let outputs = self.width << stage;
            for block in 0..blocks {
                let steps = if stage > 0 && block == 0 { 2 } else { 1 };
                let name = format!("stage.{stage}.{block}");
                let each = Conv { groups: inputs, ..Conv::same(inputs, 3).stride([steps; 2]) };
                x = graph.push(format!("{name}.depthwise"), Op::Conv(each), &[x])?;
                x = normed(graph, &format!("{name}.norm1"), x, Some((self.activation, &format!("{name}.mid"))))?;
                x = graph.push(format!("{name}.pointwise"), Op::Conv(Conv::same(outputs, 1)), &[x])?;
                x = normed(graph, &format!("{name}.norm2"), x, Some((self.activation, &name)))?;
                inputs = outputs;
            }
        }
        classify_means(graph, x, self.dropout, n_classes)
    }

    pub(super) fn keys(&self) -> Keys {
        Keys {
            blocks: Some(self.blocks.clone()),
            width: Some(self.width),
            kernel: Some(self.kernel.into()),
            stride: Some(self.stride.into()),
            activation: Some(self.activation),
            dropout: Some(self.dropout),
            ..Keys::default()
        }
    }
}

/// Expansion, channels, blocks and first steps of each stage of MobileNetV2 (Sandler and others, 2018, table 2).
const STAGES: [(usize, usize, usize, usize); 7] =
    [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];

/// MobileNetV2: blocks that widen a map by 1x1, look at each channel by itself with 3x3, and narrow it by 1x1 (Sandler and others, 2018).
#[derive(Debug, Clone, PartialEq)]
pub struct MobileNetConfig {
    /// By what all channels are multiplied, then rounded to a multiple of 8.
    pub multiplier: f64,
    /// Steps of the first convolution: `[2, 2]` as published, for images of 224x224; `[1, 1]` for those of 32x32, whose second stage
    /// then keeps its size too.
    pub stride: [usize; 2],
    /// Non-linearity.
    pub activation: Activation,
    /// Probability that a channel's mean is dropped in training.
    pub dropout: f64,
}

impl Default for MobileNetConfig {
    fn default() -> Self {
        Self { multiplier: 1.0, stride: [2, 2], activation: Activation::Relu6, dropout: 0.0 }
    }
}

impl MobileNetConfig {
    pub(super) fn architecture(&self, n_classes: usize) -> String {
        format!("MobileNetV2 x{} {n_classes}", self.multiplier)
    }

    /// A number of channels, as the authors round it: to a multiple of 8, and not by more than a tenth downwards.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be small and positive")]
    fn channels(&self, published: usize) -> usize {
        let wanted = published as f64 * self.multiplier;
        let rounded = (((wanted + 4.0) / 8.0) as usize * 8).max(8);
        if (rounded as f64) < 0.9 * wanted { rounded + 8 } else { rounded }
    }

    pub(super) fn check(&self) -> Result<(), ModelError> {
        if !(0.05..=4.0).contains(&self.multiplier) {
            return bad("multiplier", format!("must be from 0.05 to 4, got {}", self.multiplier));
        }
        super::check_sides("stride", self.stride)?;
        super::check_probability("dropout", self.dropout)
    }

    pub(super) fn append(&self, graph: &mut Graph, x: usize, n_classes: usize) -> Result<(), ModelError> {
        let mut inputs = self.channels(32);
        let x = graph.push("conv", Op::Conv(Conv::same(inputs, 3).stride(self.stride)), &[x])?;
        let mut x = normed(graph, "norm", x, Some((self.activation, "stem")))?;
        for (stage, (expansion, published, blocks, first)) in STAGES.into_iter().enumerate() {
            let first = if stage == 1 && self.stride == [1, 1] { 1 } else { first };
            for block in 0..blocks {
                let (outputs, steps) = (self.channels(published), if block == 0 { first } else { 1 });
                let name = format!("stage.{stage}.{block}");
                x = self.block(graph, &name, x, [inputs, inputs * expansion, outputs], steps)?;
                inputs = outputs;
            }
        }
        let last = 1280.max(self.channels(1280));
        x = graph.push("last.conv", Op::Conv(Conv::same(last, 1)), &[x])?;
        x = normed(graph, "last.norm", x, Some((self.activation, "last")))?;
        classify_means(graph, x, self.dropout, n_classes)
    }

    /// An inverted residual, whose value has the block's name.
    fn block(
        &self,
        graph: &mut Graph,
        name: &str,
        x: usize,
        [inputs, inner, outputs]: [usize; 3],
        steps: usize,
    ) -> Result<usize, ModelError> {
        let named = |part: &str| format!("{name}.{part}");
        let mut y = x;
        if inner != inputs {
            y = graph.push(named("expand"), Op::Conv(Conv::same(inner, 1)), &[y])?;
            y = normed(graph, &named("norm1"), y, Some((self.activation, &named("wide"))))?;
        }
        let each = Conv { groups: inner, ..Conv::same(inner, 3).stride([steps; 2]) };
        y = graph.push(named("depthwise"), Op::Conv(each), &[y])?;
        y = normed(graph, &named("norm2"), y, Some((self.activation, &named("mid"))))?;
        y = graph.push(named("project"), Op::Conv(Conv::same(outputs, 1)), &[y])?;
        if steps == 1 && inputs == outputs {
            y = normed(graph, &named("norm3"), y, None)?;
            return graph.push_as(named("add"), Op::Add, &[y, x], name);
        }
        graph.push_as(named("norm3"), Op::BatchNorm, &[y], name)
    }

    pub(super) fn keys(&self) -> Keys {
        Keys {
            multiplier: Some(self.multiplier),
            stride: Some(Kernel::from(self.stride)),
            activation: Some(self.activation),
            dropout: Some(self.dropout),
            ..Keys::default()
        }
    }
}
