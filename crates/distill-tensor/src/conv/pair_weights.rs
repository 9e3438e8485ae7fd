use pulp::bytemuck::cast_slice_mut;

use super::gather::Gather;
use super::packed::Direction;
use super::shape::ConvShape;
use crate::buffer::with_buffer;
use crate::kernel::{self, TermSums, Tiles, TransposedTermSums, Walk};

/// Adds to sums what one example gives to the gradient of the weights, as [`WeightSums`](super::weights::WeightSums), in pairs of
/// pixels next to each other in a column or a row.
pub(super) struct PairWeightSums<'a> {
    pub(super) shape: &'a ConvShape,
    pub(super) gather: &'a Gather,
    /// A padded map of bf16.
    pub(super) map: &'a [u16],
    /// Gradients of the outputs.
    pub(super) grads: &'a [f32],
    pub(super) width: usize,
    /// Of all groups.
    pub(super) sums: &'a mut [f32],
}

/// Which pixels are a pair.
#[derive(Debug, Clone, Copy)]
struct Pairing {
    /// Whether they are of two rows, else of two columns.
    by_row: bool,
    /// Pairs, those included that lack a second pixel, in rows and columns.
    all: [usize; 2],
    /// Pairs of two pixels.
    whole: [usize; 2],
}

impl Pairing {
    /// A side that is odd has pixels without a partner: rows are joined where they are even, then columns, then the longer side.
    fn new([rows, columns]: [usize; 2]) -> Self {
        if rows % 2 == 0 || columns % 2 == 1 && rows > columns {
            Self { by_row: true, all: [rows.div_ceil(2), columns], whole: [rows / 2, columns] }
        } else {
            Self { by_row: false, all: [rows, columns.div_ceil(2)], whole: [rows, columns / 2] }
        }
    }

    /// Whole pairs and the others, given how far rows and columns are apart in the map, and pairs in the gradients.
    fn walks(self, map: [usize; 2], grads: usize) -> [Walk; 2] {
        let map = if self.by_row { [2 * map[0], map[1]] } else { [map[0], 2 * map[1]] };
        let grads = [self.all[1] * grads, grads];
        let [begin_row, begin_column] = if self.by_row { [self.whole[0], 0] } else { [0, self.whole[1]] };
        let walk = |begin: [usize; 2], [rows, columns]: [usize; 2]| {
            let [map, grads] =
                [map, grads].map(|steps| [begin[0] * steps[0] + begin[1] * steps[1], steps[0], steps[1]]);
            Walk { rows, columns, map, grads }
        };
        let others = [self.all[0] - begin_row, self.all[1] - begin_column];
        [walk([0; 2], self.whole), walk([begin_row, begin_column], others)]
    }
}

impl PairWeightSums<'_> {
    /// By tiles of these sides, if there are any: then sums lie by result and term.
    pub(super) fn run(mut self, tiles: Option<[usize; 3]>) {
        let Gather { rows, columns, from, ref segments, terms, .. } = *self.gather;
        let [results, terms_of_group] = Direction::Outputs.sides(self.shape);
        let pairing = Pairing::new([rows, columns]);
        let pitch = results.next_multiple_of(self.width);
        let [pairs, single] = pairing.walks([from.row, from.column], pitch);
        with_buffer(self.map.len(), |map| {
            let map: &mut [u32] = cast_slice_mut(map);
            self.join_inputs(pairing, map);
            with_buffer(pairing.all[0] * pairing.all[1] * pitch, |grads| {
                let grads: &mut [u32] = cast_slice_mut(grads);
                for group in 0..self.shape.groups {
                    self.join_grads(pairing, group * results..(group + 1) * results, pitch, grads);
                    if let Some(sides) = tiles {
                        self.by_tiles(sides, pairing, group, pitch, map, grads);
                        continue;
                    }
                    for block in 0..pitch / self.width {
                        let mut sums =
                            &mut self.sums[(group * pitch + block * self.width) * terms..][..self.width * terms];
                        for segment in segments {
                            let (of_segment, rest) = sums.split_at_mut(segment.len * self.width);
                            sums = rest;
                            TermSums {
                                map: &map[from.start + group * terms_of_group + segment.offset..],
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
        });
    }

    /// The sums of a group, of pairs in two rows that are all whole.
    fn by_tiles(
        &mut self,
        sides: [usize; 3],
        pairing: Pairing,
        group: usize,
        pitch: usize,
        map: &[u32],
        grads: &[u32],
    ) {
        let Gather { from, ref segments, terms, .. } = *self.gather;
        let [_, terms_of_group] = Direction::Outputs.sides(self.shape);
        let row = pairing.all[1] * pitch;
        with_buffer(grads.len(), |by_result| {
            let by_result: &mut [u32] = cast_slice_mut(by_result);
            for (from, to) in grads.chunks_exact(row).zip(by_result.chunks_exact_mut(row)) {
                kernel::transpose(from, pitch, to);
            }
            Tiles::with(sides, |tiles| {
                for first in (0..pitch).step_by(self.width) {
                    TransposedTermSums {
                        tiles,
                        map: &map[from.start + group * terms_of_group..],
                        map_steps: [2 * from.row, from.column],
                        grads: &by_result[first * pairing.all[1]..],
                        grads_step: row,
                        pairs: pairing.all,
                        segments,
                        sums: &mut self.sums[(group * pitch + first) * terms..][..self.width * terms],
                    }
                    .run();
                }
            });
        });
    }

    /// Joins every number of the map with that of the next pixel, in rows where a pair begins.
    fn join_inputs(&self, pairing: Pairing, to: &mut [u32]) {
        let Gather { from, .. } = *self.gather;
        let (step, height) = (self.shape.stride[0], self.shape.kernel[0]);
        let row = from.row / step;
        let partner = if pairing.by_row { from.row } else { from.column };
        for (i, to) in to.chunks_exact_mut(row).enumerate() {
            if pairing.by_row && i % (2 * step) >= height {
                continue;
            }
            let first = &self.map[i * row..][..row];
            let second = self.map.get(i * row + partner..).unwrap_or_default();
            let (whole, others) = to.split_at_mut(row.min(second.len()));
            kernel::pair(first, second, whole);
            others.iter_mut().zip(&first[whole.len()..]).for_each(|(pair, &first)| *pair = first.into());
        }
    }

    /// Joins the gradients of some channels, with zeros up to `pitch`, and where a pair has no second pixel.
    fn join_grads(&self, pairing: Pairing, channels: std::ops::Range<usize>, pitch: usize, to: &mut [u32]) {
        let (Gather { rows, columns, .. }, outputs) = (self.gather, self.shape.outputs);
        // Pixels from one pair to the next, and from the first of a pair to the second.
        let [step, partner] = if pairing.by_row { [1, *columns] } else { [2, 1] };
        for (row, to) in to.chunks_exact_mut(pairing.all[1] * pitch).enumerate() {
            let [row, end] = if pairing.by_row { [2 * row, *rows] } else { [row, row + 1] };
            let [first, second] = [0, partner].map(|pixel| {
                let begin = (row * columns + pixel) * outputs + channels.start;
                self.grads.get(begin..end * columns * outputs).unwrap_or_default()
            });
            kernel::join_pixels([first, second], step * outputs, channels.len(), to, pitch);
        }
    }
}
