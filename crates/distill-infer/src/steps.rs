//! Operations, each on one input after the other. Maps have their channels side by side.

use alloc::vec;
use alloc::vec::Vec;

use crate::file::Sides;

/// What norms add to variances.
pub(crate) const EPS: f32 = 1e-5;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operation {
    Matrix(Matrix),
    Conv(Conv),
    /// `x · factor + summand`, by channel: where it is side by side, or for `of_each` numbers one after the other.
    Affine {
        factors: Vec<f32>,
        summands: Vec<f32>,
        of_each: usize,
    },
    Pool(Pool),
    /// The mean of each channel.
    Mean {
        channels: usize,
    },
    /// By the mean and variance of all channels of a pixel, or of a vector.
    LayerNorm {
        weight: Vec<f32>,
        bias: Vec<f32>,
    },
    /// Rows of a table by their numbers, of which 0 is for padding and gives zeros.
    Rows {
        table: Vec<f32>,
        outputs: usize,
    },
    Copy,
    Sum,
    Concat {
        channels: Vec<usize>,
    },
    /// From channels one after the other to channels side by side, and back.
    ToMap {
        channels: usize,
    },
    ToChannels {
        channels: usize,
    },
}

impl Operation {
    /// What input number `i` does to the output.
    pub(crate) fn apply(&self, i: usize, x: &[f32], y: &mut [f32]) {
        match self {
            Self::Matrix(matrix) => matrix.apply(x, y),
            Self::Conv(conv) => conv.apply(x, y),
            Self::Affine { factors, summands, of_each } => {
                for (channel, (y, x)) in y.chunks_exact_mut(*of_each).zip(x.chunks_exact(*of_each)).enumerate() {
                    let channel = channel % factors.len();
                    y.iter_mut().zip(x).for_each(|(y, x)| *y = x * factors[channel] + summands[channel]);
                }
            }
            Self::Pool(pool) => pool.apply(x, y),
            Self::Mean { channels } => {
                y.fill(0.0);
                x.chunks_exact(*channels).for_each(|x| y.iter_mut().zip(x).for_each(|(y, x)| *y += x));
                let share = *channels as f32 / x.len() as f32;
                y.iter_mut().for_each(|y| *y *= share);
            }
            Self::LayerNorm { weight, bias } => {
                for (y, x) in y.chunks_exact_mut(weight.len()).zip(x.chunks_exact(weight.len())) {
                    let share = 1.0 / x.len() as f32;
                    let mean = x.iter().sum::<f32>() * share;
                    let variance = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() * share;
                    let factor = 1.0 / libm::sqrtf(variance + EPS);
                    for (((y, x), weight), bias) in y.iter_mut().zip(x).zip(weight).zip(bias) {
                        *y = (x - mean) * factor * weight + bias;
                    }
                }
            }
            Self::Rows { table, outputs } => {
                for (y, x) in y.chunks_exact_mut(*outputs).zip(x) {
                    match *x as usize {
                        0 => y.fill(0.0),
                        row => y.copy_from_slice(&table[row * outputs..][..*outputs]),
                    }
                }
            }
            Self::Copy => y.copy_from_slice(x),
            Self::Sum if i == 0 => y.copy_from_slice(x),
            Self::Sum => y.iter_mut().zip(x).for_each(|(y, x)| *y += x),
            Self::Concat { channels } => {
                let (first, all) = (channels[..i].iter().sum::<usize>(), channels.iter().sum());
                for (y, x) in y.chunks_exact_mut(all).zip(x.chunks_exact(channels[i])) {
                    y[first..][..x.len()].copy_from_slice(x);
                }
            }
            Self::ToMap { channels } => {
                let pixels = x.len() / channels;
                for (channel, x) in x.chunks_exact(pixels).enumerate() {
                    x.iter().zip(y[channel..].iter_mut().step_by(*channels)).for_each(|(x, y)| *y = *x);
                }
            }
            Self::ToChannels { channels } => {
                let pixels = x.len() / channels;
                for (pixel, x) in x.chunks_exact(*channels).enumerate() {
                    x.iter().zip(y[pixel..].iter_mut().step_by(pixels)).for_each(|(x, y)| *y = *x);
                }
            }
        }
    }
}

/// A fully connected layer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Matrix {
    /// `(inputs, outputs)`: what one input adds to all outputs lies together.
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Matrix {
    /// From a weight of shape `(outputs, inputs)`.
    pub(crate) fn new(weights: &[f32], bias: Vec<f32>, inputs: usize) -> Self {
        let mut turned = vec![0.0; weights.len()];
        for (output, row) in weights.chunks_exact(inputs).enumerate() {
            for (input, weight) in row.iter().enumerate() {
                turned[input * bias.len() + output] = *weight;
            }
        }
        Self { weights: turned, bias }
    }

    /// Takes in what follows: each output by a factor, and a summand.
    pub(crate) fn scale(&mut self, factors: &[f32], summands: &[f32]) {
        for weights in self.weights.chunks_exact_mut(factors.len()) {
            weights.iter_mut().zip(factors).for_each(|(weight, factor)| *weight *= factor);
        }
        scale_bias(&mut self.bias, factors, summands);
    }

    /// `y = x · w + b`, without the inputs that are zero: most pixels of an image are, and half of the units of ReLU.
    fn apply(&self, x: &[f32], y: &mut [f32]) {
        y.copy_from_slice(&self.bias);
        add_products(x, &self.weights, y);
    }
}

fn scale_bias(bias: &mut [f32], factors: &[f32], summands: &[f32]) {
    for ((bias, factor), summand) in bias.iter_mut().zip(factors).zip(summands) {
        *bias = *bias * factor + summand;
    }
}

/// Adds what each input gives to all outputs.
fn add_products(x: &[f32], weights: &[f32], y: &mut [f32]) {
    for (&x, row) in x.iter().zip(weights.chunks_exact(y.len())) {
        if x != 0.0 {
            y.iter_mut().zip(row).for_each(|(y, w)| *y += x * w);
        }
    }
}

/// A convolution.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Conv {
    /// By row and column of the kernel, then input of a group, then output: what one input adds to all outputs of its group lies
    /// together, group after group.
    weights: Vec<f32>,
    bias: Vec<f32>,
    sides: Sides,
    /// Height, width and channels.
    input: [usize; 3],
    output: [usize; 2],
}

impl Conv {
    /// From a weight of shape `(outputs, inputs of a group, height, width)`.
    pub(crate) fn new(weights: &[f32], bias: Vec<f32>, sides: Sides, input: [usize; 3], output: [usize; 2]) -> Self {
        let (taps, inputs) = (sides.kernel[0] * sides.kernel[1], input[2] / sides.groups);
        let outputs = sides.outputs / sides.groups;
        let mut turned = vec![0.0; weights.len()];
        for (i, weight) in weights.iter().enumerate() {
            let (tap, of_output) = (i % taps, i / taps);
            let (input, output) = (of_output % inputs, of_output / inputs);
            let (group, output) = (output / outputs, output % outputs);
            turned[((tap * sides.groups + group) * inputs + input) * outputs + output] = *weight;
        }
        Self { weights: turned, bias, sides, input, output }
    }

    /// Takes in what follows: each output by a factor, and a summand.
    pub(crate) fn scale(&mut self, factors: &[f32], summands: &[f32]) {
        let Self { weights, sides, input, .. } = self;
        let (inputs, outputs) = (input[2] / sides.groups, sides.outputs / sides.groups);
        for (i, weight) in weights.iter_mut().enumerate() {
            *weight *= factors[i / (outputs * inputs) % sides.groups * outputs + i % outputs];
        }
        scale_bias(&mut self.bias, factors, summands);
    }

    fn apply(&self, x: &[f32], y: &mut [f32]) {
        let Self { weights, bias, sides, input: [_, width, channels], output } = self;
        let (inputs, outputs) = (channels / sides.groups, sides.outputs / sides.groups);
        let depthwise = inputs == 1 && outputs == 1;
        for (pixel, y) in y.chunks_exact_mut(sides.outputs).enumerate() {
            y.copy_from_slice(bias);
            let (rows, columns) = self.sides.inside([pixel / output[1], pixel % output[1]], [self.input[0], *width]);
            for (kernel_row, row) in rows {
                for (kernel_column, column) in columns.clone() {
                    let tap = kernel_row * sides.kernel[1] + kernel_column;
                    let x = &x[(row * width + column) * channels..][..*channels];
                    let weights = &weights[tap * channels * outputs..][..channels * outputs];
                    if depthwise {
                        y.iter_mut().zip(x).zip(weights).for_each(|((y, x), w)| *y += x * w);
                        continue;
                    }
                    let groups = x.chunks_exact(inputs).zip(weights.chunks_exact(inputs * outputs));
                    for ((x, weights), y) in groups.zip(y.chunks_exact_mut(outputs)) {
                        add_products(x, weights, y);
                    }
                }
            }
        }
    }
}

/// A number for each window of a map, by channel.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pool {
    pub(crate) sides: Sides,
    /// The largest, and not the mean.
    pub(crate) largest: bool,
    /// Height, width and channels.
    pub(crate) input: [usize; 3],
    pub(crate) output: [usize; 2],
}

impl Pool {
    fn apply(&self, x: &[f32], y: &mut [f32]) {
        let [height, width, channels] = self.input;
        for (pixel, y) in y.chunks_exact_mut(channels).enumerate() {
            let (rows, columns) = self.sides.inside([pixel / self.output[1], pixel % self.output[1]], [height, width]);
            y.fill(if self.largest { f32::NEG_INFINITY } else { 0.0 });
            let share = 1.0 / (rows.len() * columns.len()) as f32;
            for (_, row) in rows {
                for (_, column) in columns.clone() {
                    let x = &x[(row * width + column) * channels..][..channels];
                    for (y, &x) in y.iter_mut().zip(x) {
                        match self.largest {
                            // A NaN stays, so that it is seen.
                            true if x > *y || x.is_nan() => *y = x,
                            true => {}
                            false => *y += x * share,
                        }
                    }
                }
            }
        }
    }
}
