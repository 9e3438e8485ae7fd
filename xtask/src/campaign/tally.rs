//! What has been counted so far.

use std::collections::BTreeMap;
use std::time::Duration;

/// By its key, what a test has counted.
pub(super) type Counts = BTreeMap<String, f64>;

/// Of these the largest counts, of all others the sum.
const LARGEST: [&str; 2] = ["peak_bytes", "slowest_us"];

/// The entry of the campaign itself.
const GOES: &str = "campaign";

/// The counts of all tests, by their names.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tally(BTreeMap<String, Counts>);

impl Tally {
    /// Another go.
    pub(super) fn begin(&mut self) {
        *self.0.entry(GOES.to_owned()).or_default().entry("goes".to_owned()).or_default() += 1.0;
    }

    /// Adds the counts of a part of a test, which took so long with all that belongs to it.
    pub(super) fn add(&mut self, name: &str, counts: &Counts, took: Duration) {
        let old = self.0.entry(name.to_owned()).or_default();
        for (key, count) in counts {
            let sum = old.entry(key.clone()).or_default();
            *sum = if LARGEST.contains(&key.as_str()) { sum.max(*count) } else { *sum + count };
        }
        *self.0.entry(GOES.to_owned()).or_default().entry("seconds".to_owned()).or_default() += took.as_secs_f64();
    }

    /// 0 for what was never counted.
    pub(super) fn count(&self, name: &str, key: &str) -> f64 {
        self.0.get(name).and_then(|counts| counts.get(key)).copied().unwrap_or_default()
    }

    /// The tests that count something of this name.
    pub(super) fn that_count(&self, unit: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(_, counts)| counts.contains_key(unit)).map(|(name, _)| name.as_str())
    }

    pub(super) fn goes(&self) -> f64 {
        self.count(GOES, "goes")
    }

    pub(super) fn seconds(&self) -> f64 {
        self.count(GOES, "seconds")
    }

    /// The counts of a test, as it prints them.
    pub(super) fn line(&self, name: &str) -> String {
        let counts = self.0.get(name).into_iter().flatten();
        // Three decimals of a second are enough, and all others are whole.
        let count = |(key, count): (&String, &f64)| format!("{key}={}", (count * 1e3).round() / 1e3);
        counts.map(count).collect::<Vec<_>>().join(" ")
    }

    /// A line for each test.
    pub(super) fn text(&self) -> String {
        self.0.keys().map(|name| format!("{name} {}\n", self.line(name))).collect()
    }

    /// Reads [`Tally::text`].
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let line = |line: &str| {
            let (name, pairs) = line.split_once(' ').unwrap_or((line, ""));
            Ok((name.to_owned(), pairs_of(pairs).ok_or_else(|| format!("`{line}` has no counts"))?))
        };
        text.lines().filter(|line| !line.trim().is_empty()).map(line).collect::<Result<_, _>>().map(Self)
    }
}

/// What a test has counted: `campaign NAME KEY=NUMBER ...` in what it printed.
pub(super) fn counts(printed: &str) -> Option<Counts> {
    let line = printed.lines().find_map(|line| line.split_once("campaign ").map(|(_, rest)| rest))?;
    // The name may have several words.
    let start = line.find('=').map(|at| line[..at].rfind(' ').unwrap_or_default())?;
    pairs_of(&line[start..])
}

fn pairs_of(text: &str) -> Option<Counts> {
    let pair = |pair: &str| {
        let (key, number) = pair.split_once('=')?;
        let number = number.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)?;
        Some((key.to_owned(), number))
    };
    text.split_whitespace().map(pair).collect::<Option<Counts>>().filter(|counts| !counts.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_over_parts_and_goes() {
        let printed =
            "\nrunning 1 test\ntest idx::idx ... campaign idx inputs=200 rejected=150 slowest_us=90 seconds=0.5\nok\n";
        let found = counts(printed).expect("a line of counts");
        let mut tally = Tally::default();
        tally.begin();
        tally.add("idx::idx", &found, Duration::from_millis(1500));
        tally.add(
            "idx::idx",
            &counts("campaign two words inputs=100 slowest_us=40 seconds=0.25").expect("counts"),
            Duration::from_secs(1),
        );
        assert_eq!(tally.line("idx::idx"), "inputs=300 rejected=150 seconds=0.75 slowest_us=90");
        assert_eq!((tally.goes(), tally.seconds()), (1.0, 2.5));
        assert_eq!(Tally::parse(&tally.text()).as_ref(), Ok(&tally));
        assert_eq!(tally.that_count("inputs").collect::<Vec<_>>(), ["idx::idx"]);
        assert_eq!(tally.count("wav::wav", "inputs"), 0.0);
    }

    #[test]
    fn what_is_no_count_is_refused() {
        for printed in ["", "nothing", "campaign idx", "campaign idx inputs=many", "campaign idx inputs=-1"] {
            assert_eq!(counts(printed), None, "{printed}");
        }
        assert!(Tally::parse("idx::idx inputs").is_err());
        assert_eq!(Tally::parse("\n"), Ok(Tally::default()));
    }
}
