use std::collections::BTreeMap;

use distill_tensor::{Philox, Stream};
use rayon::prelude::*;

use super::ln_choose;

pub(super) const N_RESAMPLES: u32 = 10_000;
/// Resamples that lie below the interval, and as many above it: together 5 %.
const N_OUTSIDE: usize = 250;

/// The 95 % percentile interval of a sum over examples, by the bootstrap with 10,000 resamples.
///
/// `differences` has one whole number for each test example, such as +1 where only the second of two models is wrong,
/// -1 where only the first is and 0 elsewhere; the sum is then the difference of their errors. A resample draws as many
/// examples as there are, with replacement. What it needs to know of them is how often each value was drawn, so it draws
/// these counts, which have a multinomial distribution, and no examples: the same law at the cost of a few numbers.
///
/// The interval depends on the differences and the seed alone. Nothing for no examples.
///
/// Efron, Tibshirani, *An Introduction to the Bootstrap*, 1993, section 13.3.
///
/// # Examples
/// 100 examples of 10,000 speak against and 64 for: the sum is -36 with a standard error of `√164`, nearly 12.8.
/// ```
/// use distill_train::bootstrap_interval;
/// let mut differences = vec![0; 10_000];
/// differences[..100].fill(-1);
/// differences[100..164].fill(1);
/// let [low, high] = bootstrap_interval(&differences, 1).unwrap();
/// assert!((low - (-36.0 - 1.96 * 12.8)).abs() < 2.0);
/// assert!((high - (-36.0 + 1.96 * 12.8)).abs() < 2.0);
/// ```
pub fn bootstrap_interval(differences: &[i32], seed: u64) -> Option<[f64; 2]> {
    if differences.is_empty() {
        return None;
    }
    let mut counts: BTreeMap<i32, u64> = BTreeMap::new();
    for &difference in differences.iter().filter(|&&difference| difference != 0) {
        *counts.entry(difference).or_default() += 1;
    }
    let counts: Vec<(i32, u64)> = counts.into_iter().collect();
    let resample = |index| resampled_sum(&counts, differences.len() as u64, &mut resample_rng(seed, index));
    let mut sums: Vec<i64> = (0..N_RESAMPLES).into_par_iter().map(resample).collect();
    sums.sort_unstable();
    Some(percentiles(&sums).map(|sum| sum as f64))
}

/// The ends of the interval, of what the resamples gave in ascending order.
pub(super) fn percentiles<T: Copy>(sorted: &[T]) -> [T; 2] {
    [sorted[N_OUTSIDE], sorted[sorted.len() - 1 - N_OUTSIDE]]
}

fn resample_rng(seed: u64, index: u32) -> Philox {
    Philox::new(seed, Stream::Bootstrap, 0, index)
}

/// The sum of `n` draws. `counts` has the values other than zero, each with its examples among the `n`.
fn resampled_sum(counts: &[(i32, u64)], n: u64, rng: &mut Philox) -> i64 {
    let (mut draws, mut examples, mut sum) = (n, n, 0);
    for &(value, count) in counts {
        // Given the draws that went to earlier values, the rest falls on this one as on any other that is left.
        let drawn = binomial(draws, count as f64 / examples as f64, rng);
        sum += i64::from(value) * drawn.cast_signed();
        draws -= drawn;
        examples -= count;
    }
    sum
}

/// A number of successes in `n` trials, each with probability `p > 0`.
///
/// Inversion that starts from the most probable number and goes outwards to both sides, so that it takes about as many
/// steps as the standard deviation: Kemp, *A modal method for generating binomial variables*, 1986.
fn binomial(n: u64, p: f64, rng: &mut Philox) -> u64 {
    if p >= 1.0 {
        return n;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and n + 1")]
    let mode = (((n + 1) as f64 * p) as u64).min(n);
    let ln_pmf = ln_choose(n, mode) + mode as f64 * libm::log(p) + (n - mode) as f64 * libm::log1p(-p);
    let pmf = libm::exp(ln_pmf);
    let odds = p / (1.0 - p);

    let mut left = uniform(rng) - pmf;
    let (mut low, mut high, mut low_pmf, mut high_pmf) = (mode, mode, pmf, pmf);
    while left >= 0.0 {
        if high < n {
            high_pmf *= (n - high) as f64 / (high + 1) as f64 * odds;
            high += 1;
            left -= high_pmf;
            if left < 0.0 {
                return high;
            }
        }
        if low > 0 {
            low_pmf *= low as f64 / ((n - low + 1) as f64 * odds);
            low -= 1;
            left -= low_pmf;
            if left < 0.0 {
                return low;
            }
        }
        // The probabilities add up to a little less than one.
        if low == 0 && high == n {
            break;
        }
    }
    mode
}

/// A number in `[0, 1)` with 53 random bits.
fn uniform(rng: &mut Philox) -> f64 {
    let [low, high, ..] = rng.next_block();
    let bits = (u64::from(high) << 32 | u64::from(low)) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws of a binomial against its probabilities, by their chi-squared distance.
    #[test]
    fn binomial_draws_have_its_probabilities() {
        const N_DRAWS: u32 = 100_000;
        for (n, p) in [(1, 0.5), (10, 0.3), (10, 0.97), (12, 0.01), (3, 1.0)] {
            let mut counts = vec![0_u32; n as usize + 1];
            for index in 0..N_DRAWS {
                counts[binomial(n, p, &mut resample_rng(7, index)) as usize] += 1;
            }
            let mut distance = 0.0;
            for (k, &count) in counts.iter().enumerate() {
                let choose: f64 = (0..k).map(|i| (n as usize - i) as f64 / (i + 1) as f64).product();
                let expected = f64::from(N_DRAWS) * choose * p.powi(k as i32) * (1.0 - p).powi((n as usize - k) as i32);
                if expected < 1.0 {
                    assert!(count < 8, "{n} {p} {k}: {count}");
                } else {
                    distance += (f64::from(count) - expected).powi(2) / expected;
                }
            }
            // Above this lies less than one in a hundred thousand for ten degrees of freedom.
            assert!(distance < 41.0, "{n} {p}: {distance}");
        }
    }

    #[test]
    fn sums_have_the_mean_and_spread_of_the_examples() {
        // Values -2, -1 and 3 on 10, 30 and 5 of 50 examples: mean sum -35, mean of squares (40 + 30 + 45) / 50.
        let counts = [(-2, 10), (-1, 30), (3, 5)];
        let n = 20_000_u32;
        let sums: Vec<f64> =
            (0..n).map(|index| resampled_sum(&counts, 50, &mut resample_rng(1, index)) as f64).collect();
        let (mean, sd) = super::super::mean_and_sd(&sums).unwrap();
        let variance = 50.0 * (115.0 / 50.0 - 0.7 * 0.7);
        assert!((mean + 35.0).abs() < 4.0 * (variance / f64::from(n)).sqrt(), "{mean}");
        assert!((sd.unwrap().powi(2) / variance - 1.0).abs() < 0.04, "{sd:?}");
    }

    #[test]
    fn interval_equals_that_of_drawn_examples() {
        // numpy: percentiles of rng.choice(differences, (100_000, 400)).sum(1), 30 values -1 and 12 values +1.
        let mut differences = vec![0; 400];
        differences[..30].fill(-1);
        differences[30..42].fill(1);
        let [low, high] = bootstrap_interval(&differences, 3).unwrap();
        assert!((low - -31.0).abs() <= 1.0 && (high - -6.0).abs() <= 1.0, "{low} {high}");
    }

    #[test]
    fn threads_do_not_matter_and_the_seed_does() {
        let differences: Vec<i32> = (0..100_000).map(|i| i % 3 - 1).collect();
        let with = |threads, seed| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| bootstrap_interval(&differences, seed).unwrap())
        };
        assert_eq!(with(1, 5), with(3, 5));
        assert_ne!(with(1, 5), with(1, 6));
    }

    #[test]
    fn edges() {
        assert_eq!(bootstrap_interval(&[], 1), None);
        assert_eq!(bootstrap_interval(&[0, 0], 1), Some([0.0, 0.0]));
        assert_eq!(bootstrap_interval(&[-1; 7], 1), Some([-7.0, -7.0]));
    }
}
