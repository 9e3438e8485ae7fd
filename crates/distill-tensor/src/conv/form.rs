use super::gather::{Gather, Write};
use super::packed::Direction;
use super::pad::{Padding, padded, padded_with};
use super::shape::ConvShape;
use crate::kernel::{self, PixelSums, Tiles};
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
    /// The same, by tiles where they fit the sides.
    Tiles,
}

impl Form {
    /// That of a layer which is rounded where `precision` asks for it.
    pub(super) fn of(precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::Whole,
            Precision::Bf16 if kernel::has_tiles() => Self::Tiles,
            Precision::Bf16 if bf16_is_native() => Self::Pairs,
            Precision::Bf16 | Precision::Bf16Emulated => Self::Rounded,
        }
    }

    /// Whether the operands are pairs of bf16.
    pub(super) fn is_of_pairs(self) -> bool {
        matches!(self, Self::Pairs | Self::Tiles)
    }
}

/// Runs `f` with tiles of these sides, if there are any.
pub(super) fn with_tiles<T>(sides: Option<[usize; 3]>, f: impl FnOnce(Option<&Tiles>) -> T) -> T {
    match sides {
        Some(sides) => Tiles::with(sides, |tiles| f(Some(tiles))),
        None => f(None),
    }
}

/// Whether a layer of this shape is computed in bf16 where that is asked for: pairs of channels must be whole, and there must be
/// more work than rounding.
pub(super) fn is_rounded(shape: &ConvShape) -> bool {
    let [inputs, outputs] = Direction::Outputs.sides(shape);
    let even = inputs.is_multiple_of(2) && outputs.is_multiple_of(2);
    even && !shape.is_depthwise() && (shape.kernel != [1, 1] || inputs * outputs >= 1024)
}

/// Whether the gradient of its weights is too: what joins the pixels of a map takes longer than it saves where few products are
/// made of each number.
pub(super) fn is_rounded_for_weights(shape: &ConvShape) -> bool {
    let [rows, columns, _] = shape.output();
    let [_, inputs] = Direction::Outputs.sides(shape);
    is_rounded(shape) && inputs >= 8 && shape.kernel != [1, 1] && rows * columns >= 4
}

/// A map of f32 with zeros around it, rounded or not.
pub(super) fn padded_f32<T>(
    form: Form,
    map: &[f32],
    sides: [usize; 3],
    padding: Padding,
    run: impl FnOnce(&[f32]) -> T,
) -> T {
    if form == Form::Rounded {
        padded_with(map, sides, padding, round_f32, run)
    } else {
        padded(map, sides, padding, run)
    }
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
    /// Of the sides that the gather has for them.
    pub(super) tiles: Option<&'a Tiles>,
}

impl PairProduct<'_> {
    pub(super) fn run(self) {
        let Gather { terms, rows, columns, from, to, ref segments, .. } = *self.gather;
        if terms == 0 {
            return self.gather.nothing(self.out, self.channels[1], self.results, self.write);
        }
        for (block, bias) in self.bias.chunks_exact(self.width).enumerate() {
            let first = block * self.width;
            let results = self.width.min(self.results - first);
            PixelSums {
                map: &self.map[(from.start + self.channels[0]) / 2..],
                pixels: [rows, columns],
                steps: [from.row / 2, from.column / 2],
                segments,
                weights: &self.kernel[first * terms / 2..][..self.width * terms / 2],
                bias,
                out: &mut self.out[to.start + self.channels[1] + first..],
                out_steps: [to.row, to.column],
                results,
                add: self.write == Write::Add,
                tiles: self.tiles,
            }
            .run();
        }
    }
}
