use distill_tensor::Philox;
use ndarray_rand::rand_distr::{Distribution, StandardNormal};

use super::{JitterOptions, Sides};
use crate::random::below;

/// What happens to frames of sound, `[channels, frames, values]`: a stretch of time and one of frequencies become 0, which is the
/// mean where each value is less its mean.
///
/// Park and others, *SpecAugment: A Simple Data Augmentation Method for Automatic Speech Recognition*, 2019, section 2.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Masks {
    frames: (usize, usize),
    values: (usize, usize),
}

impl Masks {
    /// First and length of each. All is drawn, also what is not asked for.
    pub(super) fn draw(rng: &mut Philox, options: &JitterOptions, sides: &Sides) -> Self {
        let mut stretch = |longest: usize, all: usize| {
            let length = below(rng, longest + 1);
            (below(rng, all - length + 1), length)
        };
        let frames = stretch(options.time_mask, sides.height);
        Self { frames, values: stretch(options.frequency_mask, sides.width) }
    }

    pub(super) fn apply(&self, plane: &mut [f32], width: usize) {
        let ((frame, n_frames), (value, n_values)) = (self.frames, self.values);
        plane[frame * width..(frame + n_frames) * width].fill(0.0);
        plane.chunks_exact_mut(width).for_each(|row| row[value..value + n_values].fill(0.0));
    }
}

/// Adds to each number one of a normal distribution with this standard deviation.
pub(super) fn add_noise(row: &mut [f32], rng: &mut Philox, deviation: f64) {
    #[expect(clippy::cast_possible_truncation, reason = "inputs are f32")]
    let scale = deviation as f32;
    for value in row {
        let noise: f32 = StandardNormal.sample(rng);
        *value += scale * noise;
    }
}
