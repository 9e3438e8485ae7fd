use distill_tensor::{PARALLEL_MIN, Philox, Stream};
use ndarray::{ArrayViewMut1, ArrayViewMut2, Axis};
use rayon::prelude::*;

use crate::DataError;
use crate::form::min_rows;
use crate::random::below;

/// Shifts every image by a random number of pixels.
///
/// `dx` and `dy` are uniform in `-max_shift..=max_shift` and independent; pixels that
/// move in from outside are 0. The shift is a function of seed, epoch and example alone,
/// so neither the number of threads nor the other examples of a batch change it.
///
/// # Examples
/// ```
/// use distill_datasets::Jitter;
/// use ndarray::Array2;
/// let jitter = Jitter::new(1, &[1, 3, 3])?;
/// let mut dot = Array2::zeros((1, 9));
/// dot[[0, 4]] = 1.0;
/// jitter.apply(1, 0, &[42], dot.view_mut());
/// // A dot in the middle stays in sight.
/// assert_eq!(dot.sum(), 1.0);
/// # Ok::<(), distill_datasets::DataError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jitter {
    max_shift: usize,
    channels: usize,
    height: usize,
    width: usize,
}

impl Jitter {
    /// Jitter for inputs of shape `[channels, height, width]`.
    ///
    /// # Errors
    /// [`DataError::BadShift`] for inputs that are not images or have a side that is not
    /// larger than the shift.
    pub fn new(max_shift: usize, input_shape: &[usize]) -> Result<Self, DataError> {
        match *input_shape {
            [channels, height, width]
                if max_shift < height.min(width)
                    && channels.checked_mul(height).and_then(|rows| rows.checked_mul(width)).is_some_and(|n| n > 0) =>
            {
                Ok(Self { max_shift, channels, height, width })
            }
            _ => Err(DataError::BadShift { max_shift, input_shape: input_shape.to_vec() }),
        }
    }

    /// How many views of an image there are, one for each shift.
    pub fn n_views(&self) -> usize {
        let n_shifts = 2 * self.max_shift + 1;
        n_shifts * n_shifts
    }

    /// Which view of an example an epoch shows, from 0 to [`n_views`](Self::n_views).
    pub fn view_of(&self, seed: u64, epoch: u32, example: usize) -> usize {
        let place = |shift: isize| shift.wrapping_add_unsigned(self.max_shift).unsigned_abs();
        let (dx, dy) = self.draw(seed, epoch, example);
        place(dy) * (2 * self.max_shift + 1) + place(dx)
    }

    /// Turns all images in the rows into one of their views.
    ///
    /// # Panics
    /// If there is no such view, or the rows are not contiguous images.
    pub fn apply_view(&self, view: usize, mut rows: ArrayViewMut2<'_, f32>) {
        assert!(view < self.n_views(), "view {view} of {}", self.n_views());
        let n_shifts = 2 * self.max_shift + 1;
        let shift = |place: usize| place.cast_signed() - self.max_shift.cast_signed();
        let by = (shift(view % n_shifts), shift(view / n_shifts));
        rows.outer_iter_mut().for_each(|row| self.shift_row(row, by));
    }

    /// Shifts the images in the rows, of which row `i` is example `examples[i]`.
    ///
    /// # Panics
    /// If the rows are not `examples.len()` contiguous images.
    pub fn apply(&self, seed: u64, epoch: u32, examples: &[usize], mut rows: ArrayViewMut2<'_, f32>) {
        let features = self.channels * self.height * self.width;
        assert_eq!(rows.dim(), (examples.len(), features), "shape of a batch to jitter");
        if self.max_shift == 0 {
            return;
        }
        let shift =
            |(row, &example): (ArrayViewMut1<'_, f32>, &usize)| self.shift_row(row, self.draw(seed, epoch, example));
        if rows.len() < PARALLEL_MIN {
            rows.outer_iter_mut().zip(examples).for_each(shift);
        } else {
            rows.axis_iter_mut(Axis(0)).into_par_iter().zip(examples).with_min_len(min_rows(features)).for_each(shift);
        }
    }

    /// Where an image moves: to the right and down.
    #[expect(clippy::cast_possible_truncation, reason = "four thousand million examples later, shifts repeat")]
    fn draw(&self, seed: u64, epoch: u32, example: usize) -> (isize, isize) {
        let mut rng = Philox::new(seed, Stream::Augment, epoch, example as u32);
        let mut draw = || below(&mut rng, 2 * self.max_shift + 1) as isize - self.max_shift as isize;
        (draw(), draw())
    }

    fn shift_row(&self, mut row: ArrayViewMut1<'_, f32>, (dx, dy): (isize, isize)) {
        let row = row.as_slice_mut().expect("the rows of a batch are contiguous");
        row.chunks_exact_mut(self.height * self.width).for_each(|plane| self.shift(plane, dx, dy));
    }

    /// Moves the rows of one plane in place, first those that no other row still needs.
    fn shift(&self, plane: &mut [f32], dx: isize, dy: isize) {
        let width = self.width;
        let (right, left) = (dx.max(0).unsigned_abs(), dx.min(0).unsigned_abs());
        let n = width - dx.unsigned_abs();
        let mut shift_row = |y: usize| {
            let row = y * width;
            match y.checked_add_signed(-dy).filter(|&source| source < self.height) {
                Some(source) => {
                    let source = source * width + left;
                    plane.copy_within(source..source + n, row + right);
                    plane[row..row + right].fill(0.0);
                    plane[row + width - left..row + width].fill(0.0);
                }
                None => plane[row..row + width].fill(0.0),
            }
        };
        if dy > 0 {
            (0..self.height).rev().for_each(&mut shift_row);
        } else {
            (0..self.height).for_each(&mut shift_row);
        }
    }
}

/// What an epoch does to the inputs: the same for teacher and student.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Augmentation {
    /// How images are shifted.
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

    /// Which of the [`Jitter::n_views`] of an example this is.
    pub fn view_of(&self, example: usize) -> usize {
        self.jitter.view_of(self.seed, self.epoch, example)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, ArrayView3, s};
    use proptest::prelude::*;

    use super::*;

    /// Writes the definition down: `out[y][x] = in[y - dy][x - dx]`, 0 outside.
    fn reference(image: ArrayView3<'_, f32>, dx: isize, dy: isize) -> Vec<f32> {
        let (_, height, width) = image.dim();
        let at = |c, y: isize, x: isize| {
            let inside = (0..height as isize).contains(&y) && (0..width as isize).contains(&x);
            if inside { image[[c, y as usize, x as usize]] } else { 0.0 }
        };
        image.indexed_iter().map(|((c, y, x), _)| at(c, y as isize - dy, x as isize - dx)).collect()
    }

    fn batch(n: usize, features: usize) -> Array2<f32> {
        Array2::from_shape_fn((n, features), |(i, j)| (i * features + j + 1) as f32)
    }

    #[test]
    fn every_shift_equals_the_reference() {
        let (c, h, w) = (2, 4, 5);
        let jitter = Jitter::new(3, &[c, h, w]).unwrap();
        for dx in -3..=3 {
            for dy in -3..=3 {
                let image = batch(1, c * h * w).into_shape_with_order((c, h, w)).unwrap();
                let mut shifted = image.clone();
                shifted.as_slice_mut().unwrap().chunks_exact_mut(h * w).for_each(|plane| jitter.shift(plane, dx, dy));
                assert_eq!(shifted.iter().copied().collect::<Vec<_>>(), reference(image.view(), dx, dy), "{dx} {dy}");
            }
        }
    }

    #[test]
    fn batch_composition_and_threads_do_not_matter() {
        let jitter = Jitter::new(3, &[1, 28, 28]).unwrap();
        let examples: Vec<_> = (0..200).map(|i| i * 7 % 200).collect();
        let mut whole = batch(200, 784);
        jitter.apply(5, 2, &examples, whole.view_mut());
        for n_threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            let mut again = batch(200, 784);
            pool.install(|| jitter.apply(5, 2, &examples, again.view_mut()));
            assert_eq!(again, whole);
        }
        let original = batch(200, 784);
        for i in [0, 77, 199] {
            let mut alone = original.slice(s![i..=i, ..]).to_owned();
            jitter.apply(5, 2, &examples[i..=i], alone.view_mut());
            assert_eq!(alone.row(0), whole.row(i));
        }
    }

    #[test]
    fn shifts_are_uniform_and_depend_on_epoch_and_seed() {
        let jitter = Jitter::new(1, &[1, 4, 4]).unwrap();
        let mut counts = std::collections::HashMap::new();
        for example in 0..9000 {
            *counts.entry(jitter.draw(1, 0, example)).or_insert(0_u32) += 1;
        }
        assert_eq!(counts.len(), 9);
        assert!(counts.values().all(|n| n.abs_diff(1000) < 150), "{counts:?}");
        let shifts = |seed, epoch| (0..20).map(|i| jitter.draw(seed, epoch, i)).collect::<Vec<_>>();
        assert_eq!(shifts(1, 0), shifts(1, 0));
        assert_ne!(shifts(1, 0), shifts(1, 1));
        assert_ne!(shifts(1, 0), shifts(2, 0));
    }

    #[test]
    fn every_view_is_what_an_epoch_shows() {
        let jitter = Jitter::new(2, &[2, 5, 4]).unwrap();
        assert_eq!(jitter.n_views(), 25);
        let mut seen = [false; 25];
        for example in 0..400 {
            let augmentation = Augmentation { jitter, seed: 3, epoch: 7 };
            let view = augmentation.view_of(example);
            seen[view] = true;
            let (mut shown, mut made) = (batch(1, 40), batch(1, 40));
            augmentation.apply(&[example], shown.view_mut());
            jitter.apply_view(view, made.view_mut());
            assert_eq!(shown, made, "{view}");
        }
        assert_eq!(seen, [true; 25]);
    }

    #[test]
    fn says_what_is_wrong_with_a_shift() {
        let message = |max_shift, shape: &[usize]| Jitter::new(max_shift, shape).unwrap_err().to_string();
        assert_eq!(
            message(28, &[1, 28, 30]),
            "a shift of 28 pixels needs [channels, height, width] with larger sides, got [1, 28, 30]"
        );
        for shape in [&[784][..], &[0, 28, 28], &[1, 3, 28], &[1, 28, 3], &[2, usize::MAX, usize::MAX]] {
            message(3, shape);
        }
        let mut untouched = batch(2, 4);
        Jitter::new(0, &[1, 2, 2]).unwrap().apply(1, 0, &[0, 1], untouched.view_mut());
        assert_eq!(untouched, batch(2, 4));
    }

    proptest! {
        #[test]
        fn equals_the_reference(
            (c, h, w, max_shift) in (1_usize..3, 1_usize..7, 1_usize..7)
                .prop_flat_map(|(c, h, w)| (Just(c), Just(h), Just(w), 0..h.min(w))),
            seed: u64,
            epoch: u32,
            examples in prop::collection::vec(any::<usize>(), 0..6),
        ) {
            let jitter = Jitter::new(max_shift, &[c, h, w]).unwrap();
            let original = batch(examples.len(), c * h * w);
            let mut shifted = original.clone();
            jitter.apply(seed, epoch, &examples, shifted.view_mut());
            for ((before, after), &example) in original.rows().into_iter().zip(shifted.rows()).zip(&examples) {
                let (dx, dy) = jitter.draw(seed, epoch, example);
                prop_assert!(dx.unsigned_abs() <= max_shift && dy.unsigned_abs() <= max_shift);
                let image = before.into_shape_with_order((c, h, w)).unwrap();
                prop_assert_eq!(after.to_vec(), reference(image, dx, dy));
            }
        }
    }
}
