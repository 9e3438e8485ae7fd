use candle_core::{DType, Device, Module, Result, Tensor};
use candle_nn::{Dropout, Linear, VarBuilder, init};
use peer_shared::Activation;

/// A multi-layer perceptron with He's initialisation and biases of zero.
pub struct Network {
    layers: Vec<Linear>,
    activation: Activation,
    /// Of the inputs and of the hidden units.
    dropout: Option<[Dropout; 2]>,
}

impl Network {
    pub fn new(
        widths: &[usize],
        activation: Activation,
        dropout: Option<[Dropout; 2]>,
        vars: VarBuilder<'_>,
    ) -> Result<Self> {
        let layer = |(i, pair): (usize, &[usize])| {
            let vars = vars.pp(i);
            let weight = vars.get_with_hints((pair[1], pair[0]), "weight", init::DEFAULT_KAIMING_NORMAL)?;
            Ok(Linear::new(weight, Some(vars.get_with_hints(pair[1], "bias", init::ZERO)?)))
        };
        let layers = widths.windows(2).enumerate().map(layer).collect::<Result<_>>()?;
        Ok(Self { layers, activation, dropout })
    }

    /// A network with these weights and ReLU.
    pub fn of(layers: Vec<Linear>) -> Self {
        Self { layers, activation: Activation::Relu, dropout: None }
    }

    pub fn forward(&self, inputs: &Tensor) -> Result<Tensor> {
        let (output, hidden) = self.layers.split_last().expect("a network has an output layer");
        let mut x = match &self.dropout {
            Some([input, _]) => input.forward(inputs, true)?,
            None => inputs.clone(),
        };
        for layer in hidden {
            let z = layer.forward(&x)?;
            x = match self.activation {
                Activation::Relu => z.relu()?,
                Activation::Tanh => z.tanh()?,
                Activation::Gelu => z.gelu_erf()?,
            };
            if let Some([_, dropout]) = &self.dropout {
                x = dropout.forward(&x, true)?;
            }
        }
        output.forward(&x)
    }
}

pub fn matrix(values: Vec<f32>, width: usize) -> Result<Tensor> {
    let rows = values.len() / width;
    Tensor::from_vec(values, (rows, width), &Device::Cpu)
}

pub const DTYPE: DType = DType::F32;
