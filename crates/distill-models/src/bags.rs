use ndarray::ArrayView2;

use crate::ModelError;

/// What stands in the inputs where there is no bucket.
const PADDING: f32 = -1.0;

/// The bucket numbers of a batch, without padding, and which examples have which of them. Buffers are used again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bags {
    /// Numbers of all examples, one after the other.
    numbers: Vec<u32>,
    /// For each example the end of its numbers.
    ends: Vec<usize>,
    /// Buckets, and below them examples; sorted by [`Self::invert`].
    places: Vec<u64>,
    /// The examples of `places`.
    examples: Vec<u32>,
    /// The buckets that occur, ascending, and for each the end of its examples.
    touched: Vec<u32>,
    touched_ends: Vec<usize>,
}

impl Bags {
    /// Reads a batch of inputs.
    ///
    /// # Errors
    /// [`ModelError::BucketNumber`] for what is neither the number of a bucket nor padding.
    pub(crate) fn read(&mut self, inputs: ArrayView2<'_, f32>, buckets: usize) -> Result<(), ModelError> {
        self.numbers.clear();
        self.ends.clear();
        // Room for rows without padding, so that a later batch takes no memory.
        self.numbers.reserve(inputs.len());
        self.ends.reserve(inputs.nrows());
        for (example, row) in inputs.rows().into_iter().enumerate() {
            for (input, &value) in row.iter().enumerate() {
                if value == PADDING {
                    continue;
                }
                // Casts saturate and turn NaN into zero, so any other number compares unequal.
                let number = value as u32;
                if number as f32 != value || number as usize >= buckets {
                    return Err(ModelError::BucketNumber { example, input, value, buckets });
                }
                self.numbers.push(number);
            }
            self.ends.push(self.numbers.len());
        }
        Ok(())
    }

    /// Reads a batch of sequences: each place is an example of its own, with one number or, where 0 stands, with none.
    ///
    /// # Errors
    /// [`ModelError::Token`] for an input that is not a row number.
    pub(crate) fn read_tokens(&mut self, inputs: ArrayView2<'_, f32>, rows: usize) -> Result<(), ModelError> {
        self.numbers.clear();
        self.ends.clear();
        self.numbers.reserve(inputs.len());
        self.ends.reserve(inputs.len());
        for (example, row) in inputs.rows().into_iter().enumerate() {
            for (input, &value) in row.iter().enumerate() {
                let number = value as u32;
                if number as f32 != value || number as usize >= rows {
                    return Err(ModelError::Token { example, input, value, rows });
                }
                if number > 0 {
                    self.numbers.push(number);
                }
                self.ends.push(self.numbers.len());
            }
        }
        Ok(())
    }

    /// The numbers of an example in the order in which they stand.
    pub(crate) fn of(&self, example: usize) -> &[u32] {
        part(&self.numbers, &self.ends, example)
    }

    /// Of all examples.
    pub(crate) fn n_numbers(&self) -> usize {
        self.numbers.len()
    }

    /// Finds the examples of each bucket.
    pub(crate) fn invert(&mut self) {
        self.places.clear();
        self.places.reserve(self.numbers.capacity());
        let mut start = 0;
        for (example, &end) in (0..).zip(&self.ends) {
            self.places.extend(self.numbers[start..end].iter().map(|&number| u64::from(number) << 32 | example));
            start = end;
        }
        self.places.sort_unstable();
        for buffer in [&mut self.examples, &mut self.touched] {
            buffer.clear();
            buffer.reserve(self.numbers.capacity());
        }
        self.touched_ends.clear();
        self.touched_ends.reserve(self.numbers.capacity());
        for &place in &self.places {
            let (bucket, example) = ((place >> 32) as u32, place as u32);
            if self.touched.last() != Some(&bucket) {
                self.touched.push(bucket);
                self.touched_ends.push(self.examples.len());
            }
            self.examples.push(example);
            if let Some(end) = self.touched_ends.last_mut() {
                *end += 1;
            }
        }
    }

    /// The buckets of the batch, ascending, as [`Self::invert`] found them.
    pub(crate) fn touched(&self) -> &[u32] {
        &self.touched
    }

    /// The examples of the `i`-th of these buckets, ascending, as often as they have it.
    pub(crate) fn examples_of(&self, i: usize) -> &[u32] {
        part(&self.examples, &self.touched_ends, i)
    }
}

fn part<'a>(items: &'a [u32], ends: &[usize], i: usize) -> &'a [u32] {
    let start = if i == 0 { 0 } else { ends[i - 1] };
    &items[start..ends[i]]
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn padding_is_left_out_wherever_it_stands() {
        let mut bags = Bags::default();
        bags.read(array![[4., -1., 0., 4.], [-1., -1., -1., -1.], [-1., 2., 0., -1.]].view(), 5).unwrap();
        bags.invert();
        assert_eq!([bags.of(0), bags.of(1), bags.of(2)], [&[4, 0, 4][..], &[], &[2, 0]]);
        assert_eq!((bags.touched(), bags.n_numbers()), (&[0, 2, 4][..], 5));
        assert_eq!([0, 1, 2].map(|i| bags.examples_of(i)), [&[0, 2][..], &[2], &[0, 0]]);
        // Nothing is left of a larger batch.
        bags.read(array![[-1.0, 3.0]].view(), 5).unwrap();
        bags.invert();
        assert_eq!((bags.of(0), bags.touched(), bags.examples_of(0)), (&[3][..], &[3][..], &[0][..]));
        bags.read(Array2::zeros((0, 2)).view(), 5).unwrap();
        bags.invert();
        assert!(bags.touched().is_empty());
    }

    #[test]
    fn what_is_no_bucket_is_refused() {
        let mut bags = Bags::default();
        for value in [5.0, 0.5, -2.0, -0.5, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30, 4_294_967_296.0] {
            let error = bags.read(array![[0.0, 1.0], [-1.0, value]].view(), 5).unwrap_err().to_string();
            let expected = "expected the index of one of 5 buckets, or -1 for none";
            assert_eq!(error, format!("input 1 of example 1 of the batch is {value}, {expected}"));
        }
        bags.read(array![[-0.0, 16_777_215.0]].view(), 1 << 24).unwrap();
        assert_eq!(bags.of(0), [0, 16_777_215]);
    }
}
