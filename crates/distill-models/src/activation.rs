use distill_tensor::Init;
use serde::{Deserialize, Serialize};

/// The non-linearity of a hidden layer.
///
/// | name | value | derivative |
/// |---|---|---|
/// | `relu` | `max(z, 0)` | `1` for `z > 0`, else `0` |
/// | `tanh` | `tanh z` | `1 - tanh² z` |
/// | `gelu` | `z Φ(z)` | `Φ(z) + z φ(z)` |
/// | `relu6` | `min(max(z, 0), 6)` | `1` for `0 < z < 6`, else `0` |
/// | `hard-swish` | `z min(max(z + 3, 0), 6) / 6` | `(2 z + 3) / 6` for `-3 < z < 3`, else `0` or `1` |
/// | `silu` | `z σ(z)` | `σ(z) (1 + z (1 - σ(z)))` |
///
/// `Φ` and `φ` are distribution and density of the standard normal distribution, exact and not
/// the tanh approximation (Hendrycks and Gimpel, 2016, equation 1). `σ` is the logistic function. Derivatives at kinks are PyTorch's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// Rectified linear unit.
    #[default]
    Relu,
    /// Hyperbolic tangent.
    Tanh,
    /// Gaussian error linear unit.
    Gelu,
    /// Rectified linear unit that ends at 6.
    Relu6,
    /// A piecewise cheap form of SiLU (Howard and others, 2019, section 5.2).
    HardSwish,
    /// Sigmoid linear unit, also called swish.
    Silu,
}

impl Activation {
    /// All there are.
    pub const ALL: [Self; 6] = [Self::Relu, Self::Tanh, Self::Gelu, Self::Relu6, Self::HardSwish, Self::Silu];

    /// How weights before it begin: He's initialisation before those that let half of the numbers pass, Glorot's before tanh.
    pub(crate) fn init(self) -> Init {
        match self {
            Self::Relu | Self::Gelu | Self::Relu6 | Self::HardSwish | Self::Silu => Init::HeNormal,
            Self::Tanh => Init::GlorotUniform,
        }
    }

    /// Value and derivative at `z`.
    ///
    /// ```
    /// use distill_models::Activation;
    /// assert_eq!(Activation::Relu.value_and_derivative(2.0), (2.0, 1.0));
    /// assert_eq!(Activation::Tanh.value_and_derivative(0.0), (0.0, 1.0));
    /// assert_eq!(Activation::Gelu.value_and_derivative(0.0), (0.0, 0.5));
    /// ```
    #[inline(always)]
    pub fn value_and_derivative(self, z: f32) -> (f32, f32) {
        match self {
            // A comparison, not `max`, so that NaN goes through and is found.
            Self::Relu if z <= 0.0 => (0.0, 0.0),
            Self::Relu => (z, 1.0),
            Self::Tanh => {
                let value = z.tanh();
                (value, 1.0 - value * value)
            }
            Self::Gelu => {
                const INV_SQRT_2_PI: f32 = 0.398_942_3;
                let cdf = 0.5 * (1.0 + libm::erff(z * std::f32::consts::FRAC_1_SQRT_2));
                let density = INV_SQRT_2_PI * (-0.5 * z * z).exp();
                (z * cdf, cdf + z * density)
            }
            Self::Relu6 if z <= 0.0 => (0.0, 0.0),
            Self::Relu6 if z >= 6.0 => (6.0, 0.0),
            Self::Relu6 => (z, 1.0),
            Self::HardSwish if z <= -3.0 => (0.0, 0.0),
            Self::HardSwish if z >= 3.0 => (z, 1.0),
            Self::HardSwish => (z * (z + 3.0) / 6.0, (2.0 * z + 3.0) / 6.0),
            Self::Silu => {
                let sigmoid = 1.0 / (1.0 + (-z).exp());
                (z * sigmoid, sigmoid * (1.0 + z * (1.0 - sigmoid)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gelu_and_tanh_equal_pytorch() {
        // torch.nn.functional.gelu and torch.tanh at -3, -1, 0.5, 2 in f64.
        let expected = [
            (-3.0, -0.004_049_694, -0.995_054_7),
            (-1.0, -0.158_655_25, -0.761_594_2),
            (0.5, 0.345_731_23, 0.462_117_16),
            (2.0, 1.954_499_7, 0.964_027_6),
        ];
        for (z, gelu, tanh) in expected {
            assert!((Activation::Gelu.value_and_derivative(z).0 - gelu).abs() < 5e-7, "gelu {z}");
            assert!((Activation::Tanh.value_and_derivative(z).0 - tanh).abs() < 5e-7, "tanh {z}");
        }
    }

    #[test]
    fn value_and_derivative_agree() {
        for activation in Activation::ALL {
            for z in [-5.0_f32, -1.5, -0.3, 0.4, 1.0, 2.5, 5.0, 7.0] {
                let h = 1e-2;
                let numeric =
                    (activation.value_and_derivative(z + h).0 - activation.value_and_derivative(z - h).0) / (2.0 * h);
                let (_, derivative) = activation.value_and_derivative(z);
                assert!((numeric - derivative).abs() < 1e-4, "{activation:?} at {z}: {numeric} {derivative}");
            }
            assert!(activation.value_and_derivative(f32::NAN).0.is_nan(), "{activation:?} hides NaN");
        }
    }
}
