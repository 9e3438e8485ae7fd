use crate::LossError;

/// What part of a label's probability all classes share alike: from 0, which leaves labels as they are, to below 1.
///
/// ```text
/// y'_i = (1 - ε) onehot(y)_i + ε / C
/// ```
///
/// Source: Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, *Rethinking the Inception Architecture for Computer Vision*, 2016, section 7.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Smoothing(f64);

impl Smoothing {
    /// Labels as they are.
    pub const NONE: Self = Self(0.0);

    /// Smoothing by `ε`.
    ///
    /// # Errors
    /// [`LossError::Smoothing`] outside `[0, 1)`: at 1 a label says nothing.
    pub fn new(value: f64) -> Result<Self, LossError> {
        if (0.0..1.0).contains(&value) { Ok(Self(value)) } else { Err(LossError::Smoothing { value }) }
    }

    /// `ε`.
    pub fn get(self) -> f64 {
        self.0
    }
}
