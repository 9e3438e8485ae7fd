use crate::ticks::{decade, multiples, round_step};

/// What a chart can show of a quantity, with round ticks.
#[derive(Clone, Debug)]
pub struct Axis {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) logarithmic: bool,
    /// In ascending order.
    pub ticks: Vec<f64>,
}

impl Axis {
    /// Whole numbers from `low` to `high`, which lie at the ends.
    pub fn whole(low: f64, high: f64) -> Self {
        let step = round_step((high - low) / 6.0).max(1.0);
        let ticks = multiples(step, low, high);
        let half = if low < high { 0.0 } else { 0.5 };
        Self { low: low - half, high: high + half, logarithmic: false, ticks }
    }

    /// For values of 0 and more: from 0 up, or logarithmic where the largest is over ten times the smallest.
    ///
    /// Nothing for no finite values.
    pub fn fit(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let (low, high) = range(values)?;
        if low > 0.0 && high > 10.0 * low { Some(Self::logarithmic(low, high)) } else { Some(Self::from_zero(high)) }
    }

    /// For values of 0 and more: no farther than to the next tick on either side of them.
    ///
    /// Nothing for no finite values.
    pub fn close(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let (low, high) = range(values)?;
        let step = round_step((high - low) / 5.0);
        if high - low <= 1e-9 * high {
            return Some(Self::from_zero(high));
        }
        let (low, high) = ((low / step + 1e-9).floor() * step, (high / step - 1e-9).ceil() * step);
        Some(Self { low, high, logarithmic: false, ticks: multiples(step, low, high) })
    }

    fn from_zero(high: f64) -> Self {
        let high = if high > 0.0 { high } else { 1.0 };
        let step = round_step(high / 5.0);
        let high = (high / step).ceil() * step;
        Self { low: 0.0, high, logarithmic: false, ticks: multiples(step, 0.0, high) }
    }

    fn logarithmic(low: f64, high: f64) -> Self {
        let decades = || decade(low)..=decade(high) + 1;
        let all: Vec<f64> = decades().flat_map(|k| [1.0, 2.0, 5.0].map(|m| m * 10_f64.powi(k))).collect();
        let below = all.iter().copied().rfind(|&tick| tick <= low).unwrap_or(low);
        let above = all.iter().copied().find(|&tick| tick >= high).unwrap_or(high);
        let few =
            |ticks: &[f64]| ticks.iter().copied().filter(|tick| (below..=above).contains(tick)).collect::<Vec<_>>();
        let mut ticks = few(&all);
        if ticks.len() > 8 {
            ticks = few(&decades().map(|k| 10_f64.powi(k)).collect::<Vec<_>>());
        }
        Self { low: below, high: above, logarithmic: true, ticks }
    }

    /// Where a value lies: 0 at the low end, 1 at the high end.
    pub fn at(&self, value: f64) -> f64 {
        let place = |value: f64| if self.logarithmic { value.ln() } else { value };
        (place(value) - place(self.low)) / (place(self.high) - place(self.low))
    }

    /// A tick with as many decimals as it takes to tell it from its neighbours.
    pub fn label(&self, tick: f64) -> String {
        let step = match self.ticks[..] {
            [first, second, ..] if !self.logarithmic => second - first,
            _ => tick,
        };
        let decimals = if step > 0.0 { usize::try_from(-decade(step)).unwrap_or(0) } else { 0 };
        format!("{tick:.decimals$}")
    }
}

/// The smallest and the largest of the finite values of 0 and more.
fn range(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let finite = values.into_iter().filter(|value| value.is_finite() && *value >= 0.0);
    finite.fold(None, |range: Option<(f64, f64)>, value| {
        let (low, high) = range.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(axis: &Axis, labels: &[&str]) {
        let found: Vec<String> = axis.ticks.iter().map(|&tick| axis.label(tick)).collect();
        assert_eq!(found, labels);
        let places: Vec<f64> = axis.ticks.iter().map(|&tick| axis.at(tick)).collect();
        assert!(places.iter().all(|place| (-1e-9..=1.0 + 1e-9).contains(place)), "{places:?}");
        assert!(places.is_sorted());
    }

    #[test]
    fn ticks_are_round() {
        check(&Axis::fit([0.31, 0.47]).unwrap(), &["0.0", "0.1", "0.2", "0.3", "0.4", "0.5"]);
        check(&Axis::fit([3.0, 17.2]).unwrap(), &["0", "5", "10", "15", "20"]);
        check(&Axis::fit([0.004]).unwrap(), &["0.000", "0.001", "0.002", "0.003", "0.004"]);
        check(&Axis::fit([0.0]).unwrap(), &["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        check(&Axis::fit([250_000.0]).unwrap(), &["0", "50000", "100000", "150000", "200000", "250000"]);
    }

    #[test]
    fn large_ranges_are_logarithmic() {
        check(&Axis::fit([0.03, 0.8]).unwrap(), &["0.02", "0.05", "0.1", "0.2", "0.5", "1"]);
        check(&Axis::fit([0.0003, 40.0]).unwrap(), &["0.001", "0.01", "0.1", "1", "10"]);
    }

    #[test]
    fn close_axes_begin_near_the_values() {
        check(&Axis::close([30.2, 31.1, 35.0]).unwrap(), &["30", "31", "32", "33", "34", "35"]);
        check(&Axis::close([0.0467, 0.0471]).unwrap(), &["0.0467", "0.0468", "0.0469", "0.0470", "0.0471"]);
        check(&Axis::close([0.0, 4.0]).unwrap(), &["0", "1", "2", "3", "4"]);
        check(&Axis::close([7.0, 7.0]).unwrap(), &["0", "2", "4", "6", "8"]);
        assert!(Axis::close([f64::NAN]).is_none());
    }

    #[test]
    fn axes_may_go_below_zero() {
        check(&Axis::around([-3.0, 0.0, 17.2]), &["-5", "0", "5", "10", "15", "20"]);
        check(&Axis::around([]), &["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
    }

    #[test]
    fn epochs_are_whole() {
        check(&Axis::whole(1.0, 9.0), &["2", "4", "6", "8"]);
        check(&Axis::whole(1.0, 3.0), &["1", "2", "3"]);
        check(&Axis::whole(4.0, 4.0), &["4"]);
        assert_eq!(Axis::whole(4.0, 4.0).at(4.0), 0.5);
    }

    #[test]
    fn what_cannot_be_shown_has_no_axis() {
        assert!(Axis::fit([]).is_none());
        assert!(Axis::fit([f64::NAN, f64::INFINITY, -1.0]).is_none());
        let axis = Axis::fit([f64::NAN, 2.0]).unwrap();
        assert_eq!((axis.at(0.0), axis.at(2.0)), (0.0, 1.0));
    }
}
