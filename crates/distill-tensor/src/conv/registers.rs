use pulp::{Arch, Simd, WithSimd};

/// Sums that registers hold: of `N` pixels or terms by `V` vectors.
pub(super) trait Tiled: Sized {
    /// How many numbers next to each other are summed together.
    fn width(&self) -> usize;

    /// Computes all of them, `N` by `V` at a time.
    fn run<S: Simd, const N: usize, const V: usize>(self, simd: S);

    /// With as many as the vector unit has registers for, at least eight of which hide how long one sum takes.
    #[inline(always)]
    fn in_registers<S: Simd>(self, simd: S) {
        match (S::F32_LANES, self.width()) {
            (16, 32) => self.run::<S, 8, 2>(simd),
            (16, _) => self.run::<S, 16, 1>(simd),
            (8, _) => self.run::<S, 4, 2>(simd),
            (4, _) => self.run::<S, 4, 4>(simd),
            _ => self.run::<S, 1, 16>(simd),
        }
    }
}

/// The width for so many numbers: two of the widest vectors, where they are full.
pub(super) fn block_width(n: usize) -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;

        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    if Arch::new().dispatch(Lanes) == 16 && !(1..=16).contains(&(n % 32)) { 32 } else { 16 }
}
