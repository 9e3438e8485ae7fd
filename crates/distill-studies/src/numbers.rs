use distill_train::{PairedDifference, holm, mean_and_sd};

use distill_lab::jobs::Facts;
use distill_lab::summary;

/// Stands for NaN and for missing numbers.
const UNKNOWN: &str = "-";

/// Errors on the test set, one number for each model.
pub(crate) fn errors(found: &[Facts]) -> Vec<f64> {
    found.iter().map(|facts| facts.test_errors as f64).collect()
}

/// Accuracy on the test set in percent, one number for each model.
pub(crate) fn accuracies(found: &[Facts]) -> Vec<f64> {
    found.iter().map(|facts| 100.0 * (1.0 - facts.test_errors as f64 / facts.test_examples as f64)).collect()
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

/// `-63.2 (-71.0 to -55.4), p = 0.003` for each list of differences: as [`interval`], with the p-value of no difference by
/// Student's t, adjusted by Holm's method for the number of lists. And whether it is below 5 %.
pub(crate) fn compared(lists: &[Vec<f64>], decimals: usize) -> Vec<(String, bool)> {
    let p_values: Vec<f64> =
        lists.iter().map(|list| PairedDifference::new(list).map_or(f64::NAN, |found| found.p_value)).collect();
    let text = |(list, p): (&Vec<f64>, f64)| match list.len() {
        0 | 1 => (interval(list, decimals), false),
        _ if p < 0.001 => (format!("{}, p < 0.001", interval(list, decimals)), true),
        _ => (format!("{}, p = {p:.3}", interval(list, decimals)), p < 0.05),
    };
    lists.iter().zip(holm(&p_values)).map(text).collect()
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
        // Two-sided p-values of t = 2√3 and √3 for two degrees of freedom: 0.0742 and 0.2254, the former twice.
        assert_eq!(
            compared(&[vec![0.0, 1.0, 2.0], vec![1.0, 2.0, 3.0]], 0),
            [("1 (-1 to 3), p = 0.225".to_owned(), false), ("2 (-0 to 4), p = 0.148".to_owned(), false)]
        );
        assert_eq!(compared(&[vec![5.0]], 1), [("5.0".to_owned(), false)]);
        let (text, differs) = &compared(&[vec![10.0, 10.01, 10.02]], 0)[0];
        assert!(text.ends_with("p < 0.001") && *differs, "{text}");
        assert_eq!(differences(&[3.0, 5.0], &[1.0, 1.0]), [2.0, 4.0]);
        let point = point(3.0, &[1.0, 3.0]);
        assert_eq!((point.x, point.y), (3.0, 2.0));
        assert!((point.high.unwrap() - 2.0 - 2.0_f64.sqrt()).abs() < 1e-12);
        assert_eq!(table(&["a", "b"], &[vec!["1".into(), "2".into()]]), "| a | b |\n|---|---|\n| 1 | 2 |\n");
    }
}
