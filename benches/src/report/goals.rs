//! The ratios that we want, beside those that we have.

use crate::result::{Bench, PairResult, RowResult};
use crate::stats::Spread;

/// The table of goals.
pub(super) fn table(bench: &Bench) -> String {
    let with_goal = |row: &RowResult| {
        let line = |pair: &PairResult| Some(line(&row.title, pair, pair.goal?));
        row.pairs.iter().filter_map(line).collect::<String>()
    };
    let lines: String = bench.rows.iter().map(with_goal).collect();
    format!("| what | ratio | measured | goal | reached |\n|---|---|---|---|---|\n{lines}")
}

fn line(title: &str, pair: &PairResult, goal: f64) -> String {
    let (measured, reached) = match Spread::of(&pair.ratios) {
        Some(spread) => (super::tables::ratio(spread), if spread.median >= goal { "yes" } else { "no" }),
        None => ("-".to_owned(), "not measured"),
    };
    format!("| {title} | {} / {} | {measured} | {goal} | {reached} |\n", pair.ours, pair.other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender::{Contender, Who};
    use crate::request::Precision;

    #[test]
    fn a_goal_is_reached_by_the_median() {
        let contender = |who| Contender { who, threads: 2, precision: Precision::F32 };
        let pair = |ratios: &[f64]| PairResult {
            ours: contender(Who::Ours),
            other: contender(Who::Burn),
            goal: None,
            ratios: ratios.to_vec(),
        };
        let check = |ratios: &[f64], expected: &str| assert_eq!(line("x", &pair(ratios), 2.5), expected);
        check(&[2.6, 2.5, 2.0], "| x | ours, 2 threads / burn, 2 threads | 2.50 (2.00 to 2.60) | 2.5 | yes |\n");
        check(&[2.4], "| x | ours, 2 threads / burn, 2 threads | 2.40 (2.40 to 2.40) | 2.5 | no |\n");
        check(&[], "| x | ours, 2 threads / burn, 2 threads | - | 2.5 | not measured |\n");
    }
}
