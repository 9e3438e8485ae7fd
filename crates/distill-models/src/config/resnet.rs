use super::{Keys, classify_means, normed};
use crate::{Activation, Conv, Graph, ModelError, Op};

/// A residual network for small images.
///
/// | | `blocks` | `width` | `widen` | `preact` |
/// |---|---|---|---|---|
/// | ResNet-8 of MLPerf Tiny | `[1, 1, 1]` | 16 | 1 | no |
/// | ResNet-20 (He and others, 2016, section 4.2) | `[3, 3, 3]` | 16 | 1 | no |
/// | Wide ResNet 16-2 (Zagoruyko and Komodakis, 2016) | `[2, 2, 2]` | 16 | 2 | yes |
///
/// A convolution of 3x3, then stages of blocks with two of them each; every stage has twice the channels of the one before, and its
/// first block takes steps of two. Where the shape changes, the shortcut is a convolution of 1x1. The mean of each channel goes to
/// the classes.
#[derive(Debug, Clone, PartialEq)]
pub struct ResNetConfig {
    /// Blocks of each stage.
    pub blocks: Vec<usize>,
    /// Channels of the first convolution.
    pub width: usize,
    /// By what the channels of the stages are multiplied.
    pub widen: usize,
    /// Whether batch norm and activation stand before the convolutions (He and others, 2016b), as in Wide ResNets.
    pub preact: bool,
    /// Non-linearity.
    pub activation: Activation,
    /// Probability that a channel's mean is dropped in training.
    pub dropout: f64,
}

impl Default for ResNetConfig {
    fn default() -> Self {
        Self { blocks: vec![1, 1, 1], width: 16, widen: 1, preact: false, activation: Activation::Relu, dropout: 0.0 }
    }
}

impl ResNetConfig {
    /// Such as `ResNet-8 16-32-64-10`: layers with weights on the longest path, then widths and classes.
    pub(super) fn architecture(&self, n_classes: usize) -> String {
        let layers = 2 + 2 * self.blocks.iter().sum::<usize>() + if self.preact { 2 } else { 0 };
        let widths: Vec<_> = (0..self.blocks.len()).map(|stage| self.channels(stage)).chain([n_classes]).collect();
        let name = if self.preact { "WRN" } else { "ResNet" };
        format!("{name}-{layers} {}", super::joined(&widths))
    }

    fn channels(&self, stage: usize) -> usize {
        (self.width * self.widen) << stage
    }

    pub(super) fn check(&self) -> Result<(), ModelError> {
        super::check_doubling("blocks", &self.blocks)?;
        super::check_width("width", self.width)?;
        super::check_width("widen", self.widen)?;
        super::check_probability("dropout", self.dropout)
    }

    pub(super) fn append(&self, graph: &mut Graph, x: usize, n_classes: usize) -> Result<(), ModelError> {
        let mut x = graph.push("conv", Op::Conv(Conv::same(self.width, 3)), &[x])?;
        if !self.preact {
            x = normed(graph, "norm", x, Some((self.activation, "stem")))?;
        }
        let mut inputs = self.width;
        for (stage, &blocks) in self.blocks.iter().enumerate() {
            for block in 0..blocks {
                let steps = if stage > 0 && block == 0 { 2 } else { 1 };
                let name = format!("stage.{stage}.{block}");
                x = self.block(graph, &name, x, [inputs, self.channels(stage)], steps)?;
                inputs = self.channels(stage);
            }
        }
        if self.preact {
            x = normed(graph, "norm", x, Some((self.activation, "last")))?;
        }
        classify_means(graph, x, self.dropout, n_classes)
    }

    /// Two convolutions beside a shortcut, whose value has the block's name.
    fn block(
        &self,
        graph: &mut Graph,
        name: &str,
        x: usize,
        [inputs, outputs]: [usize; 2],
        steps: usize,
    ) -> Result<usize, ModelError> {
        let conv = |kernel, steps| Op::Conv(Conv::same(outputs, kernel).stride([steps; 2]));
        let named = |part: &str| format!("{name}.{part}");
        let (changes, activation) = (inputs != outputs || steps != 1, self.activation);
        if self.preact {
            let y = normed(graph, &named("norm1"), x, Some((activation, &named("in"))))?;
            // The shortcut of a changed shape reads what is normalised.
            let shortcut = if changes { graph.push(named("shortcut"), conv(1, steps), &[y])? } else { x };
            let y = graph.push(named("conv1"), conv(3, steps), &[y])?;
            let y = normed(graph, &named("norm2"), y, Some((activation, &named("mid"))))?;
            let y = graph.push(named("conv2"), conv(3, 1), &[y])?;
            return graph.push_as(named("add"), Op::Add, &[y, shortcut], name);
        }
        let mut shortcut = x;
        if changes {
            shortcut = graph.push(named("shortcut.conv"), conv(1, steps), &[x])?;
            shortcut = normed(graph, &named("shortcut.norm"), shortcut, None)?;
        }
        let y = graph.push(named("conv1"), conv(3, steps), &[x])?;
        let y = normed(graph, &named("norm1"), y, Some((activation, &named("mid"))))?;
        let y = graph.push(named("conv2"), conv(3, 1), &[y])?;
        let y = normed(graph, &named("norm2"), y, None)?;
        let y = graph.push(named("add"), Op::Add, &[y, shortcut])?;
        graph.push_as(named("activation"), Op::Activation(activation), &[y], name)
    }

    pub(super) fn keys(&self) -> Keys {
        Keys {
            blocks: Some(self.blocks.clone()),
            width: Some(self.width),
            widen: Some(self.widen),
            preact: Some(self.preact),
            activation: Some(self.activation),
            dropout: Some(self.dropout),
            ..Keys::default()
        }
    }
}
