//! Runs a parser on many inputs and holds it to what every parser promises.

use std::env;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use distill_tests::counting::measure;

use crate::random::Random;

/// What an input may take beyond four times its own length.
const ALLOWANCE: usize = 16 << 20;
const SLOWEST: Duration = Duration::from_secs(1);

/// A parser, and how to make inputs for it.
pub(crate) trait Parser {
    /// What it is called in the summary. It is also the seed.
    const NAME: &str;

    /// Bytes that a set may take besides, where a short file can hold a large one: more is refused, as the parser is told.
    const SET: usize = 0;

    /// What it makes of bytes.
    type Parsed: Debug;

    /// Inputs that are accepted, to begin with.
    fn corpus(&self) -> Vec<Vec<u8>>;

    /// Changes an input once. `other` is another one of the corpus.
    fn mutate(&self, bytes: &mut Vec<u8>, other: &[u8], random: &mut Random);

    /// Large inputs that have to be refused, or accepted at a reasonable price.
    fn large(&self) -> Vec<Vec<u8>>;

    /// The bytes parsed, or the message of the error.
    fn parse(&self, bytes: &[u8]) -> Result<Self::Parsed, String>;

    /// Panics if what was parsed changes when it is written and read again.
    fn check(&self, parsed: &Self::Parsed);

    /// Panics if the message is not one for people.
    fn check_message(&self, message: &str) {
        assert!(!message.is_empty());
    }
}

#[derive(Default)]
struct Summary {
    n_accepted: usize,
    n_rejected: usize,
    peak_bytes: usize,
    slowest: Duration,
}

/// Tries the corpus, the large inputs, and as many others as the environment says.
pub(crate) fn run<P: Parser>(parser: &P) {
    let number = |name: &str, default| env::var(name).map_or(default, |text| text.parse().expect(name));
    let (n_inputs, first) = (number("DISTILL_FUZZ_INPUTS", 100_000), number("DISTILL_FUZZ_FIRST", 0));
    let corpus = corpus(parser);
    let (mut summary, mut large) = (Summary::default(), Summary::default());
    for (i, bytes) in parser.large().iter().enumerate() {
        one(parser, bytes, &format!("large input {i}"), &mut large);
    }
    let start = Instant::now();
    for number in first..first + n_inputs {
        let random = &mut Random::new(P::NAME, number);
        let (mut bytes, other) = (random.pick(&corpus).clone(), random.pick(&corpus));
        // Most often one change, as many of them end in the first of the parser's checks.
        loop {
            parser.mutate(&mut bytes, other, random);
            if !random.once_in(3) {
                break;
            }
        }
        one(parser, &bytes, &format!("input {number}"), &mut summary);
    }
    let per_second = n_inputs as f64 / start.elapsed().as_secs_f64();
    let Summary { n_accepted, n_rejected, peak_bytes, slowest } = summary;
    println!(
        "{:<13} {n_inputs} inputs, {per_second:.0} a second: {n_accepted} accepted, {n_rejected} rejected, \
         peak {peak_bytes} bytes, slowest {slowest:.1?}; {} large inputs: peak {} bytes, slowest {:.1?}",
        P::NAME,
        large.n_accepted + large.n_rejected,
        large.peak_bytes,
        large.slowest
    );
    println!(
        "campaign {} inputs={n_inputs} accepted={n_accepted} rejected={n_rejected} peak_bytes={} slowest_us={} seconds={:.3}",
        P::NAME,
        peak_bytes.max(large.peak_bytes),
        slowest.max(large.slowest).as_micros(),
        start.elapsed().as_secs_f64(),
    );
    // Where all have one fate, the inputs no longer look like what the parser reads.
    assert!(n_inputs < 1000 || (n_accepted > 0 && n_rejected > 0), "{}", P::NAME);
}

/// The corpus, every entry of which has to be accepted.
fn corpus(parser: &impl Parser) -> Vec<Vec<u8>> {
    let corpus = parser.corpus();
    for (i, bytes) in corpus.iter().enumerate() {
        let mut summary = Summary::default();
        one(parser, bytes, &format!("corpus {i}"), &mut summary);
        assert_eq!(summary.n_accepted, 1, "corpus {i}: {:?}", parser.parse(bytes));
    }
    corpus
}

fn one<P: Parser>(parser: &P, bytes: &[u8], which: &str, summary: &mut Summary) {
    let which = || {
        let start = bytes[..bytes.len().min(1000)].escape_ascii();
        format!("{}, {which}, {} bytes: {start}", P::NAME, bytes.len())
    };
    let timed = || {
        let start = Instant::now();
        let (result, usage) = measure(|| catch_unwind(AssertUnwindSafe(|| parser.parse(bytes))));
        (start.elapsed(), result, usage.peak_bytes)
    };
    let (mut elapsed, result, peak_bytes) = timed();
    let result = result.unwrap_or_else(|_| panic!("the parser panics: {}", which()));
    let allowed = ALLOWANCE + P::SET + 4 * bytes.len();
    assert!(peak_bytes <= allowed, "{peak_bytes} bytes of memory, {allowed} are allowed: {}", which());
    if elapsed > SLOWEST {
        // The machine may have been busy with something else.
        elapsed = timed().0;
    }
    assert!(elapsed <= SLOWEST, "{elapsed:?}: {}", which());
    summary.peak_bytes = summary.peak_bytes.max(peak_bytes);
    summary.slowest = summary.slowest.max(elapsed);
    let checked = catch_unwind(AssertUnwindSafe(|| match &result {
        Ok(parsed) => parser.check(parsed),
        Err(message) => parser.check_message(message),
    }));
    assert!(checked.is_ok(), "{result:?}: {}", which());
    match result {
        Ok(_) => summary.n_accepted += 1,
        Err(_) => summary.n_rejected += 1,
    }
}
