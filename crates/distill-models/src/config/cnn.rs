use super::mlp::Hidden;
use super::{Keys, bad};
use crate::{Activation, Conv, Graph, ModelError, Op, Window};

/// A plain convolutional network: stages of convolution, batch norm, activation and max pool, then hidden layers.
///
/// Each stage keeps the map's size, and the pool halves it. Two stages are LeNet's shape with today's parts. Parameters are
/// `conv.0.weight`, `norm.0.weight`, …, `hidden.0.weight`, …, `output.weight`.
#[derive(Debug, Clone, PartialEq)]
pub struct CnnConfig {
    /// Channels of each stage.
    pub channels: Vec<usize>,
    /// Side of the kernels, an odd number.
    pub kernel: usize,
    /// Units of each hidden layer behind the maps; empty: the classes follow at once.
    pub hidden: Vec<usize>,
    /// Non-linearity of all layers.
    pub activation: Activation,
    /// Probability that a number is dropped in training: of the last map as a vector, and of hidden units.
    pub dropout: f64,
}

impl Default for CnnConfig {
    fn default() -> Self {
        Self { channels: vec![16, 32], kernel: 3, hidden: vec![], activation: Activation::Relu, dropout: 0.0 }
    }
}

impl CnnConfig {
    pub(super) fn architecture(&self, n_classes: usize) -> String {
        let widths = self.channels.iter().chain(&self.hidden).chain([&n_classes]);
        format!("cnn {}", super::joined(widths))
    }

    pub(super) fn check(&self) -> Result<(), ModelError> {
        super::check_hidden(&self.hidden)?;
        super::check_probability("dropout", self.dropout)?;
        super::check_stages("channels", &self.channels)?;
        if self.kernel.is_multiple_of(2) {
            return bad("kernel", format!("must be odd, so that a map keeps its size, got {}", self.kernel));
        }
        Ok(())
    }

    pub(super) fn append(&self, graph: &mut Graph, mut x: usize, n_classes: usize) -> Result<(), ModelError> {
        for (i, &outputs) in self.channels.iter().enumerate() {
            x = graph.push(format!("conv.{i}"), Op::Conv(Conv::same(outputs, self.kernel)), &[x])?;
            x = graph.push(format!("norm.{i}"), Op::BatchNorm, &[x])?;
            x = graph.push_as(
                format!("activation.{i}"),
                Op::Activation(self.activation),
                &[x],
                format!("stage.{i}"),
            )?;
            x = graph.push(format!("pool.{i}"), Op::MaxPool(Window::tiles(2)), &[x])?;
        }
        x = graph.push("flatten", Op::Flatten, &[x])?;
        if self.dropout > 0.0 {
            x = graph.push("dropout", Op::Dropout { p: self.dropout, stream: 1 }, &[x])?;
        }
        let hidden = Hidden { embedding: None, activation: self.activation, dropout: self.dropout };
        x = hidden.push(graph, &self.hidden, x, 2)?;
        graph.push_as("output", Op::Linear { outputs: n_classes }, &[x], "logits")?;
        Ok(())
    }

    pub(super) fn keys(&self) -> Keys {
        Keys {
            channels: Some(self.channels.clone()),
            kernel: Some([self.kernel; 2].into()),
            hidden: Some(self.hidden.clone()),
            activation: Some(self.activation),
            dropout: Some(self.dropout),
            ..Keys::default()
        }
    }
}
