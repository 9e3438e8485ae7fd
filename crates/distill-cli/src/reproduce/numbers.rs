use distill_train::{PairedDifference, mean_and_sd};

use super::store::Facts;
use crate::summary;

/// In place of what is no number.
const UNKNOWN: &str = "-";

/// Errors on the test set, one number for each model.
pub(crate) fn errors(found: &[Facts]) -> Vec<f64> {
    found.iter().map(|facts| facts.test_errors as f64).collect()
}

/// Accuracy on the test set in percent, one number for each model.
pub(crate) fn accuracies(found: &[Facts]) -> Vec<f64> {
    found.iter().map(|facts| 100.0 * (1.0 - facts.test_errors as f64 / facts.test_examples as f64)).collect()
}

/// Which of two numbers is the better one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Better {
    /// As of errors.
    Lower,
    /// As of accuracies.
    Higher,
}

/// How much of one improvement another is, in percent. Where the whole is none, no part of it is a number.
pub(crate) fn part(gain: f64, whole: f64, better: Better) -> f64 {
    let is_improvement = match better {
        Better::Lower => whole < 0.0,
        Better::Higher => whole > 0.0,
    };
    if is_improvement { 100.0 * gain / whole } else { f64::NAN }
}

/// What each student keeps, in percent, of what the ensemble is better than its members on average.
pub(crate) fn kept_gain(members: &[f64], together: f64, students: &[f64], better: Better) -> Vec<f64> {
    let gain = together - mean(members);
    students.iter().map(|student| part(student - mean(members), gain, better)).collect()
}

pub(crate) fn mean(values: &[f64]) -> f64 {
    mean_and_sd(values).map_or(f64::NAN, |(mean, _)| mean)
}

/// `66.4 ± 3.2`: mean and standard deviation.
pub(crate) fn spread(values: &[f64], decimals: usize) -> String {
    // Such as a part of a gap that is not there.
    if mean(values).is_finite() { summary::spread(values, decimals) } else { UNKNOWN.to_owned() }
}

/// The differences of `a` and `b` seed by seed.
pub(crate) fn differences(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

/// `-63.2 (-71.0 to -55.4)`: mean and its 95 % interval by Student's t.
pub(crate) fn interval(values: &[f64], decimals: usize) -> String {
    match PairedDifference::new(values) {
        _ if !mean(values).is_finite() => UNKNOWN.to_owned(),
        None => format!("{:.decimals$}", mean(values)),
        Some(found) => {
            let [low, high] = found.interval;
            format!("{:.decimals$} ({low:.decimals$} to {high:.decimals$})", found.mean)
        }
    }
}

/// The mean with the ends of its standard deviation, for a chart.
pub(crate) fn point(x: f64, values: &[f64]) -> distill_chart::Point {
    let (y, sd) = mean_and_sd(values).unwrap_or((f64::NAN, None));
    distill_chart::Point { x, y, low: sd.map(|sd| y - sd), high: sd.map(|sd| y + sd) }
}

/// A table in Markdown.
pub(crate) fn table(header: &[&str], lines: &[Vec<String>]) -> String {
    let line = |cells: &mut dyn Iterator<Item = &str>| format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
    let mut text = line(&mut header.iter().copied());
    text += &format!("|{}\n", "---|".repeat(header.len()));
    for cells in lines {
        text += &line(&mut cells.iter().map(String::as_str));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_by_hand() {
        assert_eq!(spread(&[60.0, 70.0], 1), "65.0 ± 7.1");
        assert_eq!(spread(&[60.0], 0), "60");
        assert_eq!(spread(&[], 0), "-");
        assert_eq!((spread(&[1.0, f64::NAN], 0), interval(&[0.0, f64::INFINITY], 0)), ("-".into(), "-".into()));
        // t = 4.3027 for two degrees of freedom, standard error 1 / √3.
        assert_eq!(interval(&[1.0, 2.0, 3.0], 2), "2.00 (-0.48 to 4.48)");
        assert_eq!(interval(&[1.5], 1), "1.5");
        let (lower, higher) = (Better::Lower, Better::Higher);
        assert_eq!(kept_gain(&[60.0, 62.0], 63.0, &[62.0, 63.0, 61.0], higher), [50.0, 100.0, 0.0]);
        assert_eq!(kept_gain(&[70.0, 72.0], 61.0, &[66.0], lower), [50.0]);
        // There is nothing to keep of a loss, and none of it is a goal that is reached.
        for (together, better) in [(61.0, higher), (60.0, higher), (61.0, lower), (62.0, lower), (f64::NAN, lower)] {
            let kept = kept_gain(&[60.0, 62.0], together, &[90.0, 61.0, 20.0], better);
            assert!(kept.iter().all(|part| part.is_nan()), "{together}: {kept:?}");
            assert_eq!((interval(&kept, 0), mean(&kept) > 80.0), ("-".to_owned(), false));
        }
        assert_eq!(differences(&[3.0, 5.0], &[1.0, 1.0]), [2.0, 4.0]);
        let point = point(3.0, &[1.0, 3.0]);
        assert_eq!((point.x, point.y), (3.0, 2.0));
        assert!((point.high.unwrap() - 2.0 - 2.0_f64.sqrt()).abs() < 1e-12);
        assert_eq!(table(&["a", "b"], &[vec!["1".into(), "2".into()]]), "| a | b |\n|---|---|\n| 1 | 2 |\n");
    }
}
