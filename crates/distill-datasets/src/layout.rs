//! Where the colours of an image are in an array.

use std::sync::Arc;

use ndarray::{ArrayViewMut2, Axis};

use crate::{Columns, DataError, DataSpec, Dataset, Windows};

/// Where the colours of images are in arrays of four sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArrayLayout {
    /// `(examples, channels, height, width)`, as inputs are.
    ChannelsFirst,
    /// `(examples, height, width, channels)`, as Keras and most files of images have it.
    ChannelsLast,
}

impl ArrayLayout {
    /// How inputs of these sides lie, the examples left out. `given` is what someone says, and `expected` the shape of inputs that
    /// they are to be as, if there are such: then it decides where it can. What looks like colours at the end is not guessed.
    ///
    /// # Errors
    /// What cannot be told, for people.
    pub fn of(sides: &[usize], given: Option<Self>, expected: Option<&[usize]>) -> Result<Self, String> {
        let &[first, second, last] = sides else {
            // A channel that is not written stands anywhere.
            return Ok(Self::ChannelsFirst);
        };
        if let Some(expected) = expected {
            let fits = |layout: &Self| layout.shape(sides) == expected;
            let layouts = [given, Some(Self::ChannelsFirst), Some(Self::ChannelsLast)];
            // Where none fits, whoever asks says what does not.
            return Ok(layouts.into_iter().flatten().find(fits).unwrap_or(Self::ChannelsFirst));
        }
        let are_colours = |side: usize| matches!(side, 1 | 3 | 4);
        match given {
            Some(layout) => Ok(layout),
            None if are_colours(last) && !are_colours(first) => Err(format!(
                "has inputs of {sides:?}, which may be {first} by {second} pixels with {last} numbers each, or {first} channels of \
                 {second} by {last}: set `data.images.layout` to \"nhwc\" or to \"nchw\""
            )),
            None => Ok(Self::ChannelsFirst),
        }
    }

    /// The shape of inputs of these sides, colours first where there are three.
    pub fn shape(self, sides: &[usize]) -> Vec<usize> {
        match (self, sides) {
            (Self::ChannelsLast, &[height, width, channels]) => vec![channels, height, width],
            _ => sides.to_vec(),
        }
    }

    /// Puts the numbers of inputs, one after the other, into the order of their [`shape`](Self::shape). `channels` and what is
    /// before it multiply to the numbers of an input.
    pub fn reorder<T: Copy>(self, values: &mut [T], sides: &[usize]) {
        let (Self::ChannelsLast, &[height, width, channels]) = (self, sides) else { return };
        let n_pixels = height * width;
        if channels < 2 || n_pixels == 0 {
            return;
        }
        let mut copy = Vec::with_capacity(n_pixels * channels);
        for row in values.chunks_exact_mut(n_pixels * channels) {
            copy.clear();
            copy.extend_from_slice(row);
            for (channel, out) in row.chunks_exact_mut(n_pixels).enumerate() {
                let own = copy.iter().skip(channel).step_by(channels);
                out.iter_mut().zip(own).for_each(|(out, &value)| *out = value);
            }
        }
    }
}

/// Inputs that are read with the channels last, for those who want them first.
pub(crate) struct ChannelsFirst {
    base: Arc<dyn Dataset>,
    /// Those of the base.
    sides: Vec<usize>,
}

impl ChannelsFirst {
    /// The base has the shape of what is read from this, but not its order.
    pub(crate) fn new(base: Arc<dyn Dataset>, sides: Vec<usize>) -> Self {
        Self { base, sides }
    }
}

impl std::fmt::Debug for ChannelsFirst {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChannelsFirst").field("len", &self.base.len()).field("sides", &self.sides).finish()
    }
}

impl Dataset for ChannelsFirst {
    fn spec(&self) -> &DataSpec {
        self.base.spec()
    }

    fn len(&self) -> usize {
        self.base.len()
    }

    fn read(&self, indices: &[usize], mut out: ArrayViewMut2<'_, f32>) -> Result<(), DataError> {
        self.base.read(indices, out.view_mut())?;
        for mut row in out.axis_iter_mut(Axis(0)) {
            if let Some(values) = row.as_slice_mut() {
                ArrayLayout::ChannelsLast.reorder(values, &self.sides);
            } else {
                let mut values = row.to_vec();
                ArrayLayout::ChannelsLast.reorder(&mut values, &self.sides);
                row.iter_mut().zip(values).for_each(|(out, value)| *out = value);
            }
        }
        Ok(())
    }

    fn label(&self, index: usize) -> Option<u32> {
        self.base.label(index)
    }

    fn columns(&self) -> Option<&Columns> {
        self.base.columns()
    }

    fn windows(&self) -> Option<Windows> {
        self.base.windows()
    }

    fn read_ahead(&self, order: &mut dyn Iterator<Item = usize>, n_done: usize) {
        self.base.read_ahead(order, n_done);
    }

    fn in_memory(&self, indices: &[usize]) -> Result<Option<Arc<dyn Dataset>>, DataError> {
        let copy = self.base.in_memory(indices)?;
        Ok(copy.map(|copy| Arc::new(Self { base: copy, sides: self.sides.clone() }) as _))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_at_the_end_are_not_guessed() {
        let of = |sides: &[usize]| ArrayLayout::of(sides, None, None);
        for sides in [[32, 32, 3], [28, 28, 1], [2, 5, 4]] {
            let problem = of(&sides).unwrap_err();
            assert!(problem.contains("`data.images.layout`") && problem.contains(&format!("{sides:?}")), "{problem}");
            for layout in [ArrayLayout::ChannelsFirst, ArrayLayout::ChannelsLast] {
                assert_eq!(ArrayLayout::of(&sides, Some(layout), None), Ok(layout));
            }
        }
        for sides in [&[3, 32, 32][..], &[3, 8, 4], &[20, 30], &[7, 7, 7], &[2, 3, 4, 3]] {
            assert_eq!(of(sides), Ok(ArrayLayout::ChannelsFirst), "{sides:?}");
        }
        // A model says what it takes.
        let fit = |expected: &[usize]| ArrayLayout::of(&[32, 32, 3], None, Some(expected)).unwrap();
        assert_eq!((fit(&[3, 32, 32]), fit(&[32, 32, 3])), (ArrayLayout::ChannelsLast, ArrayLayout::ChannelsFirst));
        let both = |given| ArrayLayout::of(&[3, 3, 3], given, Some(&[3, 3, 3])).unwrap();
        assert_eq!(both(Some(ArrayLayout::ChannelsLast)), ArrayLayout::ChannelsLast);
        assert_eq!(both(None), ArrayLayout::ChannelsFirst);
    }

    #[test]
    fn colours_are_put_first() {
        // Two images of one row of two pixels with three numbers each.
        let mut values = [1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16];
        ArrayLayout::ChannelsLast.reorder(&mut values, &[1, 2, 3]);
        assert_eq!(values, [1, 4, 2, 5, 3, 6, 11, 14, 12, 15, 13, 16]);
        assert_eq!(ArrayLayout::ChannelsLast.shape(&[1, 2, 3]), [3, 1, 2]);
        ArrayLayout::ChannelsFirst.reorder(&mut values, &[1, 2, 3]);
        assert_eq!(values[1], 4);
    }
}
