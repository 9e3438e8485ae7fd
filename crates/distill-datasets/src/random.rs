use distill_tensor::{Philox, Stream};
use ndarray_rand::rand::RngCore;

/// A number below `n`, each with the same probability. For those who write a data set; `n` is at least 1.
///
/// It is ours and not the one of a library because the numbers must stay the same when
/// the library changes its algorithm.
///
/// Lemire, *Fast random integer generation in an interval*, 2019, algorithm 5.
#[expect(clippy::cast_possible_truncation, reason = "the two halves of a product")]
pub fn below(rng: &mut Philox, n: usize) -> usize {
    let n = n as u64;
    let mut draw = || u128::from(rng.next_u64()) * u128::from(n);
    let mut product = draw();
    if (product as u64) < n {
        // 2^64 mod n low halves would occur once too often.
        let excess = n.wrapping_neg() % n;
        while (product as u64) < excess {
            product = draw();
        }
    }
    (product >> 64) as usize
}

/// A number between 0 and 1, and neither of them.
pub(crate) fn unit(word: u32) -> f64 {
    (f64::from(word) + 0.5) / 4_294_967_296.0
}

/// A number that is distributed as Beta(`alpha`, `alpha`), for `alpha` from 0.001 to 1.
///
/// Jöhnk, *Erzeugung von betaverteilten und gammaverteilten Zufallszahlen*, 1964, in logarithms, as powers of small numbers are 0.
pub fn beta(rng: &mut Philox, alpha: f64) -> f64 {
    loop {
        let [a, b] = [(); 2].map(|()| unit(rng.next_u32()).ln() / alpha);
        let largest = a.max(b);
        let sum = largest + ((a - largest).exp() + (b - largest).exp()).ln();
        if sum <= 0.0 {
            return (a - sum).exp();
        }
    }
}

/// `n` of the `len` examples of a set, in their order, at most all of them: one from each of `n` stretches, drawn at random.
///
/// They are spread over the set, and fair to one whose classes take turns, of which every fifth example may be all of one class.
/// The same numbers give the same examples.
pub fn spread(n: usize, len: usize) -> Vec<usize> {
    let n = n.min(len);
    let mut rng = Philox::new(0, Stream::Probe, 0, 0);
    let mut draw = |first: usize, end: usize| first + below(&mut rng, end - first);
    (0..n).map(|i| draw(i * len / n, (i + 1) * len / n)).collect()
}

/// Fisher and Yates: each of the orders has the same probability.
pub(crate) fn shuffle<T>(items: &mut [T], rng: &mut Philox) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(rng, last + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_over_the_set_and_fair_to_classes_that_take_turns() {
        let sample = spread(2000, 10_000);
        assert_eq!(sample, spread(2000, 10_000));
        assert!(sample.iter().enumerate().all(|(i, &at)| at / 5 == i), "one of each stretch");
        for class in 0..10 {
            let n = sample.iter().filter(|&&at| at % 10 == class).count();
            // 200 of each are expected, with a deviation of at most 13.
            assert!((150..250).contains(&n), "{n} of class {class}");
        }
        assert_eq!(spread(9, 4), [0, 1, 2, 3]);
        assert!(spread(3, 0).is_empty());
    }

    #[test]
    fn numbers_below_a_bound_are_even() {
        let mut rng = Philox::new(1, Stream::Shuffle, 0, 0);
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            counts[below(&mut rng, 7)] += 1;
        }
        // Five standard deviations of a binomial with n = 70000 and p = 1/7.
        assert!(counts.iter().all(|&n| n.abs_diff(10_000) < 463), "{counts:?}");
        assert_eq!(below(&mut rng, 1), 0);
    }

    #[test]
    fn beta_has_the_moments_it_should_have() {
        for alpha in [0.001, 0.2, 1.0] {
            let mut rng = Philox::new(3, Stream::Mixture, 0, 0);
            let drawn: Vec<f64> = (0..20_000).map(|_| beta(&mut rng, alpha)).collect();
            assert!(drawn.iter().all(|x| (0.0..=1.0).contains(x)), "{alpha}");
            let mean = drawn.iter().sum::<f64>() / 20_000.0;
            let variance = drawn.iter().map(|x| (x - 0.5).powi(2)).sum::<f64>() / 20_000.0;
            let expected = 0.25 / (2.0 * alpha + 1.0);
            assert!((mean - 0.5).abs() < 0.02 && (variance - expected).abs() < 0.01, "{alpha}: {mean} {variance}");
        }
    }

    #[test]
    fn a_bound_that_rejects_half_of_the_draws_is_kept() {
        let mut rng = Philox::new(1, Stream::Shuffle, 0, 0);
        let n = usize::MAX / 2 + 2;
        assert!((0..1000).all(|_| below(&mut rng, n) < n));
    }

    #[test]
    fn every_order_is_equally_likely() {
        let mut counts = std::collections::HashMap::new();
        for time in 0..24_000 {
            let mut order = [0, 1, 2, 3];
            shuffle(&mut order, &mut Philox::new(3, Stream::Shuffle, time, 0));
            *counts.entry(order).or_insert(0_u32) += 1;
        }
        assert_eq!(counts.len(), 24);
        assert!(counts.values().all(|n| n.abs_diff(1000) < 155), "{counts:?}");
    }
}
