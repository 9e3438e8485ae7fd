/// The non-linearity of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Activation {
    #[default]
    Relu,
    Tanh,
    Gelu,
    Relu6,
    HardSwish,
    Silu,
}

impl Activation {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "relu" => Self::Relu,
            "tanh" => Self::Tanh,
            "gelu" => Self::Gelu,
            "relu6" => Self::Relu6,
            "hard-swish" => Self::HardSwish,
            "silu" => Self::Silu,
            _ => return None,
        })
    }

    pub(crate) fn apply(self, values: &mut [f32]) {
        match self {
            // Comparisons, not `max` and `min`, so that NaN goes through and is seen.
            Self::Relu => values.iter_mut().filter(|z| **z < 0.0).for_each(|z| *z = 0.0),
            Self::Tanh => values.iter_mut().for_each(|z| *z = libm::tanhf(*z)),
            Self::Gelu => {
                let gelu = |z: f32| 0.5 * z * (1.0 + libm::erff(z * core::f32::consts::FRAC_1_SQRT_2));
                values.iter_mut().for_each(|z| *z = gelu(*z));
            }
            Self::Relu6 => values.iter_mut().for_each(|z| *z = up_to_6(*z)),
            Self::HardSwish => values.iter_mut().for_each(|z| *z *= up_to_6(*z + 3.0) / 6.0),
            Self::Silu => values.iter_mut().for_each(|z| *z /= 1.0 + libm::expf(-*z)),
        }
    }
}

/// `min(max(z, 0), 6)`; a NaN stays one.
fn up_to_6(z: f32) -> f32 {
    z.clamp(0.0, 6.0)
}
