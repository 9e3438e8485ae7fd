use std::fmt;

/// The least probability whose logarithm is taken. No teacher knows that something is less likely.
pub const MIN_PROBABILITY: f32 = 1e-12;

/// The part of the smallest probability that a teacher gives which stands for one that it writes as 0.
const PART: f32 = 0.5;

/// What a zero has at most, where a teacher tells probabilities coarsely, and what all classes have together if all were 0,
/// where there are many.
const MOST: f32 = 0.01;
const MOST_TOGETHER: f32 = 0.5;

/// Zeros among the probabilities of a teacher, and what they are taken as.
///
/// A 0 rarely means that a class is impossible. No tree of a forest named it, or it was rounded away: the teacher says no
/// more than that it is less likely than the least that it can say. Its logarithm is minus infinity, or that of whatever tiny
/// number stands for it, and at a high temperature a student then learns little else than which probabilities are 0. So a zero
/// is taken as half the smallest other probability of the teacher, but as 0.01 at most, and as a half divided by the number of
/// classes. Why it is these numbers is written in `docs/adr/0025-what-zeros-are-taken-as.md`.
///
/// # Examples
/// ```
/// use distill_models::Zeros;
/// let zeros = Zeros::of([0.7, 0.3, 0.0, 0.0, 0.98, 0.02], 3, None);
/// assert_eq!((zeros.n_zeros, zeros.taken_as), (2, 0.01));
/// assert_eq!(zeros.to_string(), "33 % of them are 0, taken as 0.01");
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Zeros {
    /// Probabilities that were looked at.
    pub n: u64,
    /// Those that are taken as `taken_as`.
    pub n_zeros: u64,
    /// The probability that they are taken as.
    pub taken_as: f32,
    /// Whether somebody has said so, or the others suggest it.
    pub is_said: bool,
}

impl Zeros {
    /// Looks at all probabilities of a teacher, or at enough of them. Where `said` is set, all that are smaller are taken as
    /// it.
    pub fn of(probabilities: impl IntoIterator<Item = f32>, n_classes: usize, said: Option<f32>) -> Self {
        let (mut n, mut n_zeros, mut least) = (0, 0, f32::INFINITY);
        for p in probabilities {
            n += 1;
            if p < said.unwrap_or(MIN_PROBABILITY) {
                n_zeros += 1;
            } else {
                least = least.min(p);
            }
        }
        let most = MOST.min(MOST_TOGETHER / n_classes.max(1) as f32);
        let suggested = if n_zeros > 0 { (PART * least).min(most) } else { MIN_PROBABILITY };
        Self { n, n_zeros, taken_as: said.unwrap_or(suggested).max(MIN_PROBABILITY), is_said: said.is_some() }
    }

    /// The logarithm that is taken of a probability. A NaN stays one, so that it is found.
    pub fn ln(&self, p: f32) -> f32 {
        if p < self.taken_as { self.taken_as.ln() } else { p.ln() }
    }
}

impl fmt::Display for Zeros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = 100.0 * self.n_zeros as f64 / self.n.max(1) as f64;
        let percent = if percent < 1.0 { "less than 1".to_owned() } else { format!("{percent:.0}") };
        let value = f64::from(self.taken_as);
        // Two digits say enough, and 0.01 is not to be 0.009999999776.
        let value: f64 = format!("{value:.1e}").parse().unwrap_or(value);
        match self.is_said {
            true => write!(f, "{percent} % of them are below {value}, taken as it"),
            false => write!(f, "{percent} % of them are 0, taken as {value}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zero_is_half_the_smallest_other() {
        let zeros = Zeros::of([0.0, 0.01, 0.99, 1.0, 0.0, 0.0], 3, None);
        assert_eq!(zeros, Zeros { n: 6, n_zeros: 3, taken_as: 0.005, is_said: false });
        assert_eq!((zeros.ln(0.0), zeros.ln(-0.001), zeros.ln(0.01)), (0.005_f32.ln(), 0.005_f32.ln(), 0.01_f32.ln()));
        assert!(zeros.ln(f32::NAN).is_nan());
        // What remains when probabilities are subtracted from 1 is as good as 0.
        assert_eq!(Zeros::of([1.0, 1.1e-16, 0.99, 0.01], 2, None).taken_as, 0.005);
        // Without zeros nothing changes.
        assert_eq!(Zeros::of([0.5, 0.5], 2, None).ln(1e-9), 1e-9_f32.ln());
        assert_eq!(Zeros::of([], 2, None).taken_as, MIN_PROBABILITY);
    }

    #[test]
    fn zeros_of_coarse_answers_are_small_all_the_same() {
        for answers in [vec![0.0, 1.0], vec![0.0, 0.0], vec![0.0, 0.5, 0.5]] {
            assert_eq!(Zeros::of(answers.clone(), 10, None).taken_as, 0.01);
            assert_eq!(Zeros::of(answers, 200, None).taken_as, 0.0025);
        }
    }

    #[test]
    fn what_is_said_counts() {
        let zeros = Zeros::of([0.0, 0.004, 0.996, 1.0], 2, Some(0.005));
        assert_eq!((zeros.n_zeros, zeros.taken_as), (2, 0.005));
        assert_eq!(zeros.ln(0.004), 0.005_f32.ln());
        assert_eq!(zeros.to_string(), "50 % of them are below 0.005, taken as it");
        assert_eq!(Zeros::of([0.0, 1.0], 2, Some(1e-20)).taken_as, MIN_PROBABILITY);
        let rare = Zeros::of(std::iter::repeat_n(0.5, 999).chain([0.0]), 2, None);
        assert!(rare.to_string().starts_with("less than 1 %"));
    }
}
