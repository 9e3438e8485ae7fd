use pulp::bytemuck::cast_slice_mut;

use super::buffer::with_buffer;
use super::gather::Gather;
use super::pad::{Padding, padded, padded_with};
use super::product::Write;
use super::shape::ConvShape;
use crate::kernel::{self, PixelSums, TermSums, Walk};
use crate::{Precision, bf16_is_native};

/// How the operands of a convolution are made ready for its sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Form {
    /// As they are.
    #[default]
    Whole,
    /// Rounded to bf16, in f32.
    Rounded,
    /// In pairs of bf16, for an instruction that multiplies them.
    Pairs,
}

impl Form {
    /// That of a layer which is rounded where `precision` asks for it.
    pub(super) fn of(precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::Whole,
            Precision::Bf16 if bf16_is_native() => Self::Pairs,
            Precision::Bf16 | Precision::Bf16Emulated => Self::Rounded,
        }
    }
}

/// Whether a layer of this shape is computed in bf16 where that is asked for.
pub(super) fn is_rounded(shape: &ConvShape) -> bool {
    let [inputs, outputs] = [shape.input[2], shape.outputs].map(|channels| channels / shape.groups);
    !shape.is_depthwise() && inputs.is_multiple_of(2) && outputs.is_multiple_of(2)
}

/// A map of f32 with zeros around it, rounded or not.
pub(super) fn padded_f32<T>(
    form: Form,
    map: &[f32],
    sides: [usize; 3],
    padding: Padding,
    run: impl FnOnce(&[f32]) -> T,
) -> T {
    if form == Form::Rounded { padded_with(map, sides, padding, round_f32, run) } else { padded(map, sides, padding, run) }
}

/// Numbers of bf16 as f32.
pub(super) fn round_f32(from: &[f32], to: &mut [f32]) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to = crate::bf16::round(from).to_f32());
}

/// The same where they are.
pub(super) fn round_in_place(values: &mut [f32]) {
    values.iter_mut().for_each(|value| *value = crate::bf16::round(*value).to_f32());
}

/// A map in bf16 with zeros around it.
pub(super) fn padded_bf16<T>(map: &[f32], sides: [usize; 3], padding: Padding, run: impl FnOnce(&[u16]) -> T) -> T {
    padded_with(map, sides, padding, kernel::round, run)
}

/// Sums over segments of a padded map of pairs, as [`Product`](super::product::Product).
pub(super) struct PairProduct<'a> {
    pub(super) gather: &'a Gather,
    pub(super) map: &'a [u32],
    pub(super) kernel: &'a [u32],
    pub(super) width: usize,
    pub(super) bias: &'a [f32],
    pub(super) out: &'a mut [f32],
    pub(super) channels: [usize; 2],
    pub(super) results: usize,
    pub(super) write: Write,
}

impl PairProduct<'_> {
    pub(super) fn run(self) {
        let Gather { terms, rows, columns, from, to, ref segments, .. } = *self.gather;
        for (block, bias) in self.bias.chunks_exact(self.width).enumerate() {
            let first = block * self.width;
            for row in 0..rows {
                let begin = from.start + row * from.row + self.channels[0];
                PixelSums {
                    map: &self.map[begin / 2..],
                    step: from.column / 2,
                    pixels: columns,
                    segments,
                    weights: &self.kernel[first * terms / 2..][..self.width * terms / 2],
                    bias,
                    out: &mut self.out[to.start + row * to.row + self.channels[1] + first..],
                    out_step: to.column,
                    results: self.width.min(self.results - first),
                    add: self.write == Write::Add,
                }
                .run();
            }
        }
    }
}

/// Adds to sums what one example gives to the gradient of the weights, in pairs of pixels next to each other in a row or a column.
pub(super) struct PairWeightSums<'a> {
    pub(super) gather: &'a Gather,
    /// A padded map of bf16.
    pub(super) map: &'a [u16],
    /// Gradients of the outputs, whose pixels have so many channels.
    pub(super) grads: &'a [f32],
    pub(super) outputs: usize,
    /// Terms and results of a group.
    pub(super) terms: usize,
    pub(super) results: usize,
    pub(super) width: usize,
    /// Of all groups.
    pub(super) sums: &'a mut [f32],
}

impl PairWeightSums<'_> {
    pub(super) fn run(self) {
        let Gather { rows, columns, from, .. } = *self.gather;
        // A side that is odd has pixels without a partner: rows are joined where they are even, then columns, then the longer side.
        let by_row = rows % 2 == 0 || columns % 2 == 1 && rows > columns;
        let partner = if by_row { from.row } else { from.column };
        with_buffer(self.map.len(), |pairs| {
            let pairs: &mut [u32] = cast_slice_mut(pairs);
            let (with_second, last) = pairs.split_at_mut(self.map.len().saturating_sub(partner));
            kernel::pair(self.map, &self.map[partner.min(self.map.len())..], with_second);
            last.iter_mut().zip(&self.map[with_second.len()..]).for_each(|(pair, &first)| *pair = first.into());
            self.groups(by_row, pairs);
        });
    }

    fn groups(self, by_row: bool, map: &[u32]) {
        let Gather { rows, columns, from, ref segments, terms, .. } = *self.gather;
        let of_results = self.results.next_multiple_of(self.width);
        let [pair_rows, pair_columns] = if by_row { [rows / 2, columns] } else { [rows, columns / 2] };
        let [all_rows, all_columns] = if by_row { [rows.div_ceil(2), columns] } else { [rows, columns.div_ceil(2)] };
        let map_steps = if by_row { [2 * from.row, from.column] } else { [from.row, 2 * from.column] };
        let grad_steps = [all_columns * of_results, of_results];
        let walk = |begin: [usize; 2], rows, columns| {
            let start = |steps: [usize; 2]| begin[0] * steps[0] + begin[1] * steps[1];
            let [map, grads] = [map_steps, grad_steps].map(|steps| [start(steps), steps[0], steps[1]]);
            Walk { rows, columns, map, grads }
        };
        let pairs = walk([0, 0], pair_rows, pair_columns);
        let single = if by_row {
            walk([pair_rows, 0], all_rows - pair_rows, columns)
        } else {
            walk([0, pair_columns], rows, all_columns - pair_columns)
        };
        with_buffer(all_rows * all_columns * of_results, |grads| {
            let grads: &mut [u32] = cast_slice_mut(grads);
            for (group, sums) in self.sums.chunks_exact_mut(of_results * terms).enumerate() {
                // Pixels of the gradients from one pair to the next, and from the first of a pair to the second.
                let [step, partner] = if by_row { [1, columns] } else { [2, 1] };
                for (row, to) in grads.chunks_exact_mut(all_columns * of_results).enumerate() {
                    let row = if by_row { 2 * row } else { row };
                    let end = if by_row { rows } else { row + 1 } * columns * self.outputs;
                    let [first, second] = [0, partner].map(|pixel| {
                        let begin = (row * columns + pixel) * self.outputs + group * self.results;
                        self.grads.get(begin..end).unwrap_or_default()
                    });
                    kernel::join_pixels([first, second], step * self.outputs, self.results, to, of_results);
                }
                for (block, sums) in sums.chunks_exact_mut(terms * self.width).enumerate() {
                    let mut sums = sums;
                    for segment in segments {
                        let (of_segment, rest) = sums.split_at_mut(segment.len * self.width);
                        sums = rest;
                        TermSums {
                            map: &map[from.start + group * self.terms + segment.offset..],
                            grads: &grads[block * self.width..],
                            pairs,
                            single,
                            width: self.width,
                            sums: of_segment,
                        }
                        .run();
                    }
                }
            }
        });
    }
}
