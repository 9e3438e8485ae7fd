use distill_tensor::{Philox, Stream};

use crate::ModelError;

/// The key of the random numbers of one training step.
///
/// A mask is a function of seed, step and row. A step can be repeated with any number of threads
/// and gives the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepKey {
    /// The run's seed.
    pub seed: u64,
    /// Optimizer steps done before this one.
    pub step: u32,
    /// Where the first row of the inputs stands in the whole batch: not at 0 where several models share it, so that each row has
    /// the mask that it would have if one model saw them all.
    pub first_row: usize,
}

impl StepKey {
    /// The key of a step on a whole batch.
    pub fn new(seed: u64, step: u32) -> Self {
        Self { seed, step, first_row: 0 }
    }
}

/// Inverted dropout: each unit is dropped with probability `p`, the others are scaled by `1 / (1 - p)`.
///
/// `p` is rounded to a multiple of 1/65536, and the scale belongs to the rounded one.
/// Source: Srivastava et al., 2014, section 10.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    threshold: u16,
    scale: f32,
    layer: u16,
}

impl Dropout {
    /// Dropout for the layer of that number, or `None` for `p = 0`.
    ///
    /// # Errors
    /// [`ModelError::Config`] unless `0 <= p < 1`.
    pub fn new(p: f64, layer: u16, field: &'static str) -> Result<Option<Self>, ModelError> {
        if !(0.0..1.0).contains(&p) {
            return Err(ModelError::Config {
                field,
                problem: format!("is a probability of at least 0 and below 1, got {p}"),
            });
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "p is in [0, 1)")]
        let threshold = (p * 65536.0).round().min(65535.0) as u16;
        let scale = 65536.0 / (65536.0 - f32::from(threshold));
        Ok((threshold > 0).then_some(Self { threshold, scale, layer }))
    }

    /// Multiplies every unit of a row of values, and its derivative, by 0 or by the scale.
    pub(crate) fn apply(&self, key: StepKey, row: usize, values: &mut [f32], derivatives: &mut [f32]) {
        self.for_chunks(key, row, values.len(), |first, factors| {
            let units = first..first + factors.len();
            let pairs = values[units.clone()].iter_mut().zip(&mut derivatives[units]);
            for ((value, derivative), factor) in pairs.zip(factors) {
                *value *= factor;
                *derivative *= factor;
            }
        });
    }

    /// As [`Self::apply`], for values that have no derivative.
    pub(crate) fn apply_to_inputs(&self, key: StepKey, row: usize, values: &mut [f32]) {
        self.for_chunks(key, row, values.len(), |first, factors| {
            values[first..].iter_mut().zip(factors).for_each(|(value, factor)| *value *= factor);
        });
    }

    /// Calls `f(first unit, factors)` for the units of a row, some at a time; a factor is 0 or the scale.
    fn for_chunks(&self, key: StepKey, row: usize, width: usize, mut f: impl FnMut(usize, &[f32])) {
        // A multiple of the numbers in a block of the generator, so that none is dropped between the chunks.
        const CHUNK: usize = 256;
        #[expect(clippy::cast_possible_truncation, reason = "a batch has fewer than 2^32 rows")]
        let mut rng = Philox::new(key.seed, Stream::Dropout(self.layer), key.step, (key.first_row + row) as u32);
        let (mut numbers, mut factors) = ([0; CHUNK], [0.0; CHUNK]);
        for first in (0..width).step_by(CHUNK) {
            let n = CHUNK.min(width - first);
            rng.fill_u16(&mut numbers[..n]);
            for (factor, &number) in factors.iter_mut().zip(&numbers[..n]) {
                *factor = if number < self.threshold { 0.0 } else { self.scale };
            }
            f(first, &factors[..n]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(p: f64, key: StepKey, row: usize) -> Vec<f32> {
        let dropout = Dropout::new(p, 3, "dropout").unwrap().unwrap();
        let (mut mask, mut derivatives, mut inputs) = (vec![1.0; 2003], vec![2.0; 2003], vec![1.0; 2003]);
        dropout.apply(key, row, &mut mask, &mut derivatives);
        dropout.apply_to_inputs(key, row, &mut inputs);
        assert_eq!(mask, inputs);
        assert!(mask.iter().zip(derivatives).all(|(mask, derivative)| 2.0 * mask == derivative));
        mask
    }

    #[test]
    fn keeps_the_expectation_and_repeats() {
        let key = StepKey::new(1, 5);
        for p in [0.2_f64, 0.5, 0.9] {
            let rows: Vec<f32> = (0..50).flat_map(|row| mask(p, key, row)).collect();
            let n = rows.len() as f64;
            let mean = rows.iter().map(|&f| f64::from(f)).sum::<f64>() / n;
            let dropped = rows.iter().filter(|&&f| f == 0.0).count() as f64 / n;
            let sd = (p * (1.0 - p) / n).sqrt();
            assert!((dropped - p).abs() < 4.0 * sd, "{p}: {dropped}");
            assert!((mean - 1.0).abs() < 4.0 * sd / (1.0 - p), "{p}: {mean}");
        }
        assert_eq!(mask(0.5, key, 1), mask(0.5, key, 1));
        assert_ne!(mask(0.5, key, 1), mask(0.5, key, 2));
        assert_ne!(mask(0.5, key, 1), mask(0.5, StepKey { step: 6, ..key }, 1));
        assert_eq!(mask(0.5, key, 7), mask(0.5, StepKey { first_row: 5, ..key }, 2));
    }

    #[test]
    fn refuses_what_is_no_probability() {
        for p in [-0.1, 1.0, f64::NAN, f64::INFINITY] {
            assert!(Dropout::new(p, 0, "dropout").is_err(), "{p}");
        }
        assert_eq!(Dropout::new(0.0, 0, "dropout").unwrap(), None);
    }
}
