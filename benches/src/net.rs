//! What is trained and what answers.

use distill_models::{CnnConfig, DsCnnConfig, ModelConfig, ResNetConfig};
use serde::{Deserialize, Serialize};

/// A network. PyTorch's are in `peers/pytorch/networks.py`, under the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Net {
    /// Of the widths that the request gives.
    Perceptron,
    /// Two convolutions, for images of MNIST.
    Cnn,
    /// That of MLPerf Tiny.
    #[serde(rename = "resnet-8")]
    ResNet8,
    /// Wide residual networks of 16 layers (Zagoruyko and Komodakis, 2016).
    #[serde(rename = "wrn-16-1")]
    Wrn16x1,
    #[serde(rename = "wrn-16-2")]
    Wrn16x2,
    /// That of MLPerf Tiny.
    DsCnn,
}

impl Net {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Perceptron => "perceptron",
            Self::Cnn => "CNN 16-32",
            Self::ResNet8 => "ResNet-8",
            Self::Wrn16x1 => "WRN-16-1",
            Self::Wrn16x2 => "WRN-16-2",
            Self::DsCnn => "DS-CNN",
        }
    }

    /// What it is built from, unless it is a perceptron.
    pub(crate) fn config(self) -> Option<ModelConfig> {
        let wide = |widen| ResNetConfig { widen, preact: true, blocks: vec![2, 2, 2], ..ResNetConfig::default() };
        Some(match self {
            Self::Perceptron => return None,
            Self::Cnn => CnnConfig { channels: vec![16, 32], ..CnnConfig::default() }.into(),
            Self::ResNet8 => ResNetConfig::default().into(),
            Self::Wrn16x1 => wide(1).into(),
            Self::Wrn16x2 => wide(2).into(),
            Self::DsCnn => DsCnnConfig { kernel: [10, 4], stride: [2, 2], ..DsCnnConfig::default() }.into(),
        })
    }

    /// Channels, height and width of its inputs.
    pub(crate) fn input_shape(self) -> [usize; 3] {
        match self {
            Self::Perceptron | Self::Cnn => [1, 28, 28],
            Self::ResNet8 | Self::Wrn16x1 | Self::Wrn16x2 => [3, 32, 32],
            Self::DsCnn => [1, 49, 10],
        }
    }

    /// Floating-point operations of a training step for one example, given those of a perceptron: outputs, and gradients of weights and
    /// inputs. The inputs of the network need no gradient, which is left out of those of perceptrons alone: in the others it is little.
    pub(crate) fn train_flops(self, of_perceptron: f64) -> f64 {
        let graph = self.config().and_then(|config| config.graph(&self.input_shape(), crate::files::N_CLASSES).ok());
        graph.map_or(of_perceptron, |graph| 6.0 * graph.macs() as f64)
    }
}

#[cfg(test)]
mod tests {
    use distill_models::{Model as _, Network};

    use super::*;

    #[test]
    fn networks_have_the_size_that_their_papers_give() {
        let classes = || (0..10).map(|class| class.to_string()).collect();
        let parameters = |net: Net| {
            let network = Network::new(net.config().unwrap(), net.input_shape().to_vec(), classes(), 1).unwrap();
            network.spec().parameters
        };
        let nets = [Net::Cnn, Net::ResNet8, Net::Wrn16x1, Net::Wrn16x2, Net::DsCnn];
        assert_eq!(nets.map(parameters), [20_538, 78_042, 175_066, 691_674, 23_050]);
    }

    #[test]
    fn three_products_of_each_weight_make_a_step() {
        assert_eq!(Net::Perceptron.train_flops(7.0), 7.0);
        let resnet = Net::ResNet8.train_flops(7.0) / 6e6;
        assert!((12.0..13.0).contains(&resnet), "{resnet} million multiplications");
    }
}
