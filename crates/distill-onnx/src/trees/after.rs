//! What becomes of totals: functions that make probabilities of scores.
//!
//! The formulas are those of ONNX Runtime, where the standard has names alone.

/// What is done with the scores of an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    None,
    Softmax,
    /// The same, but scores of zero stay zeros.
    SoftmaxZero,
    /// A sigmoid of each.
    Logistic,
    /// The inverse of the normal distribution.
    Probit,
}

/// Scores nearer to zero than this are zeros.
const ZERO: f64 = 1e-7;

impl After {
    pub(super) fn read(name: &str) -> Result<Self, String> {
        match name {
            "" | "NONE" => Ok(Self::None),
            "SOFTMAX" => Ok(Self::Softmax),
            "SOFTMAX_ZERO" => Ok(Self::SoftmaxZero),
            "LOGISTIC" => Ok(Self::Logistic),
            "PROBIT" => Ok(Self::Probit),
            other => Err(format!("has the post_transform `{other}`, which distill does not know")),
        }
    }

    /// Applies it to the scores of an example.
    pub(super) fn apply(self, scores: &mut [f64]) {
        match self {
            Self::None => {}
            Self::Logistic => scores.iter_mut().for_each(|score| *score = logistic(*score)),
            Self::Probit => scores.iter_mut().for_each(|score| *score = probit(*score)),
            Self::Softmax | Self::SoftmaxZero => {
                let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let mut sum = 0.0;
                for score in &mut *scores {
                    if self == Self::Softmax || score.abs() > ZERO {
                        *score = (*score - most).exp();
                        sum += *score;
                    } else {
                        *score *= (-most).exp();
                    }
                }
                // Where all are zeros, so is the sum.
                if sum > 0.0 {
                    scores.iter_mut().for_each(|score| *score /= sum);
                }
            }
        }
    }
}

/// `1 / (1 + exp(-x))`, with all digits of small ones.
pub(super) fn logistic(score: f64) -> f64 {
    if score >= 0.0 { 1.0 / (1.0 + (-score).exp()) } else { score.exp() / (1.0 + score.exp()) }
}

/// The inverse of the normal distribution, `sqrt(2) erfinv(2p - 1)`, by Winitzki's approximation, which is right to two or
/// three digits (*A handy approximation for the error function and its inverse*, 2008).
fn probit(p: f64) -> f64 {
    const A: f64 = 0.147;
    let x = 2.0 * p - 1.0;
    let log = ((1.0 - x) * (1.0 + x)).ln();
    let half = 2.0 / (std::f64::consts::PI * A) + log / 2.0;
    let root = (half * half - log / A).sqrt() - half;
    std::f64::consts::SQRT_2 * root.sqrt().copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(after: After, scores: [f64; 3]) -> [f64; 3] {
        let mut scores = scores;
        after.apply(&mut scores);
        scores
    }

    #[track_caller]
    fn near(found: [f64; 3], expected: [f64; 3], most: f64) {
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= most), "{found:?} {expected:?}");
    }

    #[test]
    fn numbers_that_can_be_checked_by_hand() {
        let ln3 = 3.0_f64.ln();
        assert_eq!(applied(After::None, [1.0, -2.0, 0.0]), [1.0, -2.0, 0.0]);
        near(applied(After::Logistic, [ln3, -ln3, 0.0]), [0.75, 0.25, 0.5], 1e-15);
        near(applied(After::Softmax, [ln3, 0.0, 0.0]), [0.6, 0.2, 0.2], 1e-15);
        near(applied(After::SoftmaxZero, [ln3, ln3, 0.0]), [0.5, 0.5, 0.0], 1e-15);
        assert_eq!(applied(After::SoftmaxZero, [0.0; 3]), [0.0; 3]);
        near(applied(After::Probit, [0.5, 0.975, 0.025]), [0.0, 1.96, -1.96], 5e-3);
        // Neither overflows.
        assert_eq!(applied(After::Softmax, [1e5, 0.0, -1e5]), [1.0, 0.0, 0.0]);
        near(applied(After::Logistic, [1e5, -1e5, -40.0]), [1.0, 0.0, 4.248_354_255_291_589e-18], 1e-30);
    }

    #[test]
    fn names_that_nobody_knows_are_refused() {
        assert_eq!(After::read(""), Ok(After::None));
        assert!(After::read("SOFTPLUS").unwrap_err().contains("`SOFTPLUS`"));
    }
}
