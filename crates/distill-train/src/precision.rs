use distill_tensor::{Precision, bf16_is_native};
use serde::{Deserialize, Serialize};

use crate::TrainError;

/// What the products and convolutions of the hidden layers are computed in, while a model is trained.
///
/// With any of them the weights are f32, and a trained model is evaluated in f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PrecisionConfig {
    /// In f32.
    #[default]
    F32,
    /// From operands rounded to bf16, summed in f32. An error on a processor without bf16 instructions.
    Bf16,
    /// As `bf16` where the processor has the instructions, else as `f32`.
    Bf16OrF32,
    /// As `bf16`, on any processor and slower than `f32`: to see what the rounding does to accuracy.
    Bf16Emulated,
}

impl PrecisionConfig {
    /// What that means on this processor.
    ///
    /// # Errors
    /// [`TrainError::NoBf16`] for `bf16` without its instructions.
    pub fn resolve(self) -> Result<Precision, TrainError> {
        self.resolve_for(bf16_is_native())
    }

    fn resolve_for(self, native: bool) -> Result<Precision, TrainError> {
        match self {
            Self::F32 => Ok(Precision::F32),
            Self::Bf16 | Self::Bf16OrF32 if native => Ok(Precision::Bf16),
            Self::Bf16 => Err(TrainError::NoBf16),
            Self::Bf16OrF32 => Ok(Precision::F32),
            Self::Bf16Emulated => Ok(Precision::Bf16Emulated),
        }
    }

    /// Without the choice that `bf16-or-f32` leaves to the processor: what it gives here is what the weights
    /// depend on.
    #[must_use]
    pub fn settled(self) -> Self {
        self.settled_for(bf16_is_native())
    }

    fn settled_for(self, native: bool) -> Self {
        match self {
            Self::Bf16OrF32 if native => Self::Bf16,
            Self::Bf16OrF32 => Self::F32,
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bf16_is_never_chosen_unasked_nor_taken_for_something_else() {
        use PrecisionConfig as C;
        for (config, with, without) in [
            (C::F32, Some(Precision::F32), Some(Precision::F32)),
            (C::Bf16, Some(Precision::Bf16), None),
            (C::Bf16OrF32, Some(Precision::Bf16), Some(Precision::F32)),
            (C::Bf16Emulated, Some(Precision::Bf16Emulated), Some(Precision::Bf16Emulated)),
        ] {
            for (native, expected) in [(true, with), (false, without)] {
                assert_eq!(config.resolve_for(native).ok(), expected, "{config:?} {native}");
                // Settling changes nothing of what it means here.
                let settled = config.settled_for(native);
                assert_eq!(settled.resolve_for(native).ok(), expected, "{config:?} {native}");
                assert_ne!(settled, C::Bf16OrF32);
            }
        }
        assert_eq!(C::default(), C::F32);
    }
}
