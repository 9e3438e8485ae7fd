/// The probability of a phone after another, from counts.
///
/// With absolute discounting: `p(b | a) = max(n(a b) - d, 0) / n(a) + d n⁺(a) / n(a) · p(b)`, where `n⁺(a)` is the number
/// of different phones that follow `a`, `d = 1/2`, and `p(b) = (n(b) + 1) / (n + v)` counts every one of the `v` phones,
/// the end among them, once more than it was seen. After a phone that was never seen, `p(b | a) = p(b)`.
///
/// Ney, Essen, Kneser, *On structuring probabilistic dependences in stochastic language modelling*, 1994.
#[derive(Debug, Clone, PartialEq)]
pub struct Bigram {
    n_phones: usize,
    /// Row by row for the phone before, the last row for the beginning; the last column is the end.
    log_probs: Vec<f64>,
}

const DISCOUNT: f64 = 0.5;

impl Bigram {
    /// Counts the phones of sequences, of which each has a beginning and an end.
    ///
    /// # Panics
    /// If a phone is not below `n_phones`.
    pub fn estimate<'a>(n_phones: usize, sequences: impl IntoIterator<Item = &'a [u32]>) -> Self {
        // Beginning and end are one more phone: the first never follows, the second is never followed.
        let v = n_phones + 1;
        let mut counts = vec![0_u32; v * v];
        for sequence in sequences {
            let mut before = n_phones;
            for phone in sequence.iter().map(|&phone| phone as usize).chain([n_phones]) {
                assert!(phone <= n_phones, "phone {phone} of {n_phones}");
                counts[before * v + phone] += 1;
                before = phone;
            }
        }
        let total: u32 = counts.iter().sum();
        let alone: Vec<f64> = (0..v)
            .map(|phone| {
                let count: u32 = counts.iter().skip(phone).step_by(v).sum();
                f64::from(count + 1) / (f64::from(total) + v as f64)
            })
            .collect();
        let mut log_probs = vec![0.0; v * v];
        for (counts, log_probs) in counts.chunks_exact(v).zip(log_probs.chunks_exact_mut(v)) {
            let n: u32 = counts.iter().sum();
            let n_different = counts.iter().filter(|&&count| count > 0).count();
            for ((log_prob, &count), alone) in log_probs.iter_mut().zip(counts).zip(&alone) {
                let prob = match n {
                    0 => *alone,
                    _ => {
                        let seen = (f64::from(count) - DISCOUNT).max(0.0);
                        (seen + DISCOUNT * n_different as f64 * alone) / f64::from(n)
                    }
                };
                *log_prob = prob.ln();
            }
        }
        Self { n_phones, log_probs }
    }

    /// The number of phones.
    pub fn n_phones(&self) -> usize {
        self.n_phones
    }

    /// The logarithm of the probability of `next` after `before`; `None` is the beginning, or the end.
    ///
    /// # Panics
    /// If a phone is not below the number of phones.
    pub fn log_prob(&self, before: Option<u32>, next: Option<u32>) -> f64 {
        let place = |phone: Option<u32>| phone.map_or(self.n_phones, |phone| phone as usize);
        assert!(place(before).max(place(next)) <= self.n_phones, "{before:?} and {next:?} of {} phones", self.n_phones);
        self.log_probs[place(before) * (self.n_phones + 1) + place(next)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bigram() -> Bigram {
        Bigram::estimate(3, [&[0, 1, 0, 1][..], &[0, 0]])
    }

    #[test]
    fn is_what_can_be_counted_by_hand() {
        // Pairs: -0 twice, 01 twice, 10 once, 1- once, 00 once, 0- once. In all 8, of which 0: 4, 1: 2, end: 2.
        let [p0, p1, p2, end] = [5.0 / 12.0, 3.0 / 12.0, 1.0 / 12.0, 3.0 / 12.0];
        let bigram = bigram();
        for (before, next, expected) in [
            (None, Some(0), (1.5 + 0.5 * p0) / 2.0),
            (None, Some(2), 0.5 * p2 / 2.0),
            // Three different ones follow 0, four times.
            (Some(0), Some(1), (1.5 + 1.5 * p1) / 4.0),
            (Some(0), None, (0.5 + 1.5 * end) / 4.0),
            (Some(1), Some(1), 2.0 * 0.5 * p1 / 2.0),
            (Some(2), Some(0), p0),
        ] {
            let found = bigram.log_prob(before, next).exp();
            assert!((found - expected).abs() < 1e-15, "{before:?} {next:?}: {found}, expected {expected}");
        }
    }

    #[test]
    fn probabilities_add_up_to_one() {
        for before in [None, Some(0), Some(1), Some(2)] {
            let sum: f64 =
                [Some(0), Some(1), Some(2), None].map(|next| bigram().log_prob(before, next).exp()).iter().sum();
            assert!((sum - 1.0).abs() < 1e-12, "{before:?}: {sum}");
        }
    }
}
