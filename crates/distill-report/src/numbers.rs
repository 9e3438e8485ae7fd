//! Numbers as people read them.

use distill_lab::summary::spread;

/// Test errors: whole for one model, mean and standard deviation for several.
pub(super) fn errors(values: &[f64]) -> String {
    spread(values, usize::from(values.len() > 1))
}

/// Parts of 1 as `98.52 %`, with the standard deviation of several.
pub(super) fn percent(parts: &[f64]) -> String {
    let hundredths: Vec<f64> = parts.iter().map(|part| 100.0 * part).collect();
    match spread(&hundredths, 2).as_str() {
        "-" => "-".to_owned(),
        text => format!("{text} %"),
    }
}

/// A probability with one decimal, which never claims to be certain.
pub(super) fn probability(p: f64) -> String {
    match p {
        _ if p < 0.0005 => "< 0.1 %".to_owned(),
        _ if p >= 0.9995 => "> 99.9 %".to_owned(),
        _ => format!("{:.1} %", 100.0 * p),
    }
}

/// `1 seed`, `5 seeds`.
pub(super) fn seeds(n: usize) -> String {
    if n == 1 { "1 seed".to_owned() } else { format!("{n} seeds") }
}

/// A number with its sign, the minus as long as the plus.
pub(crate) fn signed(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    match text.as_str() {
        _ if text.parse::<f64>() == Ok(0.0) => text,
        _ if value < 0.0 => format!("\u{2212}{text}"),
        _ => format!("+{text}"),
    }
}

/// Seconds as `0.4 s`, `22 s` or `3 min 20 s`.
pub(crate) fn seconds(value: f64) -> String {
    if value < 9.95 {
        return format!("{value:.1} s");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and shown whole")]
    let whole = value.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// Microseconds as `4.1 µs`, `412 µs` or `1.3 ms`.
pub(super) fn micros(value: f64) -> String {
    match value {
        _ if value < 99.95 => format!("{value:.1} µs"),
        _ if value < 999.5 => format!("{value:.0} µs"),
        _ => format!("{:.1} ms", value / 1e3),
    }
}

/// Arithmetic mean; nothing of nothing.
pub(super) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_whole_for_one_seed() {
        assert_eq!(errors(&[]), "-");
        assert_eq!(errors(&[123.0]), "123");
        assert_eq!(errors(&[145.0, 146.0, 148.0]), "146.3 ± 1.5");
        assert_eq!(percent(&[0.9852]), "98.52 %");
        assert_eq!(percent(&[]), "-");
    }

    #[test]
    fn probabilities_are_never_certain() {
        assert_eq!(
            [0.0, 0.0004, 0.0005, 0.42, 0.9994, 1.0].map(probability),
            ["< 0.1 %", "< 0.1 %", "0.1 %", "42.0 %", "99.9 %", "> 99.9 %"]
        );
    }

    #[test]
    fn signs_and_units() {
        assert_eq!([-27.64, 0.0, -0.01, 3.0].map(|value| signed(value, 1)), ["\u{2212}27.6", "0.0", "0.0", "+3.0"]);
        assert_eq!(
            [0.43, 9.96, 22.4, 200.0, 7260.0].map(seconds),
            ["0.4 s", "10 s", "22 s", "3 min 20 s", "2 h 1 min"]
        );
        assert_eq!([4.12, 99.96, 412.0, 1_300.0].map(micros), ["4.1 µs", "100 µs", "412 µs", "1.3 ms"]);
    }
}
