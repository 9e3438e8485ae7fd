use super::form::{Form, round_in_place};
use super::gather::{Gather, Gathers};
use super::registers::block_width;
use super::shape::ConvShape;
use crate::kernel;

/// The weights of a convolution, in the order in which its sums read them. Made by [`Convolution`](super::Convolution), kept by
/// the caller so that it is allocated once.
#[derive(Debug, Clone, Default)]
pub struct Kernel {
    pub(super) values: Vec<f32>,
    /// The same as pairs of bf16 that follow each other in a sum, where the form is of such.
    pub(super) pairs: Vec<u32>,
    pub(super) form: Form,
    /// Where sums begin, by group and block of results.
    pub(super) bias: Vec<f32>,
}

/// Which way a kernel is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// Results are outputs, sums run over inputs.
    Outputs,
    /// Results are gradients of inputs, sums run over those of outputs.
    Inputs,
}

impl Direction {
    /// Results and numbers to sum, of a group.
    pub(super) fn sides(self, shape: &ConvShape) -> [usize; 2] {
        let [outputs, inputs] = [shape.outputs / shape.groups, shape.input[2] / shape.groups];
        match self {
            Self::Outputs => [outputs, inputs],
            Self::Inputs => [inputs, outputs],
        }
    }
}

/// How numbers lie that belong to the weights: packed weights, and sums for their gradient.
///
/// By part, group, block of results and term, where what a block lacks is nothing; or by part, tap and channel, where each
/// channel is by itself.
#[derive(Debug, Clone)]
pub(super) struct Packing {
    pub(super) direction: Direction,
    /// Results of a block.
    pub(super) width: usize,
    /// The number of the weight at each place, or [`NOTHING`].
    pub(super) order: Vec<u32>,
}

/// No weight is at a place.
pub(super) const NOTHING: u32 = u32::MAX;

impl Packing {
    pub(super) fn new(shape: &ConvShape, direction: Direction, gathers: &Gathers) -> Self {
        let width = block_width(direction.sides(shape)[0]);
        let mut packing = Self { direction, width, order: vec![] };
        let mut order = vec![];
        packing.for_each_place(shape, gathers, |weight| {
            order.push(weight.and_then(|weight| u32::try_from(weight).ok()).unwrap_or(NOTHING));
        });
        packing.order = order;
        packing
    }

    /// Numbers of a group in one part.
    pub(super) fn len_of_group(&self, shape: &ConvShape, gather: &Gather) -> usize {
        self.len_of_results(shape) * gather.terms
    }

    /// Results of a group in whole blocks.
    pub(super) fn len_of_results(&self, shape: &ConvShape) -> usize {
        self.direction.sides(shape)[0].next_multiple_of(self.width)
    }

    /// Calls `f` with the index of the weight at each place, in the order of the places.
    fn for_each_place(&self, shape: &ConvShape, gathers: &Gathers, mut f: impl FnMut(Option<usize>)) {
        let [outputs, inputs, height, columns] = shape.weights();
        let [results, terms] = self.direction.sides(shape);
        let of_group = outputs / shape.groups;
        for gather in &gathers.parts {
            if shape.is_depthwise() {
                let places = gather.taps.iter().flat_map(|tap| (0..outputs).map(move |channel| (tap, channel)));
                places.for_each(|(tap, channel)| f(Some((channel * height + tap.y) * columns + tap.x)));
                continue;
            }
            for (group, first) in (0..shape.groups).flat_map(|g| (0..results).step_by(self.width).map(move |r| (g, r)))
            {
                for (tap, term) in gather.taps.iter().flat_map(|tap| (0..terms).map(move |term| (tap, term))) {
                    for result in first..first + self.width {
                        let (output, input) = match self.direction {
                            Direction::Outputs => (result, term),
                            Direction::Inputs => (term, result),
                        };
                        let weight =
                            (((group * of_group + output) * inputs + input) * height + tap.y) * columns + tap.x;
                        f((result < results).then_some(weight));
                    }
                }
            }
        }
    }

    /// Packs weights, and a bias for each result, which is not rounded, and 0 if the layer has none.
    pub(super) fn pack(
        &self,
        shape: &ConvShape,
        weights: &[f32],
        bias: Option<&[f32]>,
        form: Form,
        kernel: &mut Kernel,
    ) {
        kernel.form = form;
        kernel.values.clear();
        kernel
            .values
            .extend(self.order.iter().map(|&weight| weights.get(weight as usize).copied().unwrap_or_default()));
        match form {
            Form::Whole => {}
            Form::Rounded => round_in_place(&mut kernel.values),
            Form::Pairs | Form::Tiles => {
                kernel.pairs.resize(kernel.values.len() / 2, 0);
                // The sums of a block have an even number of terms, so pairs stay in it.
                let rows = kernel.values.chunks_exact(2 * self.width);
                for (to, rows) in kernel.pairs.chunks_exact_mut(self.width).zip(rows) {
                    let (first, second) = rows.split_at(self.width);
                    kernel::join(first, second, to);
                }
            }
        }
        let [results, _] = self.direction.sides(shape);
        let pitch = if shape.is_depthwise() { results } else { self.len_of_results(shape) };
        kernel.bias.clear();
        kernel.bias.resize(shape.groups * pitch, 0.0);
        if let Some(bias) = bias {
            let groups = kernel.bias.chunks_exact_mut(pitch).zip(bias.chunks_exact(results));
            groups.for_each(|(to, bias)| to[..results].copy_from_slice(bias));
        }
    }
}
