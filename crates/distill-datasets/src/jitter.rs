mod colour;
mod crop;
mod frames;
mod options;
mod shift;
#[cfg(test)]
mod tests;

use distill_tensor::{PARALLEL_MIN, Philox, Stream};
use ndarray::{ArrayViewMut1, ArrayViewMut2, Axis};
use ndarray_rand::rand::RngCore as _;
use rayon::prelude::*;

pub use self::options::{JitterOptions, Padding};

use self::colour::Colour;
use self::crop::Crop;
use self::frames::Masks;
use crate::DataError;
use crate::form::min_rows;
use crate::random::below;

/// Changes every image at random: its colours, a part of it for the whole, left for right, its place, and a hole; and frames of
/// sound, which are images of time and frequency: their place in time, stretches of both that are hidden, and noise.
///
/// What is not asked for changes nothing, and whatever is on is done in this order. Colours are those of pixels from 0 to 1.
/// A change is a function of seed, epoch and example alone, so neither the number of threads nor the other examples of a
/// batch change it; and each is drawn for itself, so one that is added leaves the others as they were.
///
/// # Examples
/// ```
/// use distill_datasets::{Jitter, JitterOptions};
/// use ndarray::Array2;
/// let jitter = Jitter::new(1, &[1, 3, 3])?;
/// let mut dot = Array2::zeros((1, 9));
/// dot[[0, 4]] = 1.0;
/// jitter.apply(1, 0, &[42], dot.view_mut());
/// // A dot in the middle stays in sight.
/// assert_eq!(dot.sum(), 1.0);
///
/// let flips = Jitter::of(JitterOptions { flip: true, ..JitterOptions::default() }, &[1, 3, 3])?;
/// assert_eq!(flips.n_views(), Some(2));
/// # Ok::<(), distill_datasets::DataError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jitter {
    options: JitterOptions,
    sides: Sides,
}

/// The shape of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sides {
    channels: usize,
    height: usize,
    width: usize,
}

/// What happens to an image.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Change {
    /// Where it moves: to the right and down.
    shift: (isize, isize),
    flip: bool,
    crop: Option<Crop>,
    colour: Option<Colour>,
    /// The middle of the hole: row and column.
    hole: Option<(usize, usize)>,
    masks: Option<Masks>,
}

impl Jitter {
    /// Shifts by up to so many pixels in any direction, for inputs of shape `[channels, height, width]`. Both shifts of
    /// an image are uniform and independent; pixels that move in from outside are 0.
    ///
    /// # Errors
    /// [`DataError::BadShift`] for inputs that are not images or have a side that is not larger than the shift.
    pub fn new(max_shift: usize, input_shape: &[usize]) -> Result<Self, DataError> {
        Self::of(JitterOptions { shift: max_shift, ..JitterOptions::default() }, input_shape)
    }

    /// All changes that are asked for, for inputs of shape `[channels, height, width]`.
    ///
    /// # Errors
    /// [`DataError::BadShift`] as [`new`](Self::new), [`DataError::BadJitter`] for what these inputs cannot be changed by,
    /// or a number without a meaning.
    pub fn of(options: JitterOptions, input_shape: &[usize]) -> Result<Self, DataError> {
        let (channels, height, width) = options.check(input_shape)?;
        Ok(Self { options, sides: Sides { channels, height, width } })
    }

    /// How many views of an image there are, one for each shift, and again for each shift of the flipped image. `None`
    /// where something is drawn of which there are too many to count.
    pub fn n_views(&self) -> Option<usize> {
        self.options.n_views()
    }

    /// Which view of an example an epoch shows, from 0 to [`n_views`](Self::n_views).
    pub fn view_of(&self, seed: u64, epoch: u32, example: usize) -> usize {
        let [across, down] = self.options.n_shifts();
        let place = |shift: isize, n_places: usize| shift.wrapping_add_unsigned(n_places / 2).unsigned_abs();
        let Change { shift: (dx, dy), flip, .. } = self.draw(seed, epoch, example);
        (usize::from(flip) * down + place(dy, down)) * across + place(dx, across)
    }

    /// Turns all images in the rows into one of their views.
    ///
    /// # Panics
    /// If there is no such view, or the rows are not contiguous images.
    pub fn apply_view(&self, view: usize, mut rows: ArrayViewMut2<'_, f32>) {
        let n_views = self.n_views().unwrap_or(0);
        assert!(view < n_views, "view {view} of {n_views}");
        let [across, down] = self.options.n_shifts();
        let shift = |place: usize, n_places: usize| place.cast_signed() - (n_places / 2).cast_signed();
        let by = (shift(view % across, across), shift(view / across % down, down));
        let flip = view / (across * down) == 1;
        let change = Change { shift: by, flip, crop: None, colour: None, hole: None, masks: None };
        rows.outer_iter_mut().for_each(|row| self.change(row, &change));
    }

    /// Changes the images in the rows, of which row `i` is example `examples[i]`.
    ///
    /// # Panics
    /// If the rows are not `examples.len()` contiguous images.
    pub fn apply(&self, seed: u64, epoch: u32, examples: &[usize], mut rows: ArrayViewMut2<'_, f32>) {
        let features = self.sides.features();
        assert_eq!(rows.dim(), (examples.len(), features), "shape of a batch to jitter");
        if self.options.is_off() {
            return;
        }
        let change = |(row, &example): (ArrayViewMut1<'_, f32>, &usize)| {
            let (change, rng) = self.draw_all(seed, epoch, example);
            self.change_with_noise(row, &change, rng);
        };
        if rows.len() < PARALLEL_MIN {
            rows.outer_iter_mut().zip(examples).for_each(change);
        } else {
            rows.axis_iter_mut(Axis(0)).into_par_iter().zip(examples).with_min_len(min_rows(features)).for_each(change);
        }
    }

    fn draw(&self, seed: u64, epoch: u32, example: usize) -> Change {
        self.draw_all(seed, epoch, example).0
    }

    /// All numbers are drawn, also those that are not needed, and always in this order. Noise is what comes after them.
    #[expect(clippy::cast_possible_truncation, reason = "four thousand million examples later, changes repeat")]
    fn draw_all(&self, seed: u64, epoch: u32, example: usize) -> (Change, Philox) {
        let Self { options, sides } = self;
        let mut rng = Philox::new(seed, Stream::Augment, epoch, example as u32);
        let mut draw = |n_places: usize| below(&mut rng, n_places) as isize - (n_places / 2) as isize;
        let [across, down] = options.n_shifts();
        let shift = (draw(across), draw(down));
        let flip = rng.next_u32() & 1 == 1;
        let crop = Crop::draw(&mut rng, options.crop.unwrap_or(1.0), sides.height, sides.width);
        let colour = Colour::draw(&mut rng, options);
        let hole = (below(&mut rng, sides.height), below(&mut rng, sides.width));
        let masks = Masks::draw(&mut rng, options, sides);
        let change = Change {
            shift,
            flip: flip && options.flip,
            crop: options.crop.map(|_| crop),
            colour: options.has_colour().then_some(colour),
            hole: (options.cutout > 0).then_some(hole),
            masks: options.has_masks().then_some(masks),
        };
        (change, rng)
    }

    fn change_with_noise(&self, mut row: ArrayViewMut1<'_, f32>, change: &Change, mut rng: Philox) {
        self.change(row.view_mut(), change);
        if self.options.noise > 0.0 {
            let row = row.as_slice_mut().expect("the rows of a batch are contiguous");
            frames::add_noise(row, &mut rng, self.options.noise);
        }
    }

    fn change(&self, mut row: ArrayViewMut1<'_, f32>, change: &Change) {
        let Self { options, sides } = self;
        let row = row.as_slice_mut().expect("the rows of a batch are contiguous");
        if let Some(colour) = &change.colour {
            colour.apply(row, sides.channels);
        }
        if let Some(crop) = &change.crop {
            crop.resize(row, sides.height, sides.width);
        }
        for plane in row.chunks_exact_mut(sides.height * sides.width) {
            if change.flip {
                plane.chunks_exact_mut(sides.width).for_each(<[f32]>::reverse);
            }
            if change.shift != (0, 0) {
                shift::shift(plane, sides.width, change.shift, options.padding);
            }
            if let Some(middle) = change.hole {
                cut_out(plane, sides.width, middle, options.cutout);
            }
            if let Some(masks) = &change.masks {
                masks.apply(plane, sides.width);
            }
        }
    }
}

impl Sides {
    fn features(&self) -> usize {
        self.channels * self.height * self.width
    }
}

/// Makes a square black. It is as large as asked for where it lies inside, and cut off at the sides of the image.
///
/// DeVries, Taylor, *Improved Regularization of Convolutional Neural Networks with Cutout*, 2017.
fn cut_out(plane: &mut [f32], width: usize, (row, column): (usize, usize), size: usize) {
    let from = |middle: usize| middle.saturating_sub(size / 2);
    let to = |middle: usize| middle + size - size / 2;
    for line in plane.chunks_exact_mut(width).take(to(row)).skip(from(row)) {
        line[from(column)..to(column).min(width)].fill(0.0);
    }
}

/// What an epoch does to the inputs: the same for teacher and student.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Augmentation {
    /// How images are changed.
    pub jitter: Jitter,
    /// Of the training.
    pub seed: u64,
    /// Counted from 0.
    pub epoch: u32,
}

impl Augmentation {
    /// Changes the inputs in the rows, of which row `i` is example `examples[i]`.
    ///
    /// # Panics
    /// As [`Jitter::apply`].
    pub fn apply(&self, examples: &[usize], rows: ArrayViewMut2<'_, f32>) {
        self.jitter.apply(self.seed, self.epoch, examples, rows);
    }

    /// Which of the [`Jitter::n_views`] of an example this is, where they are counted.
    pub fn view_of(&self, example: usize) -> usize {
        self.jitter.view_of(self.seed, self.epoch, example)
    }
}
