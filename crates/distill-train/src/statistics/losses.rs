use distill_tensor::{Philox, Stream};
use rayon::prelude::*;

use super::bootstrap::{N_RESAMPLES, percentiles};
use super::compare::{method, over_seeds, paired};
use super::{Comparison, Verdict};
use crate::TrainError;

/// Apart from the draws of other bootstraps.
const TIME: u32 = 2;

/// Compares the distilled student with the one that learned alone by the loss of each test example, such as
/// [`NumberEvaluation::losses`](crate::NumberEvaluation::losses): a pair of lists for each seed, alone first, all on the same test
/// set. The difference is that of the mean losses.
///
/// With three seeds or more the sample is the seeds, as in [`compare`](crate::compare()). Else it is the test examples: the interval is that
/// of a paired bootstrap with 10,000 resamples, in which an example carries the losses of all seeds, and the p-value is twice the part
/// of the resamples that lie on the other side of zero, where the observed one counts as one of them.
///
/// Efron, Tibshirani, *An Introduction to the Bootstrap*, 1993, sections 13.3 and 15.4.
///
/// # Errors
/// [`TrainError::Empty`] without seeds or examples, [`TrainError::Unpaired`] if two lists have different lengths.
///
/// # Examples
/// ```
/// use distill_train::{Verdict, compare_losses};
/// let alone: Vec<f64> = (0..200).map(|i| f64::from(i % 10)).collect();
/// let distilled: Vec<f64> = alone.iter().map(|loss| 0.9 * loss).collect();
/// let found = compare_losses(&[(&alone, &distilled)], 1)?;
/// assert!((found.difference + 0.45).abs() < 1e-12);
/// assert_eq!(found.verdict, Verdict::Better);
/// # Ok::<(), distill_train::TrainError>(())
/// ```
pub fn compare_losses(seeds: &[(&[f64], &[f64])], bootstrap_seed: u64) -> Result<Comparison, TrainError> {
    let n_examples = paired(seeds.iter().map(|(alone, distilled)| [alone.len(), distilled.len()]))?;
    let mean = |list: &[f64]| list.iter().sum::<f64>() / n_examples as f64;
    let differences: Vec<f64> = seeds.iter().map(|&(alone, distilled)| mean(distilled) - mean(alone)).collect();
    if let Some(found) = over_seeds(&differences) {
        return Ok(found);
    }
    let n_seeds = seeds.len();
    let mut of_examples = vec![0.0; n_examples];
    for (alone, distilled) in seeds {
        let pairs = of_examples.iter_mut().zip(*alone).zip(*distilled);
        pairs.for_each(|((sum, alone), distilled)| *sum += (distilled - alone) / n_seeds as f64);
    }
    let mut means: Vec<f64> =
        (0..N_RESAMPLES).into_par_iter().map(|index| resampled_mean(&of_examples, bootstrap_seed, index)).collect();
    means.sort_unstable_by(f64::total_cmp);
    let interval = percentiles(&means);
    let beyond = |is_beyond: fn(f64) -> bool| means.iter().filter(|&&mean| is_beyond(mean)).count();
    let smaller = beyond(|mean| mean <= 0.0).min(beyond(|mean| mean >= 0.0));
    let p_value = (2.0 * (smaller + 1) as f64 / f64::from(N_RESAMPLES + 1)).min(1.0);
    Ok(Comparison {
        n_seeds,
        difference: differences.iter().sum::<f64>() / n_seeds as f64,
        interval,
        method: method("paired bootstrap", n_examples, n_seeds),
        p_value,
        verdict: Verdict::of(interval, p_value),
    })
}

/// The mean over as many examples as there are, drawn with replacement.
fn resampled_mean(values: &[f64], seed: u64, index: u32) -> f64 {
    let mut rng = Philox::new(seed, Stream::Bootstrap, TIME, index);
    let mut sum = 0.0;
    for _ in 0..values.len() {
        sum += values[distill_datasets::below(&mut rng, values.len())];
    }
    sum / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn losses(scale: f64, n: usize) -> Vec<f64> {
        (0..n).map(|i| scale * ((i * 7919 % 101) as f64 / 50.0)).collect()
    }

    #[test]
    fn three_seeds_are_a_sample() {
        let lists = [(1.0, 0.9), (1.1, 0.97), (0.95, 0.88)].map(|(a, b)| (losses(a, 500), losses(b, 500)));
        let found = compare_losses(&lists.each_ref().map(|(a, b)| (&a[..], &b[..])), 1).unwrap();
        let mean = losses(1.0, 500).iter().sum::<f64>() / 500.0;
        assert_eq!(found.method, "Student t over 3 paired seeds");
        assert!((found.difference + 0.1 * mean).abs() < 1e-12 && found.verdict == Verdict::Better, "{found:?}");
    }

    #[test]
    fn one_seed_is_measured_over_examples() {
        // Differences of mean 0.1 and deviation 1: the standard error of 400 is 0.05.
        let alone = vec![0.0; 400];
        let distilled: Vec<f64> = (0..400).map(|i| if i % 2 == 0 { 1.1 } else { -0.9 }).collect();
        let found = compare_losses(&[(&alone, &distilled)], 3).unwrap();
        assert_eq!(found.method, "paired bootstrap over 400 test examples, one seed");
        assert!((found.interval[0] - 0.002).abs() < 0.01 && (found.interval[1] - 0.198).abs() < 0.01, "{found:?}");
        assert!((found.p_value - 0.0455).abs() < 0.012, "{found:?}");
        let equal = compare_losses(&[(&alone, &alone)], 3).unwrap();
        assert_eq!((equal.p_value, equal.verdict), (1.0, Verdict::NotDistinguishable));
        let twice = compare_losses(&[(&alone, &distilled), (&alone, &distilled)], 3).unwrap();
        assert_eq!((twice.interval, twice.p_value), (found.interval, found.p_value));
    }

    #[test]
    fn threads_do_not_matter_and_the_seed_does() {
        let (alone, distilled) = (losses(1.0, 700), losses(0.99, 700));
        let with = |threads, seed| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| compare_losses(&[(&alone, &distilled)], seed).unwrap())
        };
        assert_eq!(with(1, 5), with(3, 5));
        assert_ne!(with(1, 5).interval, with(1, 6).interval);
    }

    #[test]
    fn rejects_what_cannot_be_paired() {
        assert!(matches!(compare_losses(&[], 1), Err(TrainError::Empty { .. })));
        assert!(matches!(compare_losses(&[(&[], &[])], 1), Err(TrainError::Empty { .. })));
        let lists: [(&[f64], &[f64]); 1] = [(&[1.0, 2.0], &[1.0])];
        assert!(matches!(compare_losses(&lists, 1), Err(TrainError::Unpaired { expected: 2, actual: 1 })));
    }
}
