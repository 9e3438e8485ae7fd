//! Zeros around maps and between channels, and every other row: parts of convolutions, or convolutions with fixed weights.

use distill_models::{Conv, Op};

use super::activations::Unfinished;
use super::convert::{Converter, Known, Purpose};
use super::file::Node;

/// Where a slice ends that is to reach the end of a side without a size.
const FAR: i64 = i32::MAX as i64;

impl<'a> Converter<'_, 'a> {
    /// Every so many rows and columns of a map, from the first on: ones in a convolution of 1x1 for each channel.
    pub(super) fn slice(&mut self, node: &Node<'a>) -> Result<Known<'a>, String> {
        let (x, mut stride) = self.strided(node)?;
        let starts =
            self.whole_numbers(node, 1)?.ok_or("has no starts as an input; export it with opset 10 or later")?;
        let ends = self.whole_numbers(node, 2)?.ok_or("has no ends")?;
        let axes = self.whole_numbers(node, 3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
        let steps = self.whole_numbers(node, 4)?.unwrap_or_else(|| vec![1; starts.len()]);
        if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
            return Err("has other numbers of starts, ends, axes and steps".to_owned());
        }
        let sides = self.sides(x).to_vec();
        for (((start, end), axis), step) in starts.into_iter().zip(ends).zip(axes).zip(steps) {
            let axis = if axis < 0 { axis.saturating_add(sides.len() as i64 + 1) } else { axis };
            let (place, step) = (usize::try_from(axis), usize::try_from(step).unwrap_or(0));
            let is_map = sides.len() == 3;
            let far = match place {
                Ok(place @ (2 | 3)) if is_map => sides[place - 1].div_ceil(stride[place - 2]) as i64,
                Ok(place) if (1..=sides.len()).contains(&place) => sides[place - 1] as i64,
                Ok(0) => FAR,
                _ => return Err(format!("cuts along axis {axis}")),
            };
            match place {
                _ if start != 0 || end < far || step == 0 => {
                    return Err(format!(
                        "cuts from {start} to {end} with a step of {step} along axis {axis}; from 0 to the end is possible"
                    ));
                }
                Ok(place @ (2 | 3)) if is_map => {
                    stride[place - 2] = stride[place - 2].checked_mul(step).ok_or("has steps larger than memory")?;
                }
                _ if step == 1 => {}
                _ => return Err(format!("takes steps along axis {axis}; height and width are possible")),
            }
        }
        // A pad of channels does both in one convolution, and so does another slice.
        let output = node.outputs.first().copied().unwrap_or_default();
        if self.cut.contains(output) && self.readers.get(output) == Some(&1) {
            return Ok(Known::Unfinished(Unfinished::Strided { x, stride }));
        }
        let at = self.push_strided(node, x, stride)?;
        Ok(Known::Value { at, spread: false })
    }

    /// Zeros around a map, which a convolution takes as its padding, or channels of zeros before and behind those of a map.
    pub(super) fn pad(&mut self, node: &Node<'a>) -> Result<Known<'a>, String> {
        let (x, stride) = self.strided(node)?;
        let mode = node.text("mode")?;
        let value = self.constant(node, 2)?.map_or(Some(0.0), |constant| constant.scalar());
        let pads = match self.whole_numbers(node, 1)? {
            Some(pads) => pads,
            None => node.ints("pads")?,
        };
        let axes = self.whole_numbers(node, 3)?.unwrap_or_else(|| (0..4).collect());
        let refused = || Err("pads other than with zeros above, below and beside a map".to_owned());
        if pads.len() != 2 * axes.len()
            || !matches!(mode.as_str(), "" | "constant")
            || value != Some(0.0)
            || self.sides(x).len() != 3
        {
            return refused();
        }
        let mut around = [[0; 2]; 4];
        for (i, axis) in axes.iter().enumerate() {
            let axis = usize::try_from(if *axis < 0 { axis + 4 } else { *axis });
            let pads = [pads[i], pads[i + axes.len()]].map(usize::try_from);
            match (axis, pads) {
                (Ok(axis @ 0..4), [Ok(before), Ok(behind)]) => around[axis] = [before, behind],
                _ => return refused(),
            }
        }
        match around {
            [[0, 0], [0, 0], [top, bottom], [left, right]] => {
                let x = if stride == [1; 2] { x } else { self.push_strided(node, x, stride)? };
                Ok(Known::Unfinished(Unfinished::Padded { x, around: [top, left, bottom, right] }))
            }
            [[0, 0], [before, behind], [0, 0], [0, 0]] if self.purpose == Purpose::Asking => {
                let at = self.push_channels(node, x, stride, [before, behind])?;
                Ok(Known::Value { at, spread: false })
            }
            _ => refused(),
        }
    }

    /// A value and the zeros around it.
    pub(super) fn padded(&self, node: &Node<'a>) -> Result<(usize, [usize; 4]), String> {
        match self.input(node, 0)? {
            Known::Unfinished(Unfinished::Padded { x, around }) => Ok((*x, *around)),
            _ => self.value(node, 0).map(|x| (x, [0; 4])),
        }
    }

    /// A value, and which of its rows and columns are meant.
    fn strided(&self, node: &Node<'a>) -> Result<(usize, [usize; 2]), String> {
        match self.input(node, 0)? {
            Known::Unfinished(Unfinished::Strided { x, stride }) => Ok((*x, *stride)),
            _ => self.value(node, 0).map(|x| (x, [1; 2])),
        }
    }

    /// The whole numbers of an input, if there is such an input.
    fn whole_numbers(&self, node: &Node<'a>, at: usize) -> Result<Option<Vec<i64>>, String> {
        let Some(constant) = self.constant(node, at)? else { return Ok(None) };
        let numbers = constant.sizes().and_then(|sizes| sizes.iter().copied().collect());
        numbers.ok_or_else(|| format!("has an input {at} that is no list of whole numbers")).map(Some)
    }

    fn push_strided(&mut self, node: &Node<'a>, x: usize, stride: [usize; 2]) -> Result<usize, String> {
        if stride == [1; 2] {
            return Ok(x);
        }
        let channels = self.sides(x)[0];
        self.charge(channels)?;
        let conv = Conv { groups: channels, ..Conv::same(channels, 1).stride(stride) };
        let at = self.push(node, None, Op::Conv(conv), &[x])?;
        self.weight(at, "weight", vec![1.0; channels]);
        Ok(at)
    }

    /// A one in each row that is a channel of before; the others are zeros.
    fn push_channels(
        &mut self,
        node: &Node<'a>,
        x: usize,
        stride: [usize; 2],
        [before, behind]: [usize; 2],
    ) -> Result<usize, String> {
        let inputs = self.sides(x)[0];
        let large = "pads with more channels than memory holds";
        let outputs = inputs.checked_add(before).and_then(|n| n.checked_add(behind)).ok_or(large)?;
        let n = outputs.checked_mul(inputs).ok_or(large)?;
        self.charge(n)?;
        let mut weights = vec![0.0; n];
        for channel in 0..inputs {
            weights[(before + channel) * inputs + channel] = 1.0;
        }
        let at = self.push(node, None, Op::Conv(Conv::same(outputs, 1).stride(stride)), &[x])?;
        self.weight(at, "weight", weights);
        Ok(at)
    }
}
