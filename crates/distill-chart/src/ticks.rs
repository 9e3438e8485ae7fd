//! The arithmetic of round numbers.

/// The next of 1, 2, 5 times a power of ten.
pub(crate) fn round_step(at_least: f64) -> f64 {
    if at_least <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powi(decade(at_least));
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= at_least * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

/// The power of ten at or below a positive number.
pub(crate) fn decade(value: f64) -> i32 {
    // What is a power of ten up to rounding counts as one.
    #[expect(clippy::cast_possible_truncation, reason = "the exponent of an f64 is small")]
    let power = (value.log10() + 1e-9).floor() as i32;
    power
}

/// The multiples of `step` from `low` to `high`, at most a hundred.
pub(crate) fn multiples(step: f64, low: f64, high: f64) -> Vec<f64> {
    let first = (low / step - 1e-9).ceil();
    (0..100).map(|i| (first + f64::from(i)) * step).take_while(|tick| *tick <= high + step * 1e-9).collect()
}
