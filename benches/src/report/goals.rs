//! The goals, all of them, beside what was measured.

use crate::job;
use crate::result::{Bench, PairResult, RowResult};
use crate::rows::{self, Row};
use crate::stats::Spread;
use crate::table::number;

/// Seconds to the end of the first step that we want.
const FIRST_STEP: f64 = 0.1;
/// What is to be done so that a goal of memory can be judged.
const NEEDS_CPU_WHEEL: &str = "not judged: it needs the CPU wheel";

/// The table of goals. What was not measured is in it, too.
pub(super) fn table(bench: &Bench) -> String {
    let threads = bench.rows.iter().flat_map(|row| &row.outcomes).map(|outcome| outcome.contender.threads).max();
    let rows = rows::all(threads.unwrap_or(1));
    let of_rows: String = rows.iter().map(|row| of_row(bench, row)).collect();
    let (time, memory) = job::GOALS;
    let lines = [
        of_job(bench, job::TIME, "the main job, time", time, "not measured"),
        of_job(bench, job::MEMORY, "the main job, largest memory in use", memory, NEEDS_CPU_WHEEL),
        first_step(bench),
    ];
    format!("| what | of | measured | goal | reached |\n|---|---|---|---|---|\n{of_rows}{}", lines.concat())
}

fn find<'b>(bench: &'b Bench, name: &str) -> Option<&'b RowResult> {
    bench.rows.iter().find(|row| row.name == name)
}

/// The goals of a row.
fn of_row(bench: &Bench, row: &Row) -> String {
    let line = |pair: &rows::Pair| {
        let goal = pair.goal?;
        let (ours, other) = (row.contenders[pair.ours], row.contenders[pair.other]);
        let is_it = |found: &&PairResult| (found.ours, found.other) == (ours, other);
        let found = find(bench, &row.name).and_then(|row| row.pairs.iter().find(is_it));
        let ratios = found.map_or(&[][..], |found| found.ratios.as_slice());
        Some(ratio(&row.title, &format!("{ours} / {other}"), ratios, goal, "not measured"))
    };
    row.pairs.iter().filter_map(line).collect()
}

/// A goal of the main job.
fn of_job(bench: &Bench, name: &str, what: &str, goal: f64, otherwise: &str) -> String {
    let pair = find(bench, name).and_then(|row| row.pairs.first()).filter(|pair| pair.goal.is_some());
    let ratios = pair.map_or(&[][..], |pair| pair.ratios.as_slice());
    ratio(what, "ours / PyTorch", ratios, goal, otherwise)
}

fn ratio(what: &str, of: &str, ratios: &[f64], goal: f64, otherwise: &str) -> String {
    let (measured, reached) = match Spread::of(ratios) {
        Some(spread) => (super::tables::ratio(spread), verdict(spread.low >= goal, spread.high < goal)),
        None => ("-".to_owned(), otherwise),
    };
    format!("| {what} | {of} | {measured} | {goal} | {reached} |\n")
}

/// The one goal that is not a ratio.
fn first_step(bench: &Bench) -> String {
    let found = find(bench, job::START).and_then(|row| Some((row.unit, Spread::of(&row.outcomes.first()?.values)?)));
    let (measured, reached) = match found {
        Some((unit, spread)) => {
            let Spread { median, low, high } = spread;
            let shown = format!("{} s ({} to {})", number(median, unit), number(low, unit), number(high, unit));
            (shown, verdict(high <= FIRST_STEP, low > FIRST_STEP))
        }
        None => ("-".to_owned(), "not measured"),
    };
    format!(
        "| the main job, from its start to the end of its first step | ours | {measured} | at most {FIRST_STEP} s | {reached} |\n"
    )
}

/// A goal is reached, or missed, where both quartiles say so.
fn verdict(is_reached: bool, is_missed: bool) -> &'static str {
    match (is_reached, is_missed) {
        (true, _) => "yes",
        (_, true) => "no",
        _ => "undecided",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_reached_where_both_quartiles_are_above_it() {
        let line = |ratios: &[f64]| ratio("x", "a / b", ratios, 2.5, "not measured");
        assert_eq!(line(&[2.6, 2.7, 2.5]), "| x | a / b | 2.60 (2.55 to 2.65) | 2.5 | yes |\n");
        assert_eq!(line(&[2.6, 2.5, 2.0]), "| x | a / b | 2.50 (2.25 to 2.55) | 2.5 | undecided |\n");
        assert_eq!(line(&[2.4]), "| x | a / b | 2.40 (2.40 to 2.40) | 2.5 | no |\n");
        assert_eq!(line(&[]), "| x | a / b | - | 2.5 | not measured |\n");
    }
}
