use burn::module::{Module, Param};
use burn::nn::{Dropout, DropoutConfig, Initializer, Linear, LinearConfig};
use burn::tensor::activation::{gelu, relu, tanh};
use burn::tensor::{Device, Tensor, TensorData};
use peer_shared::{Activation, DROPOUT, INPUT_DROPOUT, MAX_NORM, Weights};

/// A multi-layer perceptron.
#[derive(Module, Debug)]
pub struct Network {
    pub hidden: Vec<Linear>,
    pub output: Linear,
    /// Of the inputs and of the hidden units; nothing happens with a probability of zero.
    input_dropout: Dropout,
    dropout: Dropout,
    #[module(skip)]
    activation: Activation,
}

impl Network {
    /// Random weights as He draws them, and biases of zero.
    pub fn new(widths: &[usize], activation: Activation, is_regularised: bool, device: &Device) -> Self {
        let layers = widths.windows(2).map(|pair| {
            let initializer = Initializer::KaimingNormal { gain: 2.0_f64.sqrt(), fan_out_only: false };
            let linear = LinearConfig::new(pair[0], pair[1]).with_initializer(initializer).init(device);
            Linear { bias: Some(Initializer::Zeros.init([pair[1]], device)), ..linear }
        });
        let dropout = if is_regularised { (INPUT_DROPOUT, DROPOUT) } else { (0.0, 0.0) };
        Self::of(layers.collect(), activation, dropout)
    }

    /// The weights of a trained network.
    pub fn trained(layers: Vec<Weights>, device: &Device) -> Self {
        let linear = |Weights { shape, weight, bias }: Weights| {
            // burn keeps them by inputs and outputs.
            let weight = Tensor::<2>::from_data(TensorData::new(weight, shape), device).transpose();
            let contiguous = Tensor::from_data(weight.into_data(), device);
            let bias = Tensor::from_data(TensorData::new(bias, [shape[0]]), device);
            Linear { weight: Param::from_tensor(contiguous), bias: Some(Param::from_tensor(bias)) }
        };
        Self::of(layers.into_iter().map(linear).collect(), Activation::Relu, (0.0, 0.0))
    }

    fn of(mut layers: Vec<Linear>, activation: Activation, (of_inputs, of_units): (f64, f64)) -> Self {
        let output = layers.pop().expect("a network has an output layer");
        let dropout = |prob| DropoutConfig::new(prob).init();
        Self { hidden: layers, output, input_dropout: dropout(of_inputs), dropout: dropout(of_units), activation }
    }

    pub fn forward(&self, inputs: Tensor<2>) -> Tensor<2> {
        let mut x = self.input_dropout.forward(inputs);
        for layer in &self.hidden {
            let z = layer.forward(x);
            let units = match self.activation {
                Activation::Relu => relu(z),
                Activation::Tanh => tanh(z),
                Activation::Gelu => gelu(z),
            };
            x = self.dropout.forward(units);
        }
        self.output.forward(x)
    }

    /// Scales down the incoming weights of a hidden unit where their norm is too large.
    pub fn constrained(mut self) -> Self {
        let clamp = |weight: Tensor<2>| {
            let weight = weight.inner();
            let norms = weight.clone().square().sum_dim(0).sqrt();
            let factors = (norms.recip() * MAX_NORM).clamp_max(1.0);
            Tensor::from_inner(weight * factors).require_grad()
        };
        let constrain = |layer: Linear| Linear { weight: layer.weight.map(clamp), ..layer };
        self.hidden = self.hidden.into_iter().map(constrain).collect();
        self
    }
}

/// Rows of a matrix of this width.
pub fn matrix(values: Vec<f32>, width: usize, device: &Device) -> Tensor<2> {
    let rows = values.len() / width;
    Tensor::from_data(TensorData::new(values, [rows, width]), device)
}
