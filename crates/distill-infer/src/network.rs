//! What a student computes: steps over values that lie in one piece of memory.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use crate::Error;
use crate::activation::Activation;
use crate::file::{File, Node, Op, Sides};
use crate::steps::{Conv, EPS, Matrix, Operation, Pool};

/// Most numbers in the memory that a student computes in, 256 MB: more is a damaged file.
const MAX_NUMBERS: usize = 1 << 26;

/// Steps in order, and how much memory they take.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Network {
    steps: Vec<Step>,
    n_numbers: usize,
    /// Rows of the table, where inputs are their numbers.
    tokens: Option<usize>,
}

#[derive(Debug, Clone, PartialEq)]
struct Step {
    operation: Operation,
    inputs: Vec<Place>,
    output: Range<usize>,
    activation: Option<Activation>,
}

/// Where a value lies.
#[derive(Debug, Clone, PartialEq)]
enum Place {
    Input,
    Memory(Range<usize>),
}

impl Network {
    /// Numbers that it computes in.
    pub(crate) fn n_numbers(&self) -> usize {
        self.n_numbers
    }

    /// The position of the first input that is not a row number, for networks whose inputs are row numbers.
    pub(crate) fn bad_token(&self, input: &[f32]) -> Option<(usize, usize)> {
        let rows = self.tokens?;
        // Casts saturate and turn NaN into zero, so any other number compares unequal.
        let is_bad = |&value: &f32| (value as usize) as f32 != value || value as usize >= rows;
        Some((input.iter().position(is_bad)?, rows))
    }

    /// Leaves the logits in memory, and says where.
    pub(crate) fn compute(&self, input: &[f32], memory: &mut [f32]) -> Range<usize> {
        let mut last = 0..0;
        for Step { operation, inputs, output, activation } in &self.steps {
            for (i, place) in inputs.iter().enumerate() {
                match place {
                    Place::Input => operation.apply(i, input, &mut memory[output.clone()]),
                    // A value never lies where one is that is still read.
                    Place::Memory(x) => match memory.get_disjoint_mut([x.clone(), output.clone()]) {
                        Ok([x, y]) => operation.apply(i, x, y),
                        Err(_) => unreachable!("values that are read and written overlap"),
                    },
                }
            }
            if let Some(activation) = activation {
                activation.apply(&mut memory[output.clone()]);
            }
            last = output.clone();
        }
        last
    }

    /// Layers one after the other, each with an activation but the last.
    pub(crate) fn perceptron(
        file: &File<'_>,
        (features, hidden, n_classes): (usize, &[usize], usize),
        activation: Activation,
    ) -> Result<Self, Error> {
        let mut builder = Builder::new(file, &[features]);
        let mut x = 0;
        for (i, &outputs) in hidden.iter().enumerate() {
            x = builder.linear(&format!("hidden.{i}"), x, outputs)?;
            builder.values[x].activation = Some(activation);
        }
        builder.linear("output", x, n_classes)?;
        builder.build(n_classes)
    }

    /// The nodes of a graph.
    pub(crate) fn graph(
        file: &File<'_>,
        input_shape: &[usize],
        nodes: &[Node],
        n_classes: usize,
    ) -> Result<Self, Error> {
        let mut builder = Builder::new(file, input_shape);
        let mut places = vec![0];
        for (i, node) in nodes.iter().enumerate() {
            let find = |&input: &usize| places.get(input).copied().ok_or(BAD_INPUT);
            let inputs: Vec<usize> = node.inputs.iter().map(find).collect::<Result<_, _>>()?;
            let alone =
                |value: usize| nodes.iter().flat_map(|node| &node.inputs).filter(|&&input| input == value).count() == 1;
            let [first, ..] = inputs[..] else { return Err(BAD_INPUT) };
            // What dropout gives is what it reads, and that may be read elsewhere.
            let computed = i > 0 && nodes[i - 1].op != Op::Dropout;
            let joins = node.inputs[..] == [i] && computed && alone(i);
            places.push(builder.node(node, &inputs, first, joins)?);
        }
        builder.build(n_classes)
    }
}

const BAD_INPUT: Error = Error::Student { reason: "an operation reads a value that is not there" };
const BAD_SHAPE: Error = Error::Student { reason: "an operation does not fit what it reads" };

/// A step that is not placed yet.
struct Value {
    operation: Operation,
    inputs: Vec<usize>,
    shape: Vec<usize>,
    /// Whether the channels of a map lie one after the other, as in the input.
    by_channel: bool,
    activation: Option<Activation>,
}

struct Builder<'a> {
    file: &'a File<'a>,
    values: Vec<Value>,
    n_tensors: usize,
    tokens: Option<usize>,
}

impl<'a> Builder<'a> {
    fn new(file: &'a File<'a>, input_shape: &[usize]) -> Self {
        let input = Value {
            operation: Operation::Copy,
            inputs: vec![],
            shape: input_shape.to_vec(),
            by_channel: true,
            activation: None,
        };
        Self { file, values: vec![input], n_tensors: 0, tokens: None }
    }

    fn floats(&mut self, name: String, shape: &[usize]) -> Result<Vec<f32>, Error> {
        self.n_tensors += 1;
        Ok(self.file.floats(&name, shape)?.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    fn push(&mut self, operation: Operation, inputs: &[usize], shape: Vec<usize>) -> usize {
        let value = Value { operation, inputs: inputs.to_vec(), shape, by_channel: false, activation: None };
        self.values.push(value);
        self.values.len() - 1
    }

    fn linear(&mut self, name: &str, x: usize, outputs: usize) -> Result<usize, Error> {
        let [inputs] = self.values[x].shape[..] else { return Err(BAD_SHAPE) };
        let weights = self.floats(format!("{name}.weight"), &[outputs, inputs])?;
        let bias = self.floats(format!("{name}.bias"), &[outputs])?;
        Ok(self.push(Operation::Matrix(Matrix::new(&weights, bias, inputs)), &[x], vec![outputs]))
    }

    /// Appends a node, or joins it to the step before; gives the value that it is.
    fn node(&mut self, node: &Node, inputs: &[usize], first: usize, joins: bool) -> Result<usize, Error> {
        let shape = self.values[first].shape.clone();
        let joins = joins && first > 0 && first + 1 == self.values.len();
        match node.op {
            Op::Linear { outputs } => self.linear(&node.name, first, outputs),
            Op::Conv(sides) => self.conv(&node.name, first, sides),
            Op::BatchNorm => self.batch_norm(&node.name, first, joins),
            Op::Standardize => self.standardize(&node.name, first),
            Op::Activation(activation) => {
                let joined = joins && self.values[first].activation.is_none();
                let value = if joined { first } else { self.push(Operation::Copy, &[first], shape) };
                let by_channel = self.values[first].by_channel;
                self.values[value].activation = Some(activation);
                self.values[value].by_channel = by_channel;
                Ok(value)
            }
            Op::Dropout => Ok(first),
            Op::MaxPool(sides) => self.pool(first, sides, true),
            Op::AveragePool(sides) => self.pool(first, sides, false),
            Op::GlobalAveragePool => {
                let x = self.map(first)?;
                Ok(self.push(Operation::Mean { channels: shape[0] }, &[x], vec![shape[0]]))
            }
            Op::GlobalMaxPool => {
                let &[channels, height, width] = &shape[..] else { return Err(BAD_SHAPE) };
                let kernel = [height, width];
                let sides = Sides { outputs: 0, kernel, stride: [1; 2], padding: [0; 4], groups: 0 };
                let x = self.pool(first, sides, true)?;
                self.values[x].shape = vec![channels];
                Ok(x)
            }
            Op::LayerNorm => {
                let x = self.side_by_side(first);
                let [weight, bias] =
                    ["weight", "bias"].map(|part| self.floats(format!("{}.{part}", node.name), &shape[..1]));
                let norm = Operation::LayerNorm { weight: weight?, bias: bias? };
                Ok(self.push(norm, &[x], shape))
            }
            Op::Embedding { rows, outputs } => {
                let &[n] = &shape[..] else { return Err(BAD_SHAPE) };
                // Only an input is known to hold numbers of rows.
                if first != 0 || rows < 2 || outputs == 0 {
                    return Err(BAD_SHAPE);
                }
                let table = self.floats(format!("{}.weight", node.name), &[rows, outputs])?;
                self.tokens = Some(rows);
                Ok(self.push(Operation::Rows { table, outputs }, &[0], vec![outputs, 1, n]))
            }
            Op::Add | Op::Concat => {
                let maps: Vec<usize> = inputs.iter().map(|&x| self.side_by_side(x)).collect();
                let channels: Vec<usize> = maps.iter().map(|&x| self.values[x].shape[0]).collect();
                let fits = |x: &usize| match node.op {
                    Op::Add => self.values[*x].shape == shape,
                    _ => self.values[*x].shape[1..] == shape[1..],
                };
                if !maps.iter().all(fits) || maps.len() < 2 {
                    return Err(BAD_SHAPE);
                }
                if node.op == Op::Add {
                    return Ok(self.push(Operation::Sum, &maps, shape));
                }
                let shape = [&[channels.iter().sum()], &shape[1..]].concat();
                Ok(self.push(Operation::Concat { channels }, &maps, shape))
            }
            Op::Flatten => {
                let Value { by_channel, .. } = self.values[first];
                let (channels, all) = (shape[0], shape.iter().product::<usize>());
                let operation = if by_channel { Operation::Copy } else { Operation::ToChannels { channels } };
                let x = self.push(operation, &[first], vec![all]);
                self.values[x].by_channel = true;
                Ok(x)
            }
        }
    }

    /// A map with its channels side by side.
    fn map(&mut self, x: usize) -> Result<usize, Error> {
        if self.values[x].shape.len() == 3 { Ok(self.side_by_side(x)) } else { Err(BAD_SHAPE) }
    }

    fn side_by_side(&mut self, x: usize) -> usize {
        let Value { by_channel, ref shape, .. } = self.values[x];
        if !by_channel || shape.len() < 3 {
            return x;
        }
        let (channels, shape) = (shape[0], shape.clone());
        self.push(Operation::ToMap { channels }, &[x], shape)
    }

    fn conv(&mut self, name: &str, first: usize, sides: Sides) -> Result<usize, Error> {
        let x = self.map(first)?;
        let [channels, height, width] = self.values[x].shape[..] else { return Err(BAD_SHAPE) };
        if sides.groups == 0 || !channels.is_multiple_of(sides.groups) || !sides.outputs.is_multiple_of(sides.groups) {
            return Err(BAD_SHAPE);
        }
        let [rows, columns] = sides.output([height, width]).ok_or(BAD_SHAPE)?;
        let of_group = channels / sides.groups;
        let shape = [sides.outputs, of_group, sides.kernel[0], sides.kernel[1]];
        let weights = self.floats(format!("{name}.weight"), &shape)?;
        let bias = match self.file.has(&format!("{name}.bias")) {
            true => self.floats(format!("{name}.bias"), &[sides.outputs])?,
            false => vec![0.0; sides.outputs],
        };
        let conv = Conv::new(&weights, bias, sides, [height, width, channels], [rows, columns]);
        Ok(self.push(Operation::Conv(conv), &[x], vec![sides.outputs, rows, columns]))
    }

    fn pool(&mut self, first: usize, sides: Sides, largest: bool) -> Result<usize, Error> {
        let x = self.map(first)?;
        let [channels, height, width] = self.values[x].shape[..] else { return Err(BAD_SHAPE) };
        let [rows, columns] = sides.output([height, width]).ok_or(BAD_SHAPE)?;
        let pool = Pool { sides, largest, input: [height, width, channels], output: [rows, columns] };
        Ok(self.push(Operation::Pool(pool), &[x], vec![channels, rows, columns]))
    }

    /// Part of the weights before it, where nothing else reads what they give.
    fn batch_norm(&mut self, name: &str, first: usize, joins: bool) -> Result<usize, Error> {
        let x = self.side_by_side(first);
        let shape = self.values[x].shape.clone();
        let channels = [shape[0]];
        let [weight, bias, mean, variance] = ["weight", "bias", "running_mean", "running_var"]
            .map(|part| self.floats(format!("{name}.{part}"), &channels));
        let (weight, bias, mean, variance) = (weight?, bias?, mean?, variance?);
        let of_weight = weight.iter().zip(&variance);
        let factors: Vec<f32> =
            of_weight.map(|(weight, variance)| weight / libm::sqrtf(variance.max(0.0) + EPS)).collect();
        let of_bias = bias.iter().zip(&mean).zip(&factors);
        let summands: Vec<f32> = of_bias.map(|((bias, mean), factor)| bias - mean * factor).collect();
        if joins && x == first && self.values[first].activation.is_none() {
            match &mut self.values[first].operation {
                Operation::Conv(conv) => {
                    conv.scale(&factors, &summands);
                    return Ok(first);
                }
                Operation::Matrix(matrix) => {
                    matrix.scale(&factors, &summands);
                    return Ok(first);
                }
                _ => {}
            }
        }
        Ok(self.push(Operation::Affine { factors, summands, of_each: 1 }, &[x], shape))
    }

    fn standardize(&mut self, name: &str, first: usize) -> Result<usize, Error> {
        let shape = self.values[first].shape.clone();
        let by_channel = self.file.is_of_shape(&format!("{name}.mean"), &shape[..1]);
        let sides = if by_channel { &shape[..1] } else { &shape[..] };
        let mean = self.floats(format!("{name}.mean"), sides)?;
        let factors = self.floats(format!("{name}.scale"), sides)?;
        let summands = mean.iter().zip(&factors).map(|(mean, factor)| -mean * factor).collect();
        let of_each = if by_channel { shape[1..].iter().product() } else { 1 };
        let x = self.push(Operation::Affine { factors, summands, of_each }, &[first], shape);
        self.values[x].by_channel = self.values[first].by_channel;
        Ok(x)
    }

    /// Gives each value memory that no value has which is still read.
    fn build(self, n_classes: usize) -> Result<Network, Error> {
        let Self { file, values, n_tensors, tokens } = self;
        if n_tensors != file.tensors.len() {
            return Err(Error::Student { reason: "it has another number of tensors than its description says" });
        }
        let last = values.last().filter(|value| value.shape == [n_classes] && !value.inputs.is_empty());
        last.ok_or(Error::Student { reason: "its last operation does not give a number for each class" })?;
        let len = |value: &Value| {
            let len = value.shape.iter().try_fold(1_usize, |product, &side| product.checked_mul(side));
            len.filter(|&len| len <= MAX_NUMBERS).ok_or(Error::Student { reason: "a value has too many numbers" })
        };
        let mut last_read = vec![0; values.len()];
        for (i, value) in values.iter().enumerate() {
            value.inputs.iter().for_each(|&input| last_read[input] = i);
        }
        // Buffers of a size, and which of them are free; each value's buffer.
        let (mut sizes, mut free): (Vec<usize>, Vec<usize>) = (vec![], vec![]);
        let mut buffers = vec![0; values.len()];
        for (i, value) in values.iter().enumerate().skip(1) {
            let buffer = free.pop().unwrap_or(sizes.len());
            if buffer == sizes.len() {
                sizes.push(0);
            }
            sizes[buffer] = sizes[buffer].max(len(value)?);
            buffers[i] = buffer;
            let mut inputs: Vec<usize> = value.inputs.iter().copied().filter(|&input| input > 0).collect();
            inputs.sort_unstable();
            inputs.dedup();
            free.extend(inputs.into_iter().filter(|&input| last_read[input] == i).map(|input| buffers[input]));
        }
        let starts: Vec<usize> = sizes
            .iter()
            .scan(0_usize, |end, size| {
                let start = *end;
                *end += size;
                Some(start)
            })
            .collect();
        let n_numbers = sizes.iter().sum::<usize>();
        if n_numbers > MAX_NUMBERS {
            return Err(Error::Student { reason: "it needs too much memory" });
        }
        let range = |i: usize| starts[buffers[i]]..starts[buffers[i]] + values[i].shape.iter().product::<usize>();
        let place = |&i: &usize| if i == 0 { Place::Input } else { Place::Memory(range(i)) };
        let ranges: Vec<_> = (0..values.len()).map(|i| if i == 0 { 0..0 } else { range(i) }).collect();
        let inputs: Vec<Vec<Place>> = values.iter().map(|value| value.inputs.iter().map(place).collect()).collect();
        let parts = values.into_iter().zip(inputs).zip(ranges).skip(1);
        let step = |((value, inputs), output): ((Value, Vec<Place>), Range<usize>)| Step {
            operation: value.operation,
            inputs,
            output,
            activation: value.activation,
        };
        Ok(Network { steps: parts.map(step).collect(), n_numbers, tokens })
    }
}
