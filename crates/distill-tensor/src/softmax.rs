use ndarray::{ArrayView2, ArrayViewMut2, Zip};

use crate::Real;

/// The normaliser of one row of logits at a temperature, in log space.
///
/// ```text
/// q_i = exp(z_i / T) / Σ_j exp(z_j / T)          (Hinton, Vinyals, Dean, 2015, equation 1)
/// log q_i = (z_i - max) / T - log Σ_j exp((z_j - max) / T)
/// ```
///
/// The maximum is subtracted before the exponential, so no logit can overflow, and the
/// logarithm is never taken of a probability that has underflowed. It holds few numbers,
/// so a row can be walked over twice without a buffer.
///
/// # Examples
/// ```
/// use distill_tensor::LogPartition;
/// let row = [0.0_f32, 3.0_f32.ln()];
/// let partition = LogPartition::new(row, 1.0);
/// assert!((partition.prob(row[0]) - 0.25).abs() < 1e-7);
/// // Huge logits stay finite.
/// let partition = LogPartition::new([1e4_f32, 0.0], 0.05);
/// assert_eq!(partition.log_prob(0.0_f32), -2e5);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct LogPartition {
    max: f64,
    inverse_temperature: f64,
    log_sum: f64,
}

impl LogPartition {
    /// Reads a row of logits once for its maximum and once for the sum.
    pub fn new<F: Real, I>(logits: I, temperature: f64) -> Self
    where
        I: IntoIterator<Item = F>,
        I::IntoIter: Clone,
    {
        let logits = logits.into_iter();
        // `f64::max` ignores NaN; a NaN logit must not be hidden.
        let max = logits.clone().map(Real::to_f64).fold(f64::NEG_INFINITY, |max, z| if z <= max { max } else { z });
        let inverse_temperature = temperature.recip();
        let sum: f64 = logits.map(|z| ((z.to_f64() - max) * inverse_temperature).exp()).sum();
        Self { max, inverse_temperature, log_sum: sum.ln() }
    }

    /// `log q` of a logit of the row.
    #[inline]
    pub fn log_prob<F: Real>(&self, logit: F) -> f64 {
        (logit.to_f64() - self.max) * self.inverse_temperature - self.log_sum
    }

    /// `q` of a logit of the row.
    #[inline]
    pub fn prob<F: Real>(&self, logit: F) -> f64 {
        self.log_prob(logit).exp()
    }
}

/// Softmax of every row at temperature `T`, shapes `(examples, classes)`.
///
/// # Panics
/// If the shapes differ.
///
/// # Examples
/// ```
/// use ndarray::{Array2, array};
/// let logits = array![[0.0_f32, 0.0], [0.0, 2.0 * 3.0_f32.ln()]];
/// let mut probs = Array2::zeros((2, 2));
/// distill_tensor::softmax(logits.view(), 2.0, probs.view_mut());
/// assert_eq!(probs, array![[0.5, 0.5], [0.25, 0.75]]);
/// ```
pub fn softmax<F: Real>(logits: ArrayView2<'_, F>, temperature: f64, out: ArrayViewMut2<'_, F>) {
    map_rows(logits, temperature, out, LogPartition::prob);
}

/// Log-softmax of every row at temperature `T`, shapes `(examples, classes)`.
///
/// # Panics
/// If the shapes differ.
pub fn log_softmax<F: Real>(logits: ArrayView2<'_, F>, temperature: f64, out: ArrayViewMut2<'_, F>) {
    map_rows(logits, temperature, out, LogPartition::log_prob);
}

fn map_rows<F: Real>(
    logits: ArrayView2<'_, F>,
    temperature: f64,
    mut out: ArrayViewMut2<'_, F>,
    map: impl Fn(&LogPartition, F) -> f64,
) {
    assert_eq!(logits.dim(), out.dim(), "shape of a softmax");
    for (row, mut out) in logits.rows().into_iter().zip(out.rows_mut()) {
        let partition = LogPartition::new(row.iter().copied(), temperature);
        Zip::from(&mut out).and(row).for_each(|out, &z| *out = F::from_f64(map(&partition, z)));
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equals_pytorch() {
        // torch.softmax(torch.tensor([1., 2., 3.], dtype=torch.float64) / 2, 0)
        let logits = array![[1.0_f64, 2.0, 3.0]];
        let mut probs = Array2::zeros((1, 3));
        softmax(logits.view(), 2.0, probs.view_mut());
        let expected = [0.186_323_723_225_847_6, 0.307_195_885_718_498_4, 0.506_480_391_055_654];
        for (p, e) in probs.iter().zip(expected) {
            assert!((p - e).abs() < 1e-15, "{p} {e}");
        }
    }

    #[test]
    fn nan_is_not_hidden() {
        for row in [[f32::NAN, 1.0], [1.0, f32::NAN]] {
            assert!(LogPartition::new(row, 1.0).log_prob(1.0_f32).is_nan());
        }
    }

    proptest! {
        #[test]
        fn rows_are_distributions_and_shifts_do_not_matter(
            row in prop::collection::vec(-1e4_f32..1e4, 1..20),
            shift in -64_i8..64,
            temperature in prop::sample::select(vec![0.05, 0.5, 1.0, 4.0, 20.0, 1e4]),
        ) {
            let n = row.len();
            let logits = Array2::from_shape_vec((1, n), row).unwrap().mapv(f64::from);
            let mut probs = Array2::zeros((1, n));
            softmax(logits.view(), temperature, probs.view_mut());
            prop_assert!((probs.sum() - 1.0).abs() < 1e-12);
            prop_assert!(probs.iter().all(|p| (0.0..=1.0).contains(p)));

            let mut log_probs = Array2::zeros((1, n));
            log_softmax(logits.view(), temperature, log_probs.view_mut());
            prop_assert!(log_probs.iter().all(|l| l.is_finite() && *l <= 0.0));

            let mut shifted = Array2::zeros((1, n));
            let moved = logits.mapv(|z| z + f64::from(shift));
            softmax(moved.view(), temperature, shifted.view_mut());
            prop_assert!(probs.iter().zip(&shifted).all(|(a, b)| (a - b).abs() < 1e-9));
        }
    }
}
