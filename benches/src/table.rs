//! The table on standard output.

use crate::result::{Found, Outcome, PairResult, RowResult};
use crate::rows::Unit;
use crate::shares::Share;
use crate::stats::Spread;

/// Who is there, and in which version.
pub(crate) fn versions(found: &[Found]) -> String {
    let line = |found: &Found| match &found.hello {
        Ok(hello) => format!("  {:<12} {} {}  {}\n", found.who, hello.name, hello.version, hello.features.join(" ")),
        Err(reason) => format!("  {:<12} missing: {reason}\n", found.who),
    };
    found.iter().map(line).collect()
}

/// A row with its contenders and ratios.
pub(crate) fn row(row: &RowResult) -> String {
    let mut text = format!("\n{}: {}  [{}]\n", row.name, row.title, row.unit.name());
    for outcome in &row.outcomes {
        text += &format!("  {:<44}{}\n", outcome.contender.to_string(), measured(outcome, row.unit));
    }
    for pair in &row.pairs {
        text += &format!("  {:<44}{}\n", format!("{} / {}", pair.ours, pair.other), ratio(pair));
    }
    for doubt in row.doubts() {
        text += &format!("  warning: they do not do the same: {doubt}\n");
    }
    text
}

/// What part of an epoch is not the network.
pub(crate) fn shares(shares: &[Share]) -> String {
    let line = |share: &Share| {
        let part = |name: &str, seconds: f64| format!("{name} {:.1} %", 100.0 * share.of(seconds));
        let parts =
            [part("evaluation", share.evaluation), part("reading", share.reading), part("jitter", share.jitter)];
        format!("  {:<44}{:>10.2} s  {}\n", share.title, share.training + share.evaluation, parts.join(", "))
    };
    format!("\nshares: parts of an epoch that are not the network\n{}", shares.iter().map(line).collect::<String>())
}

fn measured(outcome: &Outcome, unit: Unit) -> String {
    let Some(Spread { median, low, high }) = Spread::of(&outcome.values) else {
        return format!("missing: {}", outcome.missing.as_deref().unwrap_or("not measured"));
    };
    let note = outcome.note.as_ref().map_or(String::new(), |note| format!("  {note}"));
    format!("{:>10}  ({} to {}){note}", number(median, unit), number(low, unit), number(high, unit))
}

fn ratio(pair: &PairResult) -> String {
    let Some(Spread { median, low, high }) = Spread::of(&pair.ratios) else { return format!("{:>10}", "-") };
    let goal = pair.goal.map_or(String::new(), |goal| format!("  goal {goal}"));
    format!("{median:>10.2}  ({low:.2} to {high:.2}){goal}")
}

/// A measurement in as many digits as it is worth.
pub(crate) fn number(value: f64, unit: Unit) -> String {
    match unit {
        Unit::ExamplesPerSecond => thousands(value),
        Unit::Microseconds | Unit::Gflops => format!("{value:.1}"),
        Unit::Seconds => format!("{value:.2}"),
        Unit::Megabytes => thousands(value),
    }
}

/// A whole number with commas.
pub(crate) fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let n_digits = digits.len();
    let comma = |(i, digit): (usize, char)| {
        let is_first_of_three = i > 0 && (n_digits - i).is_multiple_of(3);
        is_first_of_three.then_some(',').into_iter().chain([digit])
    };
    digits.chars().enumerate().flat_map(comma).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender::{Contender, Who};
    use crate::request::{Hello, Precision, Request};

    fn contender(who: Who) -> Contender {
        Contender { who, threads: 2, precision: Precision::F32 }
    }

    #[test]
    fn a_row_says_median_spread_ratio_and_goal() {
        let outcome = |who, values: &[f64], missing: Option<&str>| Outcome {
            note: (who == Who::PyTorch).then(|| "eager".into()),
            missing: missing.map(str::to_owned),
            ..Outcome::of(contender(who), values.to_vec())
        };
        let pair = |other, goal, ratios: &[f64]| PairResult {
            ours: contender(Who::Ours),
            other: contender(other),
            goal,
            ratios: ratios.to_vec(),
        };
        let found = RowResult {
            name: "small".into(),
            title: "a small one".into(),
            unit: Unit::ExamplesPerSecond,
            request: Some(Request::train(&[784, 10], 128)),
            outcomes: vec![
                outcome(Who::Ours, &[1_234_567.0], None),
                outcome(Who::PyTorch, &[900.0, 1000.0, 1200.0], None),
                outcome(Who::Burn, &[], Some("it does not build")),
            ],
            pairs: vec![pair(Who::PyTorch, Some(5.0), &[4.0, 6.0]), pair(Who::Burn, None, &[])],
        };
        let expected = "
small: a small one  [examples/s]
  ours, 2 threads                              1,234,567  (1,234,567 to 1,234,567)
  PyTorch, 2 threads                               1,000  (950 to 1,100)  eager
  burn, 2 threads                             missing: it does not build
  ours, 2 threads / PyTorch, 2 threads              5.00  (4.50 to 5.50)  goal 5
  ours, 2 threads / burn, 2 threads                    -
";
        assert_eq!(row(&found), expected);
    }

    #[test]
    fn versions_say_who_is_missing() {
        let hello = Hello { name: "PyTorch".into(), version: "2.1".into(), threads: 2, features: vec!["avx2".into()] };
        let found = [
            Found { who: Who::PyTorch, hello: Ok(hello) },
            Found { who: Who::OnnxRuntime, hello: Err("left out".into()) },
        ];
        assert_eq!(versions(&found), "  PyTorch      PyTorch 2.1  avx2\n  onnxruntime  missing: left out\n");
    }

    #[test]
    fn numbers_have_commas() {
        for (value, text) in [(0.0, "0"), (999.4, "999"), (1000.0, "1,000"), (123_456_789.0, "123,456,789")] {
            assert_eq!(thousands(value), text);
        }
        assert_eq!(number(123.456, Unit::Microseconds), "123.5");
    }
}
