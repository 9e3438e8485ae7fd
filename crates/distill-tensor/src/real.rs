/// A floating-point element type: `f32` in training, `f64` where a reference is wanted.
///
/// Sums, exponentials and logarithms are computed in `f64` for both, so the two differ
/// only by the rounding of inputs and outputs. At `T = 1000` the probabilities of two
/// models agree to four digits, and a difference taken in `f32` would be mostly noise.
pub trait Real: Copy + Send + Sync + private::Sealed + 'static {
    /// Widens exactly.
    fn to_f64(self) -> f64;
    /// Rounds to nearest.
    fn from_f64(value: f64) -> Self;
}

impl Real for f32 {
    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    #[expect(clippy::cast_possible_truncation, reason = "rounding is what the method is for")]
    fn from_f64(value: f64) -> Self {
        value as Self
    }
}

impl Real for f64 {
    fn to_f64(self) -> f64 {
        self
    }

    fn from_f64(value: f64) -> Self {
        value
    }
}

mod private {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}
