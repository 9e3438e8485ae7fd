use super::mean_and_sd;

/// The part of Student's distribution that lies outside the interval.
const OUTSIDE: f64 = 0.05;

/// The mean of paired differences and how sure it is, by Student's t.
///
/// The differences are one for each seed, of two models that share that seed. They are taken to be independent and
/// normal.
///
/// # Examples
/// Four differences with mean -5 and standard deviation `√(8/3)`; `t = -5 / √(2/3)` with three degrees of freedom.
/// ```
/// use distill_train::PairedDifference;
/// let found = PairedDifference::new(&[-7.0, -5.0, -5.0, -3.0]).unwrap();
/// assert_eq!(found.mean, -5.0);
/// assert!((found.sd - (8.0_f64 / 3.0).sqrt()).abs() < 1e-12);
/// // The table of Student's t has 3.182 for three degrees of freedom and 95 %.
/// let half = 3.182 * (2.0_f64 / 3.0).sqrt();
/// assert!((found.interval[0] - (-5.0 - half)).abs() < 1e-3);
/// assert!((found.interval[1] - (-5.0 + half)).abs() < 1e-3);
/// assert!((0.001..0.01).contains(&found.p_value));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedDifference {
    /// Number of differences.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, with `n - 1`.
    pub sd: f64,
    /// The two-sided 95 % interval of the mean; a single point where all differences are equal.
    pub interval: [f64; 2],
    /// The two-sided p-value of a mean of zero; 0 where all differences are the same number, and 1 if that is zero. Of
    /// numbers that are rounded, such as counts of errors, equal ones are no sign of certainty:
    /// [`compare`](crate::compare) does not use it for them.
    pub p_value: f64,
}

impl PairedDifference {
    /// Nothing for fewer than two differences, which have no spread.
    pub fn new(differences: &[f64]) -> Option<Self> {
        let (mean, Some(sd)) = mean_and_sd(differences)? else { return None };
        let n = differences.len();
        let degrees = (n - 1) as f64;
        let error = sd / (n as f64).sqrt();
        let half = critical_value(degrees) * error;
        // `0 / 0` where all differences are zero.
        let p_value = if mean == 0.0 { 1.0 } else { two_sided_tail(mean / error, degrees) };
        Some(Self { n, mean, sd, interval: [mean - half, mean + half], p_value })
    }
}

/// `P(|T| >= |t|) = I_x(ν/2, 1/2)` with `x = ν / (ν + t²)` for ν degrees of freedom.
fn two_sided_tail(t: f64, degrees: f64) -> f64 {
    // Written so that an infinite `t` gives 0 and not NaN.
    let x = 1.0 / (1.0 + t * t / degrees);
    let y = 1.0 / (1.0 + degrees / (t * t));
    incomplete_beta(degrees / 2.0, 0.5, x, y)
}

/// The `t` that leaves 5 % outside of `±t`, by bisection down to neighbouring numbers.
pub(super) fn critical_value(degrees: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while two_sided_tail(high, degrees) > OUTSIDE {
        (low, high) = (high, 2.0 * high);
    }
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return high;
        }
        if two_sided_tail(middle, degrees) > OUTSIDE {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// The regularised incomplete beta function `I_x(a, b)`, with `y = 1 - x` given for its digits.
///
/// NIST, *Digital Library of Mathematical Functions*, 8.17.22 and 8.17.4.
fn incomplete_beta(a: f64, b: f64, x: f64, y: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if y <= 0.0 {
        return 1.0;
    }
    let ln_beta = libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
    let front = libm::exp(a * libm::log(x) + b * libm::log(y) - ln_beta);
    // The fraction converges fast on this side of the mean; the other side is the complement.
    if x < (a + 1.0) / (a + b + 2.0) {
        front / (a * continued_fraction(a, b, x))
    } else {
        1.0 - front / (b * continued_fraction(b, a, y))
    }
}

/// `1 + d_1/(1 + d_2/(1 + ...))`, from the last term to the first.
fn continued_fraction(a: f64, b: f64, x: f64) -> f64 {
    // The terms that are needed grow with the root of a and b: these serve a million degrees of freedom.
    const N_PAIRS: u32 = 1000;
    (0..N_PAIRS).rev().map(f64::from).fold(1.0, |rest, m| {
        let n = m + 1.0;
        let even = n * (b - n) * x / ((a + 2.0 * n - 1.0) * (a + 2.0 * n));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        1.0 + odd / (1.0 + even / rest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close(actual: f64, expected: f64) {
        assert!((actual - expected).abs() <= 1e-9 * expected.abs(), "{actual:e} {expected:e}");
    }

    #[test]
    fn tails_equal_scipy() {
        // 2 * scipy.stats.t.sf(t, degrees), SciPy 1.17; mpmath with 40 digits for a million degrees.
        for (t, degrees, expected) in [
            (0.0, 4.0, 1.0),
            (0.001, 7.0, 0.999_230_017_244_998_8),
            (0.5, 1.0, 0.704_832_764_699_133_5),
            (2.0, 2.0, 0.183_503_419_072_273_97),
            (-3.2, 4.0, 0.032_900_810_600_938_975),
            (2.5, 9.0, 0.033_861_827_682_985_735),
            (40.0, 3.0, 3.438_068_078_915_850_6e-5),
            (6.0, 250.0, 6.887_649_707_353_069e-9),
            (1.96, 1e4, 0.050_023_520_231_833_03),
            (1.96, 1e6, 0.049_996_067_585_269_79),
            (f64::INFINITY, 4.0, 0.0),
        ] {
            close(two_sided_tail(t, degrees), expected);
        }
    }

    #[test]
    fn critical_values_equal_scipy() {
        // scipy.stats.t.ppf(0.975, degrees)
        for (degrees, expected) in [
            (1.0, 12.706_204_736_174_694),
            (2.0, 4.302_652_729_749_462),
            (3.0, 3.182_446_305_283_707_8),
            (4.0, 2.776_445_105_197_793_4),
            (9.0, 2.262_157_162_798_205),
            (99.0, 1.984_216_951_586_417_4),
            (1000.0, 1.962_339_080_826_408_3),
        ] {
            close(critical_value(degrees), expected);
        }
    }

    #[test]
    fn paired_test_equals_scipy() {
        // scipy.stats.ttest_rel(distilled, alone) and its confidence_interval().
        let (alone, distilled) = ([148.0, 145.0, 146.0, 150.0, 141.0], [123.0, 110.0, 129.0, 121.0, 126.0]);
        let differences: Vec<f64> = distilled.iter().zip(alone).map(|(distilled, alone)| distilled - alone).collect();
        let found = PairedDifference::new(&differences).unwrap();
        assert_eq!(found.n, 5);
        close(found.mean, -24.2);
        close(found.sd, 8.318_653_737_234_168);
        close(found.interval[0], -34.528_972_859_046_86);
        close(found.interval[1], -13.871_027_140_953_137);
        close(found.p_value, 0.002_881_772_084_148_925);
    }

    #[test]
    fn differences_without_spread() {
        assert_eq!(PairedDifference::new(&[-3.0]), None);
        let same = |value| PairedDifference::new(&[value; 3]).map(|found| (found.interval, found.p_value));
        assert_eq!(same(0.0), Some(([0.0, 0.0], 1.0)));
        assert_eq!(same(-3.0), Some(([-3.0, -3.0], 0.0)));
    }
}
