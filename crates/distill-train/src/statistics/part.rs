use distill_tensor::{Philox, Stream};
use rayon::prelude::*;

use super::student::critical_value;
use crate::TrainError;

const N_RESAMPLES: u32 = 10_000;
/// Leaves 2.5 % of the normal distribution above it.
const NORMAL: f64 = 1.959_963_984_540_054;
/// Apart from the draws of `bootstrap_interval`.
const TIME: u32 = 1;

/// A number with its two-sided 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// From all that was measured.
    pub value: f64,
    /// Its lower and upper end.
    pub interval: [f64; 2],
}

/// How much of one improvement another one is, see [`part_of_gain`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PartOfGain {
    /// What the whole improves, as a sum over the test set: the denominator.
    pub gain: Estimate,
    /// The part, 1 for all of it. Nothing where the interval of the gain holds zero: a part of what may be nothing is no
    /// number.
    pub part: Option<Estimate>,
}

/// Which part of the gain of one group of models another group keeps, with an interval over test examples and seeds.
///
/// Each group has a list for each of its models, with the loss of that model on each unit of the test set: errors or
/// negative log-likelihood, summed over the examples of a unit. A unit is what is drawn as one, such as the utterance that
/// frames belong to. With the mean `L` over the models of a group and the sum over the units,
///
/// ```text
/// gain = L(base) - L(whole)
/// part = (L(base) - L(students)) / gain
/// ```
///
/// Both intervals are percentiles of 10,000 resamples that draw units and models of each group with replacement, the same
/// units and the same models of the base above and below the line (Owen's pigeonhole bootstrap). A group of `n` models has
/// a spread that is too small by itself when it is drawn from, so the distance of a drawn mean from the mean of the group is
/// stretched by `√(n / (n - 1)) t / z`, with the 97.5 % points of Student's t for `n - 1` degrees of freedom and of the
/// normal distribution. A group of one is what it is: its seed is not drawn.
///
/// The pigeonhole bootstrap counts what models and units have together more than once, so the interval is rather too wide
/// than too narrow.
///
/// The result depends on the losses and the seed alone.
///
/// Owen, *The pigeonhole bootstrap*, 2007; Hesterberg, *What teachers should know about the bootstrap*, 2015, for the
/// factor.
///
/// # Errors
/// [`TrainError::Empty`] for a group without models or units, [`TrainError::Unpaired`] for lists of different lengths.
///
/// # Examples
/// On each of 200 units one network loses 4, an ensemble 2 and a student 2.5: it keeps three quarters.
/// ```
/// use distill_train::part_of_gain;
/// let one = |loss: f64| vec![vec![loss; 200]];
/// let found = part_of_gain(&one(4.0), &one(2.0), &one(2.5), 1)?;
/// assert_eq!((found.gain.value, found.gain.interval), (400.0, [400.0, 400.0]));
/// assert_eq!(found.part.unwrap().value, 0.75);
/// // What no ensemble gains, no student keeps.
/// assert_eq!(part_of_gain(&one(2.0), &one(2.0), &one(1.0), 1)?.part, None);
/// # Ok::<(), distill_train::TrainError>(())
/// ```
pub fn part_of_gain(
    base: &[Vec<f64>],
    whole: &[Vec<f64>],
    students: &[Vec<f64>],
    seed: u64,
) -> Result<PartOfGain, TrainError> {
    part_of(&[base, whole, students], seed, N_RESAMPLES)
}

fn part_of(groups: &[&[Vec<f64>]; 3], seed: u64, n_resamples: u32) -> Result<PartOfGain, TrainError> {
    let n_units = groups[0].first().map_or(0, Vec::len);
    if n_units == 0 || groups.iter().any(|group| group.is_empty()) {
        return Err(TrainError::Empty { split: "evaluation" });
    }
    for list in groups.iter().copied().flatten() {
        if list.len() != n_units {
            return Err(TrainError::Unpaired { expected: n_units, actual: list.len() });
        }
    }
    let once = vec![1.0; n_units];
    let [base, whole, kept] = groups.map(|group| {
        let sums: Vec<f64> = group.iter().map(|losses| weighed(losses, &once)).collect();
        sums.iter().sum::<f64>() / sums.len() as f64
    });
    let stretches = groups.map(|group| stretch(group.len()));
    let draw = |index| {
        let mut rng = Philox::new(seed, Stream::Bootstrap, TIME, index);
        let mut counts = vec![0.0; n_units];
        for _ in 0..n_units {
            counts[below(n_units, &mut rng)] += 1.0;
        }
        let mut drawn = [0.0; 3];
        for ((drawn, group), stretch) in drawn.iter_mut().zip(groups).zip(stretches) {
            let sums: Vec<f64> = group.iter().map(|losses| weighed(losses, &counts)).collect();
            let n = sums.len() as f64;
            let mean = sums.iter().sum::<f64>() / n;
            let other = (0..sums.len()).map(|_| sums[below(sums.len(), &mut rng)]).sum::<f64>() / n;
            *drawn = mean + stretch * (other - mean);
        }
        let [base, whole, kept] = drawn;
        (base - whole, base - kept)
    };
    let drawn: Vec<(f64, f64)> = (0..n_resamples).into_par_iter().map(draw).collect();
    let gain = Estimate { value: base - whole, interval: interval(drawn.iter().map(|&(gain, _)| gain).collect()) };
    // Relative to a gain of zero, a loss is infinitely far below and a gain infinitely far above.
    let ratio = |&(gain, kept): &(f64, f64)| if gain > 0.0 { kept / gain } else { kept.signum() * f64::INFINITY };
    let is_there = gain.interval[0] > 0.0;
    let part = is_there
        .then(|| Estimate { value: (base - kept) / gain.value, interval: interval(drawn.iter().map(ratio).collect()) });
    Ok(PartOfGain { gain, part })
}

/// How much wider the spread of `n` models is than that of means of `n` draws from them.
fn stretch(n: usize) -> f64 {
    if n < 2 {
        return 1.0;
    }
    let degrees = (n - 1) as f64;
    (n as f64 / degrees).sqrt() * critical_value(degrees) / NORMAL
}

fn weighed(losses: &[f64], counts: &[f64]) -> f64 {
    losses.iter().zip(counts).map(|(loss, count)| loss * count).sum()
}

/// One of `n` numbers from 0.
fn below(n: usize, rng: &mut Philox) -> usize {
    let [low, high, ..] = rng.next_block();
    let bits = u128::from(u64::from(high) << 32 | u64::from(low));
    ((bits * n as u128) >> 64) as usize
}

fn interval(mut values: Vec<f64>) -> [f64; 2] {
    values.sort_unstable_by(f64::total_cmp);
    let outside = values.len() / 40;
    [values[outside], values[values.len() - 1 - outside]]
}

#[cfg(test)]
mod tests {
    use super::super::bootstrap_interval;
    use super::*;

    #[test]
    fn a_sum_over_units_has_the_interval_of_the_plain_bootstrap() {
        // The gain is one on each unit whatever is drawn, so the part is the mean of what the student gains: 0 or 1.
        let student: Vec<f64> = (0..400).map(|unit| f64::from(u8::from(unit % 5 != 0))).collect();
        let found = part_of_gain(&[vec![1.0; 400]], &[vec![0.0; 400]], &[student], 3).unwrap();
        let gains: Vec<i32> = (0..400).map(|unit| i32::from(unit % 5 == 0)).collect();
        let plain = bootstrap_interval(&gains, 3).unwrap();
        let part = found.part.unwrap();
        assert!((part.value - 0.2).abs() < 1e-12);
        for (found, plain) in part.interval.iter().zip(plain) {
            assert!((400.0 * found - plain).abs() <= 1.0, "{part:?} {plain}");
        }
    }

    #[test]
    fn a_mean_over_models_has_the_interval_of_students_t() {
        // All units are alike, so that models alone differ: mean 3, standard deviation √2.5.
        let of = |loss: f64| vec![loss; 50];
        let students: Vec<Vec<f64>> = [1.0, 2.0, 3.0, 4.0, 5.0].map(of).into();
        let part = part_of_gain(&[of(10.0)], &[of(0.0)], &students, 3).unwrap().part.unwrap();
        let half = 2.776 * (2.5_f64 / 5.0).sqrt() / 10.0;
        assert!((part.value - 0.7).abs() < 1e-12);
        // Draws of five numbers are a little coarser than a normal distribution.
        for (found, expected) in part.interval.iter().zip([0.7 - half, 0.7 + half]) {
            assert!((found - expected).abs() < 0.1 * half, "{part:?} {expected}");
        }
    }

    /// Losses of `n` models, with a spread over models and another one over models and units together.
    fn models(n: usize, mean: f64, spread: [f64; 2], hard: &[f64], normal: &mut impl FnMut() -> f64) -> Vec<Vec<f64>> {
        let model = |_| {
            let own = mean + spread[0] * normal();
            hard.iter().map(|hard| own + hard + spread[1] * normal()).collect()
        };
        (0..n).map(model).collect()
    }

    #[test]
    fn intervals_hold_the_truth_about_as_often_as_they_say() {
        // The truth is three quarters: of 10 models, one and 5 students, on 100 units some of which are harder.
        const N: u32 = 300;
        for spread in [[0.0, 1.0], [0.1, 1.0], [0.2, 0.3]] {
            let (mut held, mut defined) = (0, 0);
            for index in 0..N {
                let mut rng = Philox::new(5, Stream::Probe, 0, index);
                let mut uniform = || (f64::from(rng.next_block()[0]) + 0.5) / 4_294_967_296.0;
                let mut normal = || (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos();
                let hard: Vec<f64> = (0..100).map(|_| normal()).collect();
                let base = models(10, 1.0, spread, &hard, &mut normal);
                let whole = models(1, 0.2, [0.0, spread[1]], &hard, &mut normal);
                let students = models(5, 0.4, spread, &hard, &mut normal);
                let found = part_of(&[&base, &whole, &students], 1, 1000).unwrap();
                let Some(Estimate { interval: [low, high], .. }) = found.part else { continue };
                defined += 1;
                held += u32::from(low <= 0.75 && 0.75 <= high);
            }
            assert!(defined > N * 9 / 10, "{spread:?}: {defined}");
            let coverage = f64::from(held) / f64::from(defined);
            // 95 % with a standard error of 1.3 points, and more where what models and units have together decides.
            assert!(coverage > 0.91, "{spread:?}: {coverage}");
        }
    }

    #[test]
    fn a_gain_that_may_be_none_has_no_parts() {
        // 9 errors of 10,000 fewer, of 40 that only the one makes and 31 that only the other makes.
        let mut base = vec![0.0; 10_000];
        let mut whole = base.clone();
        base[..40].fill(1.0);
        whole[40..71].fill(1.0);
        let found = part_of_gain(&[base], &[whole], &[vec![0.0; 10_000]], 1).unwrap();
        assert_eq!((found.gain.value, found.part), (9.0, None));
        let [low, high] = found.gain.interval;
        // 1.96 √71
        assert!((low - (9.0 - 16.5)).abs() < 1.5 && (high - (9.0 + 16.5)).abs() < 1.5, "{low} {high}");
    }

    #[test]
    fn threads_do_not_matter_and_units_must_be_the_same() {
        let group = |n: usize, from: usize| -> Vec<Vec<f64>> {
            (0..n)
                .map(|model| (0..300).map(|unit| f64::from((unit * 7 + model + from) as u32 % 11)).collect())
                .collect()
        };
        let (base, students) = (group(4, 0), group(3, 5));
        let whole = [vec![1.0; 300]];
        let with = |threads, seed| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| part_of_gain(&base, &whole, &students, seed).unwrap())
        };
        assert_eq!(with(1, 5), with(3, 5));
        assert_ne!(with(1, 5), with(1, 6));
        let short = [vec![1.0; 299]];
        assert!(matches!(part_of_gain(&base, &short, &students, 1), Err(TrainError::Unpaired { expected: 300, .. })));
        assert!(matches!(part_of_gain(&base, &[], &students, 1), Err(TrainError::Empty { .. })));
    }
}
