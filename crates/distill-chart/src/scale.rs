use crate::axis::Axis;
use crate::ticks::{decade, multiples, round_step};

/// How the values of an axis are spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Equal differences are equally long.
    #[default]
    Linear,
    /// Equal ratios are equally long; for positive values.
    Log,
}

/// Values beyond it count as infinite, so that no sum or ratio below overflows.
const LARGEST: f64 = 1e250;
/// Values that differ by less, relative to the larger, count as equal.
const RESOLUTION: f64 = 1e-9;

impl Scale {
    /// Whether a value has a place on such an axis.
    pub(crate) fn shows(self, value: f64) -> bool {
        match self {
            Self::Linear => value.abs() <= LARGEST,
            Self::Log => (1.0 / LARGEST..=LARGEST).contains(&value),
        }
    }

    /// An axis on which all values lie that this scale shows, with about `n` ticks.
    pub(crate) fn axis(self, values: impl Iterator<Item = f64>, n: usize) -> Axis {
        let shown = values.filter(|value| self.shows(*value));
        let range = shown.fold(None, |range: Option<(f64, f64)>, value| {
            let (low, high) = range.unwrap_or((value, value));
            Some((low.min(value), high.max(value)))
        });
        match self {
            Self::Linear => linear(range.unwrap_or((0.0, 1.0)), n),
            Self::Log => log(range.unwrap_or((1.0, 10.0)), n),
        }
    }
}

/// From tick to tick. From 0 where that takes no more room than the values do.
fn linear((mut low, mut high): (f64, f64), n: usize) -> Axis {
    let equal = high - low <= RESOLUTION * low.abs().max(high.abs());
    if equal || low < high / 2.0 {
        low = low.min(0.0);
    }
    if equal || high > low / 2.0 {
        high = high.max(0.0);
    }
    if high - low < 1.0 / LARGEST {
        high = low + 1.0;
    }
    let step = round_step((high - low) / n as f64);
    let (low, high) = ((low / step + RESOLUTION).floor() * step, (high / step - RESOLUTION).ceil() * step);
    Axis { low, high, logarithmic: false, ticks: multiples(step, low, high) }
}

/// A little more than the values, or a decade to each side of a single one.
fn log((low, high): (f64, f64), n: usize) -> Axis {
    const PADDING: f64 = 0.04;
    let ratio = high.ln() - low.ln();
    let padding = if ratio <= RESOLUTION { 10.0 } else { (PADDING * ratio).exp() };
    let (low, high) = (low / padding, high * padding);
    Axis { low, high, logarithmic: true, ticks: log_ticks(low, high, n) }
}

/// The roundest numbers of which enough lie between the ends: powers of ten, 1 and 3 of each, 1, 2 and 5 of each, or
/// those of a linear axis.
fn log_ticks(low: f64, high: f64, n: usize) -> Vec<f64> {
    let of_each_decade = |factors: &[f64]| -> Vec<f64> {
        let all = (decade(low)..=decade(high)).flat_map(|k| factors.iter().map(move |factor| factor * 10_f64.powi(k)));
        let slack = 1.0 + RESOLUTION;
        all.filter(|tick| (low / slack..=high * slack).contains(tick)).collect()
    };
    let decades = of_each_decade(&[1.0]);
    if decades.len() >= n.min(4) {
        return decades.iter().copied().step_by(decades.len().div_ceil(n)).collect();
    }
    // Linear ticks crowd at the upper end, so three of 1, 2 and 5 are better than more of them.
    let finer = [(n.min(4), &[1.0, 3.0][..]), (n.min(3), &[1.0, 2.0, 5.0])];
    let finer = finer.map(|(enough, factors)| (enough, of_each_decade(factors)));
    let chosen = finer.into_iter().find_map(|(enough, ticks)| (ticks.len() >= enough).then_some(ticks));
    chosen.unwrap_or_else(|| multiples(round_step((high - low) / n as f64), low, high))
}

impl Axis {
    /// From tick to tick around values of any sign, and from 0 where that takes no more room than they do.
    pub fn around(values: impl IntoIterator<Item = f64>) -> Self {
        Scale::Linear.axis(values.into_iter(), 6)
    }

    /// The labels of the ticks, shorter than [`Axis::label`] where numbers are large or small: 300, 10k, 2.5M, 1e-6.
    pub fn short_labels(&self) -> Vec<String> {
        if self.logarithmic {
            return self.ticks.iter().flat_map(|tick| short(&[*tick], 1e3)).collect();
        }
        short(&self.ticks, 1e4)
    }
}

/// Numbers in the same unit, with as many decimals as the one that needs most; letters begin at `letters_from`.
fn short(ticks: &[f64], letters_from: f64) -> Vec<String> {
    let largest = ticks.iter().fold(0.0, |largest: f64, tick| largest.max(tick.abs()));
    let decimals = |unit: f64| {
        let exact = |n: &usize| {
            let power = 10_f64.powi(i32::try_from(*n).unwrap_or(i32::MAX));
            let is_exact = |tick: &f64| {
                let value = tick / unit;
                ((value * power).round() / power - value).abs() <= 1e-12 * largest / unit
            };
            ticks.iter().all(is_exact)
        };
        (0..12).find(exact).unwrap_or(12)
    };
    let letter = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")].into_iter().find(|(unit, _)| largest >= *unit);
    let (unit, suffix) = match letter {
        _ if largest >= 1e15 || (largest > 0.0 && largest < 1e-3) => {
            let k = decade(largest);
            (10_f64.powi(k), format!("e{k}"))
        }
        Some((unit, letter)) if largest >= letters_from && decimals(unit) <= 1 => (unit, letter.to_owned()),
        _ => (1.0, String::new()),
    };
    let n = decimals(unit);
    let label = |tick: &f64| if *tick == 0.0 { "0".to_owned() } else { format!("{:.n$}{suffix}", tick / unit) };
    ticks.iter().map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(scale: Scale, values: &[f64], labels: &[&str]) {
        let axis = scale.axis(values.iter().copied(), 5);
        assert_eq!(axis.short_labels(), labels, "{:?}", axis.ticks);
        let places = |values: &[f64]| values.iter().map(|value| axis.at(*value)).collect::<Vec<_>>();
        for place in [places(&axis.ticks), places(values)].concat() {
            assert!((-1e-6..=1.0 + 1e-6).contains(&place), "{place} of {values:?}");
        }
        assert!(places(&axis.ticks).is_sorted());
    }

    #[test]
    fn linear_axes_start_at_zero_unless_that_wastes_half() {
        check(Scale::Linear, &[3.0, 17.2], &["0", "5", "10", "15", "20"]);
        check(Scale::Linear, &[98.1, 98.7], &["98.0", "98.2", "98.4", "98.6", "98.8"]);
        check(Scale::Linear, &[-3.0, 5.0], &["-4", "-2", "0", "2", "4", "6"]);
        check(Scale::Linear, &[-30.0, -5.0], &["-30", "-20", "-10", "0"]);
        check(Scale::Linear, &[-98.7, -98.1], &["-98.8", "-98.6", "-98.4", "-98.2", "-98.0"]);
    }

    #[test]
    fn linear_labels_are_short() {
        check(Scale::Linear, &[0.0, 5000.0], &["0", "1000", "2000", "3000", "4000", "5000"]);
        check(Scale::Linear, &[0.0, 250_000.0], &["0", "50k", "100k", "150k", "200k", "250k"]);
        check(Scale::Linear, &[0.0, 1.1e9], &["0", "0.5G", "1.0G", "1.5G"]);
        check(
            Scale::Linear,
            &[1_000_001.0, 1_000_003.0],
            &["1000001.0", "1000001.5", "1000002.0", "1000002.5", "1000003.0"],
        );
        check(Scale::Linear, &[0.0, 2e-6], &["0", "0.5e-6", "1.0e-6", "1.5e-6", "2.0e-6"]);
        check(Scale::Linear, &[0.0, 4e18], &["0", "1e18", "2e18", "3e18", "4e18"]);
    }

    #[test]
    fn log_ticks_are_the_roundest_that_are_enough() {
        check(Scale::Log, &[30.0, 1000.0], &["30", "100", "300", "1k"]);
        check(Scale::Log, &[300.0, 10_000.0], &["300", "1k", "3k", "10k"]);
        check(Scale::Log, &[1.0, 10.0], &["1", "2", "5", "10"]);
        check(Scale::Log, &[230.0, 2200.0], &["500", "1k", "2k"]);
        check(Scale::Log, &[20.0, 50.0], &["20", "30", "40", "50"]);
        check(Scale::Log, &[0.002, 40.0], &["0.01", "0.1", "1", "10"]);
        check(Scale::Log, &[1.0, 1e9], &["1", "100", "10k", "1M", "100M"]);
        check(Scale::Log, &[1e-9, 1e-5], &["1e-9", "1e-8", "1e-7", "1e-6", "1e-5"]);
    }

    #[test]
    fn equal_values_and_none_have_an_axis() {
        check(Scale::Linear, &[7.0], &["0", "2", "4", "6", "8"]);
        check(Scale::Linear, &[0.3, 0.1 + 0.2], &["0", "0.1", "0.2", "0.3"]);
        check(Scale::Linear, &[-7.0], &["-8", "-6", "-4", "-2", "0"]);
        check(Scale::Linear, &[0.0], &["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        check(Scale::Linear, &[5e-324], &["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        check(Scale::Linear, &[], &["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        check(Scale::Log, &[100.0, 100.0], &["10", "30", "100", "300", "1k"]);
        check(Scale::Log, &[], &["1", "2", "5", "10"]);
    }

    #[test]
    fn extremes_have_finite_axes() {
        for scale in [Scale::Linear, Scale::Log] {
            for values in [[1e-250, 1e250], [1e250, 1e250], [1e-250, 1e-250], [1.0, 1.0 + 1e-8], [1e-320, 1e-310]] {
                let axis = scale.axis(values.into_iter(), 5);
                assert!((2..=8).contains(&axis.ticks.len()), "{scale:?} {values:?}: {:?}", axis.ticks);
                assert!(axis.ticks.iter().all(|tick| (-1e-6..=1.0 + 1e-6).contains(&axis.at(*tick))), "{values:?}");
            }
        }
    }

    #[test]
    fn only_values_with_a_place_are_shown() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX] {
            assert!(!Scale::Linear.shows(value) && !Scale::Log.shows(value), "{value}");
        }
        assert!(Scale::Linear.shows(-1.0) && Scale::Linear.shows(0.0));
        assert!(!Scale::Log.shows(-1.0) && !Scale::Log.shows(0.0) && Scale::Log.shows(1e-9));
    }
}
