use crate::config::{Keys, bad};
use crate::{Activation, EmbeddingConfig, Graph, ModelError, Op};

/// More hidden layers than anybody trains without skip connections; a bound for hostile files.
pub(super) const MAX_HIDDEN_LAYERS: usize = 64;

/// What a multi-layer perceptron is made of, apart from its inputs and classes.
///
/// Its parameters are `hidden.0.weight` `(outputs, inputs)`, `hidden.0.bias`, …, `output.weight`, `output.bias`. An embedding has
/// `embedding.weight` `(buckets, outputs)` in place of `hidden.0.weight`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MlpConfig {
    /// Units of each hidden layer. Empty gives multinomial logistic regression.
    pub hidden: Vec<usize>,
    /// Non-linearity of the hidden layers.
    pub activation: Activation,
    /// Probability that a hidden unit is dropped in training.
    pub dropout: f64,
    /// Probability that an input is dropped in training.
    pub input_dropout: f64,
    /// Inputs are bucket indices, and the first hidden layer is a mean of rows of a table.
    pub embedding: Option<EmbeddingConfig>,
    /// Largest norm of the incoming weights of a hidden unit. It does not bound an embedding.
    pub max_norm: Option<f64>,
}

impl MlpConfig {
    /// In short, such as `784-800-800-10`; with an embedding its buckets come first.
    pub fn architecture(&self, features: usize, n_classes: usize) -> String {
        let first = self.embedding.map_or(features, |embedding| embedding.buckets);
        let widths = [first].into_iter().chain(self.hidden.iter().copied()).chain([n_classes]);
        widths.map(|width| width.to_string()).collect::<Vec<_>>().join("-")
    }

    pub(crate) fn check(&self) -> Result<(), ModelError> {
        super::check_hidden(&self.hidden)?;
        super::check_probability("dropout", self.dropout)?;
        super::check_probability("input_dropout", self.input_dropout)?;
        if let Some(max_norm) = self.max_norm.filter(|&c| !(c > 0.0 && c.is_finite())) {
            return bad("max_norm", format!("must be a finite number greater than 0, got {max_norm}"));
        }
        self.embedding.map_or(Ok(()), |embedding| embedding.check(&self.hidden, self.input_dropout))
    }

    pub(super) fn append(&self, graph: &mut Graph, mut x: usize, n_classes: usize) -> Result<(), ModelError> {
        if self.input_dropout > 0.0 {
            x = graph.push("input_dropout", Op::Dropout { p: self.input_dropout, stream: 0 }, &[x])?;
        }
        if graph.value(0).shape.len() > 1 {
            x = graph.push("flatten", Op::Flatten, &[x])?;
        }
        let hidden = Hidden { embedding: self.embedding, activation: self.activation, dropout: self.dropout };
        let x = hidden.push(graph, &self.hidden, x, 1)?;
        graph.push_as("output", Op::Linear { outputs: n_classes }, &[x], "logits")?;
        Ok(())
    }

    pub(super) fn keys(&self) -> Keys {
        Keys {
            hidden: Some(self.hidden.clone()),
            activation: Some(self.activation),
            dropout: Some(self.dropout),
            input_dropout: Some(self.input_dropout),
            embedding: self.embedding,
            max_norm: self.max_norm,
            ..Keys::default()
        }
    }
}

/// Hidden layers, in a perceptron and behind convolutions.
pub(super) struct Hidden {
    pub(super) embedding: Option<EmbeddingConfig>,
    pub(super) activation: Activation,
    pub(super) dropout: f64,
}

impl Hidden {
    /// Appends `hidden.0` and so on; dropout draws from the streams from `stream` on.
    pub(super) fn push(
        &self,
        graph: &mut Graph,
        widths: &[usize],
        mut x: usize,
        stream: u16,
    ) -> Result<usize, ModelError> {
        for (i, &outputs) in widths.iter().enumerate() {
            let name = format!("hidden.{i}");
            let op = match self.embedding {
                Some(EmbeddingConfig { buckets }) if i == 0 => Op::EmbeddingBag { buckets, outputs },
                _ => Op::Linear { outputs },
            };
            x = graph.push_as(name.clone(), op, &[x], format!("{name}.sum"))?;
            let act = format!("{name}.activation");
            if self.dropout > 0.0 {
                x = graph.push(act, Op::Activation(self.activation), &[x])?;
                #[expect(clippy::cast_possible_truncation, reason = "there are at most 64 hidden layers")]
                let op = Op::Dropout { p: self.dropout, stream: stream + i as u16 };
                x = graph.push_as(format!("{name}.dropout"), op, &[x], name)?;
            } else {
                x = graph.push_as(act, Op::Activation(self.activation), &[x], name)?;
            }
        }
        Ok(x)
    }
}
