/// Numbers that look random, the same on every machine: SplitMix64.
///
/// Steele, Lea, Flood, *Fast splittable pseudorandom number generators*, OOPSLA 2014.
pub(crate) struct Random(u64);

impl Random {
    /// The generator of one input of one parser.
    pub(crate) fn new(parser: &str, number: u64) -> Self {
        // Any hash will do that is the same everywhere: FNV-1a.
        let hash = parser
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut random = Self(hash);
        random.0 = random.next() ^ number;
        random.0 = random.next();
        random
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`, and 0 for 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() >> 32) as usize % n.max(1)
    }

    /// True once in `n` times.
    pub(crate) fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}
