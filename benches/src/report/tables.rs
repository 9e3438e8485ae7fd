//! The tables of the page.

use super::{growth, roofline};
use crate::result::{Bench, Found, RowResult};
use crate::rows::Unit;
use crate::stats::Spread;
use crate::table::number;

pub(super) fn machine(bench: &Bench) -> String {
    let machine = &bench.machine;
    let memory = machine.memory.map_or("unknown".into(), |bytes| format!("{:.1} GB", bytes as f64 / 1e9));
    let plural = if machine.cores == 1 { "" } else { "s" };
    format!(
        "| | |\n|---|---|\n| processor | {}, {} core{plural}, {} |\n| memory | {memory} |\n| system | {} |\n\
         | date | {} |\n| commit | {} |\n| command | `{}` |\n| each measurement | {} rounds of {} s |\n",
        machine.model,
        machine.cores,
        machine.simd.join(" "),
        machine.system,
        bench.date,
        bench.commit,
        bench.command,
        bench.rounds,
        bench.seconds
    )
}

pub(super) fn versions(found: &[Found]) -> String {
    let line = |found: &Found| match &found.hello {
        Ok(hello) => format!("| {} | {} {} | {} |\n", found.who, hello.name, hello.version, hello.features.join(" ")),
        Err(reason) => format!("| {} | missing | {} |\n", found.who, cell(reason)),
    };
    format!("| who | version | with |\n|---|---|---|\n{}", found.iter().map(line).collect::<String>())
}

/// The contenders of a row, and their ratios.
pub(super) fn row(row: &RowResult) -> String {
    let unit = row.unit;
    let mut text = format!("| {} | {} | |\n|---|---|---|\n", row.name, unit.name());
    for outcome in &row.outcomes {
        text += &match Spread::of(&outcome.values) {
            Some(spread) => {
                let note = outcome.note.as_deref().unwrap_or_default();
                format!("| {} | {} | {note} |\n", outcome.contender, measured(spread, unit))
            }
            None => {
                let reason = outcome.missing.as_deref().unwrap_or("not measured");
                format!("| {} | missing | {} |\n", outcome.contender, cell(reason))
            }
        };
    }
    for pair in &row.pairs {
        let Some(spread) = Spread::of(&pair.ratios) else { continue };
        let goal = pair.goal.map_or(String::new(), |goal| format!("goal {goal}"));
        text += &format!("| *{} / {}* | **{}** | {goal} |\n", pair.ours, pair.other, ratio(spread));
    }
    for doubt in row.doubts() {
        text += &format!("\nThey do not do the same: {}.\n", cell(&doubt));
    }
    text
}

/// Width and batch against speed and ratio.
pub(super) fn growth(bench: &Bench) -> String {
    let show = |spread: Option<Spread>| spread.map_or("-".into(), |s| number(s.median, Unit::ExamplesPerSecond));
    let line = |found: growth::Cell| {
        let growth::Cell { width, batch, ours, torch, ratio: found } = found;
        let ratio = found.map_or("-".into(), ratio);
        format!("| {width} | {batch} | {} | {} | {ratio} |\n", show(ours), show(torch))
    };
    let lines: String = growth::cells(bench).into_iter().map(line).collect();
    format!("| width | batch | ours | PyTorch | ratio |\n|---|---|---|---|---|\n{lines}")
}

/// What training achieves of the peak.
pub(super) fn roofline(bench: &Bench) -> String {
    let line = |found: roofline::Achieved<'_>| {
        let part = found.part.map_or("skips".into(), |part| format!("{:.0} %", 100.0 * part));
        format!("| {} | {} | {:.1} | {part} |\n", found.row.title, found.threads, found.gflops.median)
    };
    let lines: String = roofline::achieved(bench).into_iter().map(line).collect();
    format!("| training | threads | GFLOPS, skipped products counted | of the peak |\n|---|---|---|---|\n{lines}")
}

/// What else an epoch is spent on.
pub(super) fn shares(bench: &Bench) -> String {
    let line = |share: &crate::shares::Share| {
        let part = |seconds| format!("{:.1} %", 100.0 * share.of(seconds));
        let (evaluation, reading, jitter) = (part(share.evaluation), part(share.reading), part(share.jitter));
        let seconds = share.training + share.evaluation;
        format!("| {} | {seconds:.2} | {evaluation} | {reading} | {jitter} |\n", share.title)
    };
    let lines: String = bench.shares.iter().map(line).collect();
    format!("| network | epoch, s | evaluation | reading | jitter |\n|---|---|---|---|---|\n{lines}")
}

fn measured(Spread { median, low, high }: Spread, unit: Unit) -> String {
    format!("{} ({} to {})", number(median, unit), number(low, unit), number(high, unit))
}

pub(super) fn ratio(Spread { median, low, high }: Spread) -> String {
    format!("{median:.2} ({low:.2} to {high:.2})")
}

/// A text that does not end its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender::{Contender, Who};
    use crate::request::{Precision, Request};
    use crate::result::{Outcome, PairResult};

    #[test]
    fn a_row_is_a_table_with_ratios_below() {
        let contender = |who| Contender { who, threads: 1, precision: Precision::F32 };
        let outcome = |who, values: &[f64], missing: Option<&str>| Outcome {
            check: Some(values.len() as f64),
            missing: missing.map(str::to_owned),
            ..Outcome::of(contender(who), values.to_vec())
        };
        let found = RowResult {
            name: "small".into(),
            title: "a small one".into(),
            unit: Unit::ExamplesPerSecond,
            request: Some(Request::train(&[784, 10], 128)),
            outcomes: vec![
                outcome(Who::Ours, &[3000.0, 1000.0, 2000.0], None),
                outcome(Who::Burn, &[500.0], None),
                outcome(Who::Candle, &[], Some("a | b")),
            ],
            pairs: vec![PairResult {
                ours: contender(Who::Ours),
                other: contender(Who::Burn),
                goal: Some(2.5),
                ratios: vec![6.0],
            }],
        };
        let expected = "| small | examples/s | |
|---|---|---|
| ours, 1 thread | 2,000 (1,500 to 2,500) |  |
| burn, 1 thread | 500 (500 to 500) |  |
| candle, 1 thread | missing | a \\| b |
| *ours, 1 thread / burn, 1 thread* | **6.00 (6.00 to 6.00)** | goal 2.5 |

They do not do the same: burn, 1 thread: mean loss of the warm-up 1.0000, ours 3.0000.

They do not do the same: candle, 1 thread: mean loss of the warm-up 0.0000, ours 3.0000.
";
        assert_eq!(row(&found), expected);
    }
}
