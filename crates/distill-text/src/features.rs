use crate::TextError;

/// What stands in a row behind its last n-gram.
pub const PADDING: f32 = -1.0;

/// The most buckets: f32 holds whole numbers up to here without a gap.
pub const MAX_BUCKETS: u32 = 1 << 24;

/// The longest n-grams. Those of eight bytes are hardly ever seen twice.
pub const MAX_LEN: usize = 8;

/// All n-grams of the bytes of a text, from one byte to some, each as the number of a bucket.
///
/// The bucket of an n-gram is its FNV-1a hash of 32 bits, its upper half folded onto the lower by XOR, modulo the number
/// of buckets. N-grams that occur twice are there twice, and those of a place follow each other, the shortest first.
/// They begin and end anywhere, also inside a character.
///
/// Source: Fowler, Noll, Vo, Eastlake, *The FNV non-cryptographic hash algorithm*, RFC 9923.
///
/// # Examples
/// ```
/// use distill_text::NGrams;
/// let n_grams = NGrams::new(2, 16_384)?;
/// let mut row = [0.0; 4];
/// n_grams.write("aa", &mut row);
/// // `a`, `aa`, `a`, and nothing more.
/// assert_eq!(row[0], row[2]);
/// assert_eq!(row[3], distill_text::PADDING);
/// # Ok::<(), distill_text::TextError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NGrams {
    max_len: usize,
    buckets: u32,
}

impl Default for NGrams {
    /// One to four bytes in 16,384 buckets.
    fn default() -> Self {
        Self { max_len: 4, buckets: 1 << 14 }
    }
}

impl NGrams {
    /// N-grams of one to `max_len` bytes in so many buckets.
    ///
    /// # Errors
    /// [`TextError::NGramLength`] and [`TextError::Buckets`].
    pub fn new(max_len: usize, buckets: u32) -> Result<Self, TextError> {
        if !(1..=MAX_LEN).contains(&max_len) {
            return Err(TextError::NGramLength { len: max_len, max: MAX_LEN });
        }
        if !(1..=MAX_BUCKETS).contains(&buckets) {
            return Err(TextError::Buckets { buckets, max: MAX_BUCKETS });
        }
        Ok(Self { max_len, buckets })
    }

    /// The number of buckets.
    pub fn buckets(&self) -> u32 {
        self.buckets
    }

    /// The n-grams of a text of so many bytes.
    pub fn count(&self, n_bytes: usize) -> usize {
        (0..self.max_len).map(|shorter| n_bytes.saturating_sub(shorter)).fold(0, usize::saturating_add)
    }

    /// Writes the buckets of a text as f32, and [`PADDING`] behind them. Those for which there is no place are cut off.
    pub fn write(&self, text: &str, row: &mut [f32]) {
        self.write_bytes(text.as_bytes(), row);
    }

    pub(crate) fn write_bytes(&self, bytes: &[u8], row: &mut [f32]) {
        let mut places = row.iter_mut();
        self.for_each(bytes, |bucket| {
            #[expect(clippy::cast_precision_loss, reason = "buckets are below 2^24")]
            places.next().map(|place| *place = bucket as f32).is_some()
        });
        places.for_each(|place| *place = PADDING);
    }

    /// Calls `f(bucket)` for each n-gram until it says that it has enough.
    fn for_each(&self, bytes: &[u8], mut f: impl FnMut(u32) -> bool) {
        for start in 0..bytes.len() {
            let mut hash = 0x811c_9dc5_u32;
            for &byte in bytes[start..].iter().take(self.max_len) {
                hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
                if !f((hash >> 16 ^ hash) % self.buckets) {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(n_grams: NGrams, text: &str, len: usize) -> Vec<f32> {
        let mut row = vec![f32::NAN; len];
        n_grams.write(text, &mut row);
        row
    }

    /// FNV-1a of the RFC's test vectors: `a` is e40c292c, `foobar` is bf9cf968.
    #[test]
    fn buckets_are_those_of_the_published_hash() {
        let bucket = |hash: u32| ((hash >> 16 ^ hash) % (1 << 24)) as f32;
        let n_grams = NGrams::new(6, 1 << 24).unwrap();
        assert_eq!(row(n_grams, "a", 2), [bucket(0xe40c_292c), PADDING]);
        assert_eq!(row(n_grams, "foobar", 6)[5], bucket(0xbf9c_f968));
    }

    #[test]
    fn all_n_grams_are_there_in_order() {
        let n_grams = NGrams::default();
        let text = "abcé";
        let of = |part: &[u8]| {
            let hash = part.iter().fold(0x811c_9dc5_u32, |h, &b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
            ((hash >> 16 ^ hash) % 16_384) as f32
        };
        let bytes = text.as_bytes();
        let expected: Vec<f32> = (0..5)
            .flat_map(|start| (1..=4).filter_map(move |len| bytes.get(start..start + len)))
            .map(of)
            .chain([PADDING; 2])
            .collect();
        assert_eq!(n_grams.count(5), 14);
        assert_eq!(row(n_grams, text, 16), expected);
        assert_eq!(row(n_grams, text, 3), expected[..3]);
        assert_eq!(row(n_grams, "", 2), [PADDING; 2]);
    }

    #[test]
    fn counts_do_not_overflow() {
        let n_grams = NGrams::default();
        assert_eq!([0, 1, 2, 3, 4, 96].map(|n| n_grams.count(n)), [0, 1, 3, 6, 10, 378]);
        assert_eq!(n_grams.count(usize::MAX), usize::MAX);
    }

    #[test]
    fn refuses_what_cannot_be() {
        assert!(matches!(NGrams::new(0, 8), Err(TextError::NGramLength { len: 0, .. })));
        assert!(matches!(NGrams::new(9, 8), Err(TextError::NGramLength { len: 9, .. })));
        assert!(matches!(NGrams::new(4, 0), Err(TextError::Buckets { buckets: 0, .. })));
        assert!(matches!(NGrams::new(4, MAX_BUCKETS + 1), Err(TextError::Buckets { .. })));
        assert_eq!(row(NGrams::new(8, 1).unwrap(), "ab", 4), [0.0, 0.0, 0.0, PADDING]);
    }
}
