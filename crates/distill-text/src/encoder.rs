use ndarray::ArrayViewMut1;

use crate::{NGrams, TextError};

/// The most bytes of a text that are looked at.
pub const MAX_BYTES: usize = 1 << 20;

/// What a text is to a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Features {
    /// The numbers of the buckets of its n-grams, and [`PADDING`](crate::PADDING) behind them.
    NGrams(NGrams),
    /// Its bytes in their order: `b + 1` for byte `b`, and 0 behind them.
    Bytes,
}

impl Features {
    /// The numbers of tokens of bytes: 0 for padding, and one for each byte.
    pub const TOKENS: usize = 257;
}

impl From<NGrams> for Features {
    fn from(n_grams: NGrams) -> Self {
        Self::NGrams(n_grams)
    }
}

/// How the first bytes of a text become the numbers of a row.
///
/// # Examples
/// ```
/// use distill_text::{Features, TextEncoder};
/// let encoder = TextEncoder::new(Features::Bytes, 4)?;
/// let mut row = [9.0; 4];
/// encoder.write("AB", &mut row);
/// assert_eq!(row, [66.0, 67.0, 0.0, 0.0]);
/// encoder.write("ABCDE", &mut row);
/// assert_eq!(row, [66.0, 67.0, 68.0, 69.0]);
/// # Ok::<(), distill_text::TextError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextEncoder {
    features: Features,
    length: usize,
}

impl TextEncoder {
    /// One that looks at the first `length` bytes of a text.
    ///
    /// # Errors
    /// [`TextError::Length`].
    pub fn new(features: impl Into<Features>, length: usize) -> Result<Self, TextError> {
        if !(1..=MAX_BYTES).contains(&length) {
            return Err(TextError::Length { length, max: MAX_BYTES });
        }
        Ok(Self { features: features.into(), length })
    }

    /// What a text is.
    pub fn features(&self) -> Features {
        self.features
    }

    /// How many bytes of a text are looked at.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Numbers of a row.
    pub fn width(&self) -> usize {
        match self.features {
            Features::NGrams(n_grams) => n_grams.count(self.length),
            Features::Bytes => self.length,
        }
    }

    /// Writes a text. What is behind its first bytes is cut off, also inside of a character.
    pub fn write(&self, text: &str, row: &mut [f32]) {
        let bytes = &text.as_bytes()[..text.len().min(self.length)];
        match self.features {
            Features::NGrams(n_grams) => n_grams.write_bytes(bytes, row),
            Features::Bytes => {
                let numbers = bytes.iter().map(|&byte| f32::from(byte) + 1.0).chain(std::iter::repeat(0.0));
                row.iter_mut().zip(numbers).for_each(|(place, number)| *place = number);
            }
        }
    }

    /// The same in a row that may not lie in one piece.
    pub(crate) fn write_row(&self, text: &str, mut row: ArrayViewMut1<'_, f32>) {
        match row.as_slice_mut() {
            Some(row) => self.write(text, row),
            None => {
                let mut numbers = vec![0.0; row.len()];
                self.write(text, &mut numbers);
                row.iter_mut().zip(numbers).for_each(|(place, number)| *place = number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PADDING;

    #[test]
    fn every_byte_has_a_number_of_its_own_and_0_is_none_of_them() {
        let encoder = TextEncoder::new(Features::Bytes, 5).unwrap();
        let mut row = [f32::NAN; 5];
        encoder.write("\0é\u{7f}", &mut row);
        assert_eq!(row, [1.0, 196.0, 170.0, 128.0, 0.0]);
        encoder.write("", &mut row);
        assert_eq!(row, [0.0; 5]);
        assert_eq!(encoder.width(), 5);
    }

    #[test]
    fn n_grams_are_those_of_the_first_bytes() {
        let n_grams = NGrams::new(2, 100).unwrap();
        let encoder = TextEncoder::new(n_grams, 3).unwrap();
        let (mut row, mut expected) = ([f32::NAN; 5], [f32::NAN; 5]);
        encoder.write("abcd", &mut row);
        n_grams.write("abc", &mut expected);
        assert_eq!((row, encoder.width()), (expected, 5));
        encoder.write("a", &mut row);
        assert_eq!(row[1..], [PADDING; 4]);
    }

    #[test]
    fn refuses_what_cannot_be() {
        for length in [0, MAX_BYTES + 1] {
            assert!(matches!(TextEncoder::new(Features::Bytes, length), Err(TextError::Length { .. })));
        }
    }
}
