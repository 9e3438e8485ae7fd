mod bootstrap;
mod compare;
mod holm;
mod losses;
mod mcnemar;
mod part;
mod scope;
mod student;

pub use bootstrap::bootstrap_interval;
pub use compare::{Comparison, Outcomes, Verdict, compare};
pub use holm::holm;
pub use losses::compare_losses;
pub use mcnemar::McNemar;
pub use part::{Estimate, PartOfGain, part_of_gain};
pub use scope::{auroc, passing};
pub use student::PairedDifference;

/// The mean, and from two values on the standard deviation of the sample, with `n - 1`.
///
/// Nothing for no values.
///
/// # Examples
/// ```
/// use distill_train::mean_and_sd;
/// assert_eq!(mean_and_sd(&[2.0, 4.0, 6.0]), Some((4.0, Some(2.0))));
/// assert_eq!(mean_and_sd(&[7.0]), Some((7.0, None)));
/// assert_eq!(mean_and_sd(&[]), None);
/// ```
pub fn mean_and_sd(values: &[f64]) -> Option<(f64, Option<f64>)> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    match values.len() {
        0 => None,
        1 => Some((mean, None)),
        _ => {
            let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
            Some((mean, Some(variance.sqrt())))
        }
    }
}

/// `ln (n choose k)`, for `k <= n`.
fn ln_choose(n: u64, k: u64) -> f64 {
    let ln_factorial = |n: u64| libm::lgamma(n as f64 + 1.0);
    ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k)
}
