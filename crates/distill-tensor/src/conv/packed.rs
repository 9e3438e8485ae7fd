use pulp::{Arch, Simd, WithSimd};

use super::gather::Gathers;
use super::shape::ConvShape;

/// The weights of a convolution, in the order in which its sums read them. Made by [`Convolution`](super::Convolution), kept by
/// the caller so that it is allocated once.
#[derive(Debug, Clone, Default)]
pub struct Kernel {
    pub(super) values: Vec<f32>,
}

/// How many numbers of a result, next to each other, are summed at a time.
pub(super) fn block_width(results: usize) -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;

        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    // Two of the widest vectors, where they are full.
    if Arch::new().dispatch(Lanes) == 16 && !(1..=16).contains(&(results % 32)) { 32 } else { 16 }
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

impl Kernel {
    /// By part, group, block of results and term; what a block lacks is 0.
    pub(super) fn pack(
        &mut self,
        shape: &ConvShape,
        gathers: &Gathers,
        direction: Direction,
        width: usize,
        weights: &[f32],
    ) {
        let [results, terms] = direction.sides(shape);
        let [_, inputs, height, columns] = shape.weights();
        self.values.clear();
        for gather in &gathers.parts {
            for (group, block) in (0..shape.groups).flat_map(|g| (0..results.div_ceil(width)).map(move |b| (g, b))) {
                for (tap, term) in gather.taps.iter().flat_map(|tap| (0..terms).map(move |term| (tap, term))) {
                    let weight = |result: usize| {
                        let (output, input) = match direction {
                            Direction::Outputs => (result, term),
                            Direction::Inputs => (term, result),
                        };
                        let output = group * (shape.outputs / shape.groups) + output;
                        weights[((output * inputs + input) * height + tap.y) * columns + tap.x]
                    };
                    let first = block * width;
                    self.values.extend((first..first + width).map(|r| if r < results { weight(r) } else { 0.0 }));
                }
            }
        }
    }

    /// By tap and channel, for a kernel of each channel.
    pub(super) fn pack_depthwise(&mut self, shape: &ConvShape, gathers: &Gathers, weights: &[f32]) {
        let [outputs, _, height, columns] = shape.weights();
        self.values.clear();
        for tap in gathers.parts.iter().flat_map(|gather| &gather.taps) {
            self.values.extend((0..outputs).map(|channel| weights[(channel * height + tap.y) * columns + tap.x]));
        }
    }
}
