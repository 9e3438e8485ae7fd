//! The tests that a campaign consists of, and how much of each is done at a time.

use super::tally::Tally;
use crate::Result;
use crate::call::Call;

/// The same selection and features as `cargo xtask ci`, so that nothing is built twice.
pub(super) const SELECTION: [&str; 10] =
    ["--workspace", "--all-features", "--test", "cli", "--test", "suite", "--test", "fuzz", "--test", "graphs"];

/// What a test counts, how its numbers are given to it, and what is aimed at.
struct Kind {
    /// The file of tests it is in.
    target: &'static str,
    /// The start of its name.
    prefix: &'static str,
    /// What is counted.
    unit: &'static str,
    /// The variables for how many and from which on; nothing for a test that always does the same.
    variables: Option<[&'static str; 2]>,
    aim: f64,
    /// In the first part, before its speed is known.
    first: u64,
}

const FUZZ: [&str; 2] = ["DISTILL_FUZZ_INPUTS", "DISTILL_FUZZ_FIRST"];

const KINDS: [Kind; 5] = [
    Kind { target: "fuzz", prefix: "", unit: "inputs", variables: Some(FUZZ), aim: 1e6, first: 200 },
    Kind { target: "graphs", prefix: "damaged_files", unit: "inputs", variables: Some(FUZZ), aim: 1e6, first: 2000 },
    Kind {
        target: "cli",
        prefix: "kills::",
        unit: "kills",
        variables: Some(["DISTILL_TEST_KILLS", "DISTILL_TEST_FIRST"]),
        aim: 250.0,
        first: 2,
    },
    Kind {
        target: "suite",
        prefix: "faults::no_row_of_faults",
        unit: "cases",
        variables: Some(["DISTILL_TEST_FAULTS", "DISTILL_TEST_FIRST"]),
        aim: 1e5,
        first: 200,
    },
    Kind {
        target: "suite",
        prefix: "determinism::any_number_of_threads",
        unit: "times",
        variables: None,
        aim: 10.0,
        first: 1,
    },
];

/// One test.
pub(super) struct Job {
    /// As `cargo test` names it.
    pub(super) name: String,
    kind: &'static Kind,
}

/// All tests of the campaign, so that a parser that gets a test is in it.
pub(super) fn find() -> Result<Vec<Job>> {
    let mut jobs = Vec::new();
    for kind in &KINDS {
        let call = Call::cargo(["test", "--quiet", "--workspace", "--all-features", "--test"]);
        let (passes, list) = call.args([kind.target, "--", "--list"]).outcome()?;
        if !passes {
            return Err(format!("cannot list the tests of `{}`:\n{list}", kind.target).into());
        }
        jobs.extend(named(&list, kind));
    }
    Ok(jobs)
}

fn named(list: &str, kind: &'static Kind) -> Vec<Job> {
    let names = list.lines().filter_map(|line| line.strip_suffix(": test"));
    let names = names.filter(|name| name.starts_with(kind.prefix));
    names.map(|name| Job { name: name.to_owned(), kind }).collect()
}

impl Job {
    /// How much of its aim is reached; above 1 where it is.
    pub(super) fn share(&self, tally: &Tally) -> f64 {
        tally.count(&self.name, self.kind.unit) / self.kind.aim
    }

    /// The next numbers, for about so many seconds.
    pub(super) fn call(&self, tally: &Tally, seconds: f64) -> Call {
        let call = Call::cargo(["test", "--quiet", "--workspace", "--all-features", "--test"]);
        let call = call.args([self.kind.target, "--", &self.name, "--exact", "--nocapture", "--test-threads=1"]);
        let Some([how_many, first]) = self.kind.variables else { return call };
        let done = tally.count(&self.name, self.kind.unit);
        // What took no time that could be measured is tried again with more.
        let rate = done / tally.count(&self.name, "seconds").max(1e-3);
        let n = if done > 0.0 { (rate * seconds).max(1.0) } else { self.kind.first as f64 };
        call.env(how_many, format!("{n:.0}")).env(first, format!("{done:.0}"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;

    fn tally(name: &str, counts: &[(&str, f64)]) -> Tally {
        let counts: BTreeMap<String, f64> = counts.iter().map(|(key, count)| ((*key).to_owned(), *count)).collect();
        let mut tally = Tally::default();
        tally.add(name, &counts, Duration::from_secs(1));
        tally
    }

    #[test]
    fn a_list_of_tests_is_read() {
        let list = "idx::idx: test\nwav::wav: test\nmicro: benchmark\n\n2 tests, 1 benchmark\n";
        let names = |kind| named(list, kind).into_iter().map(|job| job.name).collect::<Vec<_>>();
        assert_eq!(names(&KINDS[0]), ["idx::idx", "wav::wav"]);
        assert!(names(&KINDS[2]).is_empty());
    }

    #[test]
    fn a_part_goes_on_after_the_last_for_as_long_as_one_says() {
        let job = Job { name: "idx::idx".to_owned(), kind: &KINDS[0] };
        let first = job.call(&Tally::default(), 10.0).to_string();
        assert_eq!(
            first,
            "DISTILL_FUZZ_INPUTS=200 DISTILL_FUZZ_FIRST=0 cargo test --quiet --workspace --all-features --test fuzz -- \
             idx::idx --exact --nocapture --test-threads=1"
        );
        let later = tally("idx::idx", &[("inputs", 250_000.0), ("seconds", 5.0)]);
        assert!(
            job.call(&later, 10.0).to_string().starts_with("DISTILL_FUZZ_INPUTS=500000 DISTILL_FUZZ_FIRST=250000 ")
        );
        assert_eq!((job.share(&Tally::default()), job.share(&later)), (0.0, 0.25));
        let threads = Job { name: "determinism::any_number_of_threads".to_owned(), kind: &KINDS[4] };
        assert!(threads.call(&later, 10.0).to_string().starts_with("cargo test"));
    }
}
