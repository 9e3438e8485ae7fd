//! Operations that look at several pixels, and those that only change the shape.

use distill_models::{Op, Window};

use super::convert::{Converter, Known, Purpose};
use super::file::Node;
use super::fold::part_of_shape;
use super::layers::{padding, two};

impl<'a> Converter<'_, 'a> {
    pub(super) fn pool(&mut self, node: &Node<'a>) -> Result<Known<'a>, String> {
        let x = self.value(node, 0)?;
        let window =
            Window { kernel: two(node, "kernel_shape", 0)?, stride: two(node, "strides", 1)?, padding: padding(node)? };
        if two(node, "dilations", 1)? != [1; 2] {
            return Err("has dilations, which pools here do not have".to_owned());
        }
        let op = if node.op == "MaxPool" { Op::MaxPool(window) } else { Op::AveragePool(window) };
        if node.op == "AveragePool" && node.int("count_include_pad", 0)? != 0 && window.padding != [0; 4] {
            return Err("counts the padding in its means; export it with `count_include_pad=False`".to_owned());
        }
        let has_rest = |i: usize| {
            let around = window.padding[i].saturating_add(window.padding[i + 2]);
            let side = self.sides(x).get(i + 1).copied().unwrap_or_default().saturating_add(around);
            side.checked_sub(window.kernel[i])
                .and_then(|rest| rest.checked_rem(window.stride[i]))
                .is_some_and(|rest| rest > 0)
        };
        if node.int("ceil_mode", 0)? != 0 && (has_rest(0) || has_rest(1)) {
            return Err("has windows that reach over the end of the map (`ceil_mode`); export it without".to_owned());
        }
        let at = self.push(node, None, op, &[x])?;
        Ok(Known::Value { at, spread: false })
    }

    pub(super) fn means(&mut self, node: &Node<'a>) -> Result<Known<'a>, String> {
        let x = self.value(node, 0)?;
        let mut spread = true;
        if node.op == "ReduceMean" {
            let axes: Vec<i64> = match self.constant(node, 1)? {
                Some(axes) => axes.sizes().unwrap_or_default().iter().map(|axis| axis.unwrap_or(0)).collect(),
                None => node.ints("axes")?,
            };
            let mut sides: Vec<i64> =
                axes.iter().map(|&axis| if axis < 0 { axis.saturating_add(4) } else { axis }).collect();
            sides.sort_unstable();
            if sides != [2, 3] || self.sides(x).len() != 3 {
                return Err(format!(
                    "takes means over the axes {axes:?}; means over height and width, [2, 3], are possible"
                ));
            }
            spread = node.int("keepdims", 1)? != 0;
        }
        let at = self.push(node, None, Op::GlobalAveragePool, &[x])?;
        Ok(Known::Value { at, spread })
    }

    /// A value, and whether the file has it as a map of one pixel.
    fn spread_value(&self, node: &Node<'a>) -> Result<(usize, bool), String> {
        match self.input(node, 0)? {
            Known::Value { at, spread } => Ok((*at, *spread)),
            _ => self.value(node, 0).map(|at| (at, false)),
        }
    }

    /// The sides of a value in the file, with the batch.
    fn file_sides(&self, at: usize, spread: bool) -> Vec<Option<i64>> {
        let sides = self.sides(at).iter().map(|&side| Some(i64::try_from(side).unwrap_or(i64::MAX)));
        let ones = [Some(1); 2].into_iter().take(if spread { 2 } else { 0 });
        [None].into_iter().chain(sides).chain(ones).collect()
    }

    pub(super) fn shape(&mut self, node: &Node<'a>) -> Result<Known<'a>, String> {
        let (at, spread) = self.spread_value(node)?;
        part_of_shape(node, self.file_sides(at, spread)).map(Known::Constant)
    }

    /// `Flatten`, `Reshape` and `Squeeze`, as far as they make a vector of an example, or change nothing.
    pub(super) fn flatten(&mut self, node: &Node<'a>) -> Result<Known<'a>, String> {
        let (at, spread) = self.spread_value(node)?;
        let from = self.file_sides(at, spread);
        let n: i64 = from[1..].iter().flatten().product();
        let axis = node.int("axis", 1)?;
        // One number for each example may lose its column where it is the answer: what is asked has it anyway.
        let is_last_of_one = self.purpose == Purpose::Asking && from == [None, Some(1)] && self.is_output(node);
        let to = match node.op {
            "Squeeze" if is_last_of_one && self.squeezes_column(node)? => from.clone(),
            "Flatten" if axis == 1 || axis.saturating_add(from.len() as i64) == 1 => vec![None, Some(n)],
            "Flatten" => return Err(format!("begins at axis {axis}; only the batch, axis 0, stays apart here")),
            "Squeeze" => {
                let axes: Vec<_> = match self.constant(node, 1)? {
                    Some(axes) => axes.sizes().unwrap_or_default().to_vec(),
                    None => node.ints("axes")?.into_iter().map(Some).collect(),
                };
                let fits = |axis: &Option<i64>| axis.is_some_and(|axis| [2, 3, -1, -2].contains(&axis));
                if !spread || !axes.iter().all(fits) || axes.len() == 1 {
                    return Err("leaves out sides of a map; of means over height and width it could".to_owned());
                }
                vec![None, Some(n)]
            }
            _ => {
                let shape = self.constant(node, 1)?.and_then(|shape| shape.sizes());
                let shape = shape.ok_or("has a shape that is not known before it is computed")?;
                let keeps_zeros = node.int("allowzero", 0)? != 0;
                let size = |(i, size): (usize, &Option<i64>)| match *size {
                    Some(0) if !keeps_zeros => from.get(i).copied().flatten(),
                    // The batch was written as the size of the example that was exported.
                    Some(_) | None if i == 0 => None,
                    // One side may be left open, and the others say how long it is.
                    Some(-1) => {
                        let mut others = shape[1..].iter().flatten().filter(|&&side| side != -1);
                        let others =
                            others.try_fold(1_i64, |product, &side| product.checked_mul(side)).filter(|&n| n > 0);
                        others.map(|others| n / others)
                    }
                    size => size,
                };
                shape.iter().enumerate().map(size).collect()
            }
        };
        if to == from || (to == [None] && is_last_of_one) {
            return Ok(Known::Value { at, spread });
        }
        if to != [None, Some(n)] {
            let sides: Vec<_> =
                to.iter().map(|side| side.map_or("batch".to_owned(), |side| side.to_string())).collect();
            return Err(format!("makes a shape of [{}]; to flatten an example is possible", sides.join(", ")));
        }
        let at = if spread || self.sides(at).len() == 1 { at } else { self.push(node, None, Op::Flatten, &[at])? };
        Ok(Known::Value { at, spread: false })
    }

    fn squeezes_column(&self, node: &Node<'a>) -> Result<bool, String> {
        let axes = match self.constant(node, 1)? {
            Some(axes) => axes.sizes().unwrap_or_default().to_vec(),
            None => node.ints("axes")?.into_iter().map(Some).collect(),
        };
        Ok(matches!(axes[..], [Some(1 | -1)]))
    }

    pub(super) fn concat(&mut self, node: &Node<'a>) -> Result<Known<'a>, String> {
        let values = (0..node.inputs.len()).map(|at| self.value(node, at)).collect::<Result<Vec<_>, _>>()?;
        let axis = node.int("axis", 0)?;
        let sides = values.first().map_or(0, |&value| self.sides(value).len() as i64 + 1);
        if axis != 1 && axis.saturating_add(sides) != 1 {
            return Err(format!("joins along axis {axis}; along the channels, axis 1, it is possible"));
        }
        if let &[value] = &values[..] {
            return Ok(Known::Value { at: value, spread: false });
        }
        let at = self.push(node, None, Op::Concat, &values)?;
        Ok(Known::Value { at, spread: false })
    }
}
