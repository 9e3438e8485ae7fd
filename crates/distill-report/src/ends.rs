//! What a chart of curves needs so that their ends can be told apart.

use distill_chart::Axis;

/// As a part of the height: ends that are nearer are hard to tell apart.
const APART: f64 = 0.06;

/// The axis for these values: the widest on which the last ones can be told apart, else the one on which they are
/// farthest. Points are of an epoch and a value. Nothing if there are none.
///
/// The widest has all values and starts from 0, or is logarithmic. Others leave out what is far from the values, and at
/// last the first third of the epochs, which leaves the plot at its edge.
pub(super) fn axis(points: &[(f64, f64)], last: &[(f64, f64)]) -> Option<Axis> {
    let begin = points.iter().map(|(epoch, _)| *epoch).fold(f64::MAX, f64::min);
    let end = points.iter().map(|(epoch, _)| *epoch).fold(f64::MIN, f64::max);
    let late = begin + (end - begin) / 3.0;
    let all = || points.iter().map(|(_, value)| *value);
    let rest = || points.iter().filter(|(epoch, _)| *epoch >= late).chain(last).map(|(_, value)| *value);
    let axes = [Axis::fit(all())?, Axis::close(all())?, Axis::fit(rest())?, Axis::close(rest())?];
    let nearest: Vec<f64> = axes.iter().map(|axis| gap(axis, last)).collect();
    let farthest = nearest.iter().copied().fold(0.0, f64::max);
    let good = nearest.iter().position(|&gap| gap >= APART.min(farthest))?;
    axes.into_iter().nth(good)
}

/// Between the nearest two of the values that differ, as a part of the height.
fn gap(axis: &Axis, last: &[(f64, f64)]) -> f64 {
    let mut values: Vec<f64> = last.iter().map(|(_, value)| *value).collect();
    values.sort_by(f64::total_cmp);
    let differs = |pair: &&[f64]| pair[1] - pair[0] > 1e-3 * pair[1].abs();
    let gaps = values.windows(2).filter(differs).map(|pair| axis.at(pair[1]) - axis.at(pair[0]));
    gaps.fold(1.0, f64::min)
}

/// The parts of a line that are between 0 and 1 in height, cut where it leaves.
pub(super) fn inside(points: &[(f64, f64)]) -> Vec<Vec<(f64, f64)>> {
    // What has no logarithm is far below.
    let points: Vec<(f64, f64)> = points.iter().map(|&(x, y)| (x, y.clamp(-1e3, 1e3))).collect();
    let is_inside = |point: &(f64, f64)| (0.0..=1.0).contains(&point.1);
    if let [point] = points[..] {
        return if is_inside(&point) { vec![vec![point]] } else { vec![] };
    }
    let mut lines: Vec<Vec<(f64, f64)>> = Vec::new();
    for pair in points.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        // The part of the way on which the height is between 0 and 1.
        let at = |height: f64| (height - from.1) / (to.1 - from.1);
        let (start, end) = match from.1 == to.1 {
            true => (0.0, if is_inside(&from) { 1.0 } else { -1.0 }),
            false => (at(0.0).min(at(1.0)).max(0.0), at(0.0).max(at(1.0)).min(1.0)),
        };
        if start >= end {
            continue;
        }
        let point = |t: f64| (from.0 + t * (to.0 - from.0), (from.1 + t * (to.1 - from.1)).clamp(0.0, 1.0));
        let end = if end == 1.0 { to } else { point(end) };
        match lines.last_mut() {
            Some(line) if start == 0.0 && line.last() == Some(&from) => line.push(end),
            _ => lines.push(vec![if start == 0.0 { from } else { point(start) }, end]),
        }
    }
    lines
}

/// Heights from above, moved so that they are so far from each other, and none is below the last.
pub(super) fn apart(heights: &[f64], distance: f64, lowest: f64) -> Vec<f64> {
    let mut moved = heights.to_vec();
    for i in 1..moved.len() {
        moved[i] = moved[i].max(moved[i - 1] + distance);
    }
    let mut below = lowest;
    for height in moved.iter_mut().rev() {
        *height = height.min(below);
        below = *height - distance;
    }
    moved
}

/// A value with three digits that count.
pub(super) fn short(value: f64) -> String {
    let decimals = match value.abs() {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        0.1.. => 3,
        _ => 4,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(values: &[f64]) -> Vec<(f64, f64)> {
        (1..).map(f64::from).zip(values.iter().copied()).collect()
    }

    fn of(curves: &[&[f64]]) -> Axis {
        let curves: Vec<_> = curves.iter().map(|values| curve(values)).collect();
        let last: Vec<_> = curves.iter().filter_map(|curve| curve.last().copied()).collect();
        axis(&curves.concat(), &last).unwrap()
    }

    #[test]
    fn the_widest_axis_is_kept_where_the_ends_differ_on_it() {
        let axis = of(&[&[5.0, 3.0, 2.0], &[5.0, 4.0, 3.0]]);
        assert_eq!((axis.at(0.0), axis.at(5.0)), (0.0, 1.0));
        // Nothing to tell apart.
        assert_eq!(of(&[&[5.0, 3.0, 2.0]]).at(0.0), 0.0);
        assert_eq!(of(&[&[5.0, 3.0, 2.0], &[5.0, 3.0, 2.0]]).at(0.0), 0.0);
        // A tenth of the range is logarithmic, where 0.04 and 0.05 are far enough.
        let axis = of(&[&[2.0, 0.1, 0.04], &[2.0, 0.1, 0.055]]);
        assert!(axis.at(0.055) - axis.at(0.04) > APART && axis.at(2.0) <= 1.0);
    }

    #[test]
    fn near_ends_get_a_nearer_axis() {
        for curves in [
            [&[35.0, 33.0, 32.0, 31.1][..], &[35.0, 33.0, 32.0, 30.5]],
            [&[99.0, 33.0, 32.0, 31.1], &[99.0, 33.0, 32.0, 30.5]],
            [&[99.0, 33.0, 32.0, 31.1], &[99.0, 33.0, 32.0, 31.0]],
        ] {
            let (axis, wide) = (of(&curves), Axis::fit(curves.concat()).unwrap());
            let gap = |axis: &Axis| (axis.at(curves[0][3]) - axis.at(curves[1][3])).abs();
            assert!(gap(&axis) >= 2.0 * gap(&wide), "{axis:?}");
            assert!((0.0..=1.0).contains(&axis.at(curves[0][3])), "{axis:?}");
        }
    }

    #[test]
    fn lines_are_cut_at_the_edges() {
        assert_eq!(inside(&[(0.0, 0.5), (1.0, 0.25), (2.0, 1.0)]), [vec![(0.0, 0.5), (1.0, 0.25), (2.0, 1.0)]]);
        assert_eq!(inside(&[(0.0, 2.0), (1.0, 0.0), (2.0, 0.0)]), [vec![(0.5, 1.0), (1.0, 0.0), (2.0, 0.0)]]);
        let twice = inside(&[(0.0, 0.5), (1.0, 1.5), (2.0, 0.5), (3.0, f64::NEG_INFINITY)]);
        assert_eq!((twice.len(), &twice[0]), (2, &vec![(0.0, 0.5), (0.5, 1.0)]));
        assert_eq!(twice[1][..2], [(1.5, 1.0), (2.0, 0.5)]);
        assert!(twice[1][2].1 == 0.0 && twice[1][2].0 < 2.01);
        assert_eq!(inside(&[(0.0, 3.0), (1.0, 2.0)]), [[(0.0, 0.0); 0]; 0]);
        assert_eq!((inside(&[(0.0, 1.0)]).len(), inside(&[(0.0, 1.1)]).len(), inside(&[]).len()), (1, 0, 0));
    }

    #[test]
    fn labels_do_not_touch() {
        assert_eq!(apart(&[10.0, 30.0, 60.0], 13.0, 100.0), [10.0, 30.0, 60.0]);
        assert_eq!(apart(&[10.0, 11.0, 12.0], 13.0, 100.0), [10.0, 23.0, 36.0]);
        assert_eq!(apart(&[90.0, 95.0, 100.0], 13.0, 100.0), [74.0, 87.0, 100.0]);
    }

    #[test]
    fn ends_have_three_digits() {
        assert_eq!([0.04671, 0.4671, 4.671, 46.71, 467.1].map(short), ["0.0467", "0.467", "4.67", "46.7", "467"]);
    }
}
