use ndarray_rand::rand::RngCore;
use pulp::{Arch, Simd, WithSimd};

/// What a random number is drawn for. Two purposes never share a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Initial weights of the n-th parameter slice.
    Init(u16),
    /// Order of the examples in an epoch.
    Shuffle,
    /// Which examples belong to the validation split, or to a fraction of the data.
    Split,
    /// Changes to an input, such as jitter.
    Augment,
    /// Which units the n-th dropout drops.
    Dropout(u16),
    /// Which examples a resample of a test set draws.
    Bootstrap,
    /// Which settings are tried.
    Sweep,
    /// Which piece of a text an example is.
    Snippet,
    /// Inputs on which two models are compared.
    Probe,
    /// Where clusters of classes begin, and in which order they see the classes.
    Cluster,
    /// Which examples of other classes a specialist sees.
    Specialist,
    /// Which other example an input of a fixed set of mixtures is mixed with, and how much of it.
    Mixture,
    /// How much the examples of a batch are mixed.
    BatchMixture,
    /// Which columns of a row change, and how, where rows are made from others.
    Munge,
}

impl Stream {
    fn id(self) -> u32 {
        match self {
            Self::Shuffle => 1,
            Self::Split => 2,
            Self::Augment => 3,
            Self::Bootstrap => 4,
            Self::Sweep => 5,
            Self::Snippet => 6,
            Self::Probe => 7,
            Self::Cluster => 8,
            Self::Specialist => 9,
            Self::Mixture => 10,
            Self::BatchMixture => 11,
            Self::Munge => 12,
            Self::Init(n) => 0x1_0000 | u32::from(n),
            Self::Dropout(n) => 0x2_0000 | u32::from(n),
        }
    }
}

/// A counter-based random number generator: Philox-4x32 with ten rounds.
///
/// The n-th number is a pure function of (seed, stream, time, index, n), so it does not
/// matter which thread draws it or what was drawn before: a run that is cut into other
/// pieces, or resumed in the middle, sees the same numbers. `time` is an epoch or a
/// step, `index` an example or a row.
///
/// Salmon, Moraes, Dror, Shaw, *Parallel random numbers: as easy as 1, 2, 3*, SC 2011.
///
/// # Examples
/// ```
/// use distill_tensor::{Philox, Stream};
/// use ndarray_rand::rand::Rng;
/// let mut a = Philox::new(1, Stream::Augment, 0, 7);
/// let mut b = Philox::new(1, Stream::Augment, 0, 7);
/// assert_eq!(a.random_range(0..1000), b.random_range(0..1000));
/// ```
#[derive(Debug, Clone)]
pub struct Philox {
    key: [u32; 2],
    counter: [u32; 4],
    block: [u32; 4],
    used: usize,
}

impl Philox {
    /// The generator for one purpose at one time and place.
    pub fn new(seed: u64, stream: Stream, time: u32, index: u32) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the two halves of the seed")]
        let key = [seed as u32, (seed >> 32) as u32];
        Self { key, counter: [0, index, time, stream.id()], block: [0; 4], used: 4 }
    }

    /// The next 128 random bits. They advance the generator like four `next_u32` that
    /// start at a block boundary.
    #[inline]
    pub fn next_block(&mut self) -> [u32; 4] {
        let block = philox_4x32_10(self.counter, self.key);
        self.counter[0] = self.counter[0].wrapping_add(1);
        self.used = 4;
        block
    }

    /// Fills `out` with random numbers, two from each of the words that [`Self::next_block`] gives, the lower half
    /// first. It starts with a new block, and drops what is left of the last one.
    pub fn fill_u16(&mut self, out: &mut [u16]) {
        self.used = 4;
        Arch::new().dispatch(FillU16 { rng: self, out });
    }
}

/// Several blocks at a time, each in a lane of its own, so that they become vector instructions.
struct FillU16<'a> {
    rng: &'a mut Philox,
    out: &'a mut [u16],
}

const LANES: usize = 8;

impl WithSimd for FillU16<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { rng, out } = self;
        for out in out.chunks_mut(8 * LANES) {
            let [first, rest @ ..] = rng.counter;
            let mut counters = [[0; LANES]; 4];
            counters[0] = std::array::from_fn(|lane| first.wrapping_add(lane as u32));
            for (lanes, word) in counters[1..].iter_mut().zip(rest) {
                *lanes = [word; LANES];
            }
            let words = philox_lanes(counters, rng.key);
            for (lane, out) in out.chunks_mut(8).enumerate() {
                let halves = words.map(|word| [word[lane] as u16, (word[lane] >> 16) as u16]);
                out.copy_from_slice(&halves.as_flattened()[..out.len()]);
            }
            rng.counter[0] = first.wrapping_add(out.len().div_ceil(8) as u32);
        }
    }
}

impl RngCore for Philox {
    fn next_u32(&mut self) -> u32 {
        if self.used == 4 {
            self.block = self.next_block();
            self.used = 0;
        }
        let word = self.block[self.used];
        self.used += 1;
        word
    }

    fn next_u64(&mut self) -> u64 {
        u64::from(self.next_u32()) | u64::from(self.next_u32()) << 32
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(4) {
            chunk.copy_from_slice(&self.next_u32().to_le_bytes()[..chunk.len()]);
        }
    }
}

const MULTIPLIER: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

/// [`philox_4x32_10`] of several counters with one key.
#[inline(always)]
fn philox_lanes(mut counters: [[u32; LANES]; 4], mut key: [u32; 2]) -> [[u32; LANES]; 4] {
    for _ in 0..10 {
        let mut next = [[0; LANES]; 4];
        for lane in 0..LANES {
            let [low_0, high_0] = split(u64::from(MULTIPLIER[0]) * u64::from(counters[0][lane]));
            let [low_1, high_1] = split(u64::from(MULTIPLIER[1]) * u64::from(counters[2][lane]));
            next[0][lane] = high_1 ^ counters[1][lane] ^ key[0];
            next[1][lane] = low_1;
            next[2][lane] = high_0 ^ counters[3][lane] ^ key[1];
            next[3][lane] = low_0;
        }
        counters = next;
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    counters
}

#[inline]
fn philox_4x32_10(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let [low_0, high_0] = split(u64::from(MULTIPLIER[0]) * u64::from(counter[0]));
        let [low_1, high_1] = split(u64::from(MULTIPLIER[1]) * u64::from(counter[2]));
        counter = [high_1 ^ counter[1] ^ key[0], low_1, high_0 ^ counter[3] ^ key[1], low_0];
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    counter
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the two halves of a product")]
fn split(product: u64) -> [u32; 2] {
    [product as u32, (product >> 32) as u32]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_published_vectors() {
        // kat_vectors of Random123, philox4x32 10.
        assert_eq!(philox_4x32_10([0; 4], [0; 2]), [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]);
        assert_eq!(philox_4x32_10([u32::MAX; 4], [u32::MAX; 2]), [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD]);
        assert_eq!(
            philox_4x32_10([0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344], [0xA409_3822, 0x299F_31D0]),
            [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1]
        );
    }

    #[test]
    fn many_numbers_are_those_of_the_blocks() {
        for n in [0, 1, 7, 8, 63, 64, 65, 1200] {
            let mut blocks = Philox::new(3, Stream::Dropout(1), 4, 5);
            let mut rng = blocks.clone();
            // As after other numbers, of which one is left.
            assert_eq!([rng.next_u32(), rng.next_u32(), rng.next_u32()], blocks.next_block()[..3]);
            let mut numbers = vec![0; n];
            rng.fill_u16(&mut numbers);
            let words: Vec<u32> = (0..n.div_ceil(8)).flat_map(|_| blocks.next_block()).collect();
            let expected: Vec<u16> =
                words.iter().flat_map(|word| [*word as u16, (word >> 16) as u16]).take(n).collect();
            assert_eq!(numbers, expected, "{n}");
            assert_eq!(rng.next_u32(), blocks.next_u32(), "{n}");
        }
    }

    #[test]
    fn every_part_of_the_key_matters() {
        let first = |seed, stream, time, index| Philox::new(seed, stream, time, index).next_u64();
        let base = first(1, Stream::Dropout(0), 2, 3);
        for other in [
            first(1 << 32 | 1, Stream::Dropout(0), 2, 3),
            first(1, Stream::Dropout(1), 2, 3),
            first(1, Stream::Init(0), 2, 3),
            first(1, Stream::Augment, 2, 3),
            first(1, Stream::Bootstrap, 2, 3),
            first(1, Stream::Sweep, 2, 3),
            first(1, Stream::Snippet, 2, 3),
            first(1, Stream::Probe, 2, 3),
            first(1, Stream::Cluster, 2, 3),
            first(1, Stream::Specialist, 2, 3),
            first(1, Stream::Dropout(0), 3, 3),
            first(1, Stream::Dropout(0), 2, 2),
        ] {
            assert_ne!(base, other);
        }
    }
}
