//! Operations with weights, and dropout.

use distill_models::{Conv, Op};

use super::convert::{Converter, Known, Purpose, Weights};
use super::file::Node;
use crate::op::EPSILON;

/// An example is `[channels, height, width]` where it is a map, and the sides of kernels are two.
pub(super) fn two(node: &Node<'_>, name: &str, otherwise: usize) -> Result<[usize; 2], String> {
    let sides = node.ints(name)?;
    let side = |side: i64| usize::try_from(side).map_err(|_| format!("has a side of {side} in `{name}`"));
    match sides[..] {
        [] => Ok([otherwise; 2]),
        [height, width] => Ok([side(height)?, side(width)?]),
        _ => Err(format!("has {} sides in `{name}`; maps have 2 here, height and width", sides.len())),
    }
}

/// What is around a map: top, left, bottom, right.
pub(super) fn padding(node: &Node<'_>) -> Result<[usize; 4], String> {
    let automatic = node.text("auto_pad")?;
    let pads = node.ints("pads")?;
    match (automatic.as_str(), &pads[..]) {
        ("" | "NOTSET", [_, _, _, _]) => {
            let side = |side: i64| usize::try_from(side).map_err(|_| format!("has padding of {side}"));
            let mut padding = [0; 4];
            for (padding, &pad) in padding.iter_mut().zip(&pads) {
                *padding = side(pad)?;
            }
            Ok(padding)
        }
        ("" | "NOTSET" | "VALID", []) => Ok([0; 4]),
        ("" | "NOTSET", _) => Err(format!("has {} numbers of padding; maps have 4 here", pads.len())),
        (automatic, _) => {
            let automatic: String = automatic.chars().take(20).collect();
            Err(format!("has padding {automatic:?}; export it with numbers for the padding"))
        }
    }
}

/// A bias as it is added to each row.
fn of_a_row((dims, bias): Weights) -> Result<Vec<f32>, String> {
    match dims.last() {
        Some(&last) if last != bias.len() => Err(format!("has a bias of shape {dims:?}")),
        _ => Ok(bias),
    }
}

impl<'a> Converter<'_, 'a> {
    pub(super) fn conv(&mut self, node: &Node<'a>) -> Result<Known<'a>, String> {
        let (x, around) = self.padded(node)?;
        let (dims, weights) = self.take(node, 1)?.ok_or("has no weights")?;
        let &[outputs, inputs, height, width] = &dims[..] else {
            return Err(format!("has weights of shape {dims:?}; convolutions have 2 dimensions here"));
        };
        if two(node, "dilations", 1)? != [1; 2] {
            return Err("has dilations, which convolutions here do not have".to_owned());
        }
        if two(node, "kernel_shape", 0)?.iter().zip([height, width]).any(|(&side, real)| side != 0 && side != real) {
            return Err(format!("has weights of shape {dims:?}, but another kernel"));
        }
        let padding = padding(node)?;
        let padding = std::array::from_fn(|i| padding[i].saturating_add(around[i]));
        let groups = usize::try_from(node.int("group", 1)?).map_err(|_| "has a negative number of groups")?;
        if inputs.checked_mul(groups) != Some(self.sides(x)[0]) {
            let channels = self.sides(x)[0];
            return Err(format!("has weights of shape {dims:?} in {groups} groups for a map of {channels} channels"));
        }
        let bias = self.take(node, 2)?.map(|(_, bias)| bias);
        if let Some(bias) = bias.as_ref().filter(|bias| bias.len() != outputs) {
            return Err(format!("has {} numbers of bias for {outputs} channels", bias.len()));
        }
        // Some programs write zeros where a batch norm shifts, and a bias would only be trained in vain.
        let is_normed = self.is_normed(node);
        let bias = bias.filter(|bias| !(is_normed && bias.iter().all(|&value| value == 0.0)));
        let conv = Conv {
            outputs,
            kernel: [height, width],
            stride: two(node, "strides", 1)?,
            padding,
            groups,
            bias: bias.is_some(),
        };
        let value = self.push(node, node.inputs.get(1).copied(), Op::Conv(conv), &[x])?;
        self.weight(value, "weight", weights);
        if let Some(bias) = bias {
            self.weight(value, "bias", bias);
        }
        Ok(Known::Value { at: value, spread: false })
    }

    fn is_normed(&self, node: &Node<'a>) -> bool {
        let output = node.outputs.first().copied().unwrap_or_default();
        self.normed.contains(output) && self.readers.get(output) == Some(&1)
    }

    /// `(x - offset) * scale` of each number of an example, each of its own or all by the same.
    pub(super) fn scale(&mut self, node: &Node<'a>) -> Result<Known<'a>, String> {
        let x = self.value(node, 0)?;
        let &[width] = self.sides(x) else { return Err("scales a map; vectors are possible".to_owned()) };
        self.charge(2 * width)?;
        let of_columns = |name: &str| match node.floats(name)?[..] {
            [one] => Ok(vec![one; width]),
            ref several if several.len() == width => Ok(several.to_vec()),
            ref several => Err(format!("has {} numbers in `{name}` for {width} columns", several.len())),
        };
        let [offset, scale] = [of_columns("offset")?, of_columns("scale")?];
        let value = self.push(node, None, Op::Standardize { by_channel: false }, &[x])?;
        self.weight(value, "mean", offset);
        self.weight(value, "scale", scale);
        Ok(Known::Value { at: value, spread: false })
    }

    pub(super) fn gemm(&mut self, node: &Node<'a>) -> Result<Known<'a>, String> {
        if node.float("alpha", 1.0)? != 1.0 || node.float("beta", 1.0)? != 1.0 || node.int("transA", 0)? != 0 {
            return Err("has `alpha` or `beta` other than 1, or `transA`, which no linear layer here has".to_owned());
        }
        let transposed = node.int("transB", 0)? != 0;
        let bias = self.take(node, 2)?.map(of_a_row).transpose()?;
        self.linear(node, transposed, bias)
    }

    pub(super) fn matmul(&mut self, node: &Node<'a>) -> Result<Known<'a>, String> {
        let linear = self.linear(node, false, None)?;
        if let Known::Value { at, .. } = linear {
            self.without_bias.insert(at);
        }
        Ok(linear)
    }

    fn linear(&mut self, node: &Node<'a>, transposed: bool, bias: Option<Vec<f32>>) -> Result<Known<'a>, String> {
        let x = self.value(node, 0)?;
        let (dims, weights) = self.take(node, 1)?.ok_or("has no weights")?;
        let &[rows, columns] = &dims[..] else {
            return Err(format!("has weights of shape {dims:?}, a linear layer has a matrix"));
        };
        let [outputs, inputs] = if transposed { [rows, columns] } else { [columns, rows] };
        if *self.sides(x) != [inputs] {
            return Err(format!("has weights for {inputs} numbers, but an example has {:?} there", self.sides(x)));
        }
        let weights = if transposed {
            weights
        } else {
            (0..outputs)
                .flat_map(|to| (0..inputs).map(move |from| (from, to)))
                .map(|(i, o)| weights[i * columns + o])
                .collect()
        };
        let bias = bias.unwrap_or_else(|| vec![0.0; outputs]);
        if bias.len() != outputs {
            return Err(format!("has {} numbers of bias for {outputs} outputs", bias.len()));
        }
        let value = self.push(node, node.inputs.get(1).copied(), Op::Linear { outputs }, &[x])?;
        self.weight(value, "weight", weights);
        self.weight(value, "bias", bias);
        Ok(Known::Value { at: value, spread: false })
    }

    /// Adds a constant to what a layer without a bias gives, if nothing else reads that.
    pub(super) fn add_bias(&mut self, node: &Node<'a>, value: usize, constant: usize) -> Result<Known<'a>, String> {
        let is_read_once = node.inputs.get(1 - constant).is_some_and(|name| self.readers.get(name) == Some(&1));
        if !is_read_once || !self.without_bias.remove(&value) {
            return Err("adds a constant, which is possible as the bias of a MatMul alone".to_owned());
        }
        let bias = of_a_row(self.take(node, constant)?.ok_or("has no bias")?)?;
        if bias.len() != self.sides(value)[0] {
            return Err(format!("adds {} numbers to {}", bias.len(), self.sides(value)[0]));
        }
        self.weight(value, "bias", bias);
        Ok(Known::Value { at: value, spread: false })
    }

    pub(super) fn batch_norm(&mut self, node: &Node<'a>) -> Result<Known<'a>, String> {
        let x = self.value(node, 0)?;
        if self.purpose == Purpose::Asking && node.int("training_mode", 0)? != 0 {
            return Err("takes mean and variance of the batch, so that an answer depends on the others".to_owned());
        }
        let channels = self.sides(x)[0];
        let mut parts = vec![];
        for at in 1..5 {
            let (_, values) = self.take(node, at)?.ok_or("has fewer than five inputs")?;
            if values.len() != channels {
                return Err(format!("has {} numbers in input {at} for {channels} channels", values.len()));
            }
            parts.push(values);
        }
        let epsilon = node.float("epsilon", EPSILON)?;
        if let Some(variance) = parts.last_mut()
            && (epsilon - EPSILON).abs() > 1e-9
        {
            // The same in evaluation; in training the running variance goes where it goes with the other epsilon.
            variance.iter_mut().for_each(|variance| *variance += epsilon - EPSILON);
            let name = super::convert::shortened(node.name);
            self.notes.push(format!("The batch norm `{name}` has an epsilon of {epsilon}, here it is 1e-5."));
        }
        if let Some(negative) = parts[3].iter().find(|variance| **variance < 0.0) {
            return Err(format!("has a running variance of {negative} (with an epsilon of 1e-5)"));
        }
        let value = self.push(node, node.inputs.get(1).copied(), Op::BatchNorm, &[x])?;
        for (what, values) in ["weight", "bias", "running_mean", "running_var"].into_iter().zip(parts) {
            self.weight(value, what, values);
        }
        Ok(Known::Value { at: value, spread: false })
    }

    pub(super) fn dropout(&mut self, node: &Node<'a>) -> Result<Known<'a>, String> {
        let ratio = match self.constant(node, 1)? {
            Some(constant) => constant.scalar().ok_or("has a ratio that is not one number")?,
            None => node.float("ratio", 0.5)?,
        };
        let input = self.input(node, 0)?.clone();
        let is_asked = self.purpose == Purpose::Asking;
        if is_asked && self.constant(node, 2)?.is_some_and(|trains| trains.scalar() != Some(0.0)) {
            return Err("is that of a training, whose answers differ each time".to_owned());
        }
        if ratio == 0.0 || is_asked {
            return Ok(input);
        }
        let Known::Value { at, spread } = input else { return self.value(node, 0).map(|_| input) };
        // Rounded, so that 0.2 does not become 0.20000000298.
        let p = format!("{ratio}").parse().unwrap_or(f64::from(ratio));
        self.dropouts = self.dropouts.checked_add(1).ok_or("is one of too many")?;
        let at = self.push(node, None, Op::Dropout { p, stream: self.dropouts }, &[at])?;
        Ok(Known::Value { at, spread })
    }
}
