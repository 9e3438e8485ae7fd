use distill_tensor::Philox;
use ndarray_rand::rand::RngCore as _;

use super::JitterOptions;

/// Sums that are added up side by side.
const LANES: usize = 16;

/// What of red, green and blue is grey, as in ITU-R BT.601.
const GREY: [f32; 3] = [0.299, 0.587, 0.114];

/// By what the colours of an image are multiplied.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Colour {
    pub(super) brightness: f32,
    pub(super) contrast: f32,
    pub(super) saturation: f32,
}

impl Colour {
    pub(super) fn draw(rng: &mut Philox, options: &JitterOptions) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "pixels are f32")]
        let mut factor = |range: f64| {
            let unit = f64::from(rng.next_u32()) / 4_294_967_296.0;
            (1.0 + range * (2.0 * unit - 1.0)) as f32
        };
        let [brightness, contrast, saturation] =
            [options.brightness, options.contrast, options.saturation].map(&mut factor);
        Self { brightness, contrast, saturation }
    }

    /// Changes an image of one or three channels whose pixels are from 0 to 1, one after the other: `b x`, the difference
    /// from the mean grey of the image, the difference from the grey of the pixel. What leaves the range is cut off.
    pub(super) fn apply(&self, image: &mut [f32], channels: usize) {
        for value in &mut *image {
            *value = unit(*value * self.brightness);
        }
        let size = image.len() / channels;
        if channels != 3 {
            let mean = sum(image) / image.len() as f32;
            image.iter_mut().for_each(|value| *value = unit(mean + self.contrast * (*value - mean)));
            return;
        }
        let (red, rest) = image.split_at_mut(size);
        let (green, blue) = rest.split_at_mut(size);
        let mean = (GREY[0] * sum(red) + GREY[1] * sum(green) + GREY[2] * sum(blue)) / size as f32;
        for ((red, green), blue) in red.iter_mut().zip(green).zip(blue) {
            let [r, g, b] = [*red, *green, *blue].map(|value| unit(mean + self.contrast * (value - mean)));
            let grey = GREY[0] * r + GREY[1] * g + GREY[2] * b;
            [*red, *green, *blue] = [r, g, b].map(|value| unit(grey + self.saturation * (value - grey)));
        }
    }
}

fn unit(value: f32) -> f32 {
    value.clamp(0.0, 1.0)
}

/// The order of the additions depends on the number of pixels alone.
fn sum(values: &[f32]) -> f32 {
    let (blocks, rest) = values.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for block in blocks {
        lanes.iter_mut().zip(block).for_each(|(lane, value)| *lane += value);
    }
    lanes.iter().chain(rest).sum()
}
