use crate::LossError;

/// A softmax temperature: a finite number above zero.
///
/// `T = 1` is the plain softmax. A higher one gives softer probabilities, which show how
/// the teacher ranks the classes that it holds for wrong.
///
/// # Examples
/// ```
/// use distill_losses::Temperature;
/// assert_eq!(Temperature::new(4.0)?.get(), 4.0);
/// assert!(Temperature::new(0.0).is_err());
/// # Ok::<(), distill_losses::LossError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Temperature(f64);

impl Temperature {
    /// `T = 1`.
    pub const ONE: Self = Self(1.0);

    /// Checks a temperature.
    ///
    /// # Errors
    /// [`LossError::Temperature`] for zero, a negative number, NaN or an infinity.
    pub fn new(value: f64) -> Result<Self, LossError> {
        if value.is_finite() && value > 0.0 { Ok(Self(value)) } else { Err(LossError::Temperature { value }) }
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}
