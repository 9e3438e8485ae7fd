//! What the lead over PyTorch rests on: the same training with fewer and fewer zeros.

use crate::result::Bench;
use crate::rows::ZEROS;
use crate::stats::Spread;

/// A sentence with the ratios, and a table. Nothing if there is no ratio at all.
pub(super) fn section(bench: &Bench) -> String {
    let ratio = |name: &str| {
        let row = bench.rows.iter().find(|row| row.name == name)?;
        Spread::of(&row.pairs.first()?.ratios)
    };
    let found: Vec<(&str, Spread)> = ZEROS.iter().filter_map(|&(name, zeros)| Some((zeros, ratio(name)?))).collect();
    if found.is_empty() {
        return "Not measured in this run.\n".to_owned();
    }
    let parts: Vec<String> = found.iter().map(|(zeros, spread)| format!("{:.2} ({zeros})", spread.median)).collect();
    let line = |(zeros, spread): &(&str, Spread)| format!("| {zeros} | {} |\n", super::tables::ratio(*spread));
    let lines: String = found.iter().map(line).collect();
    format!(
        "The lead rests on zeros, which PyTorch multiplies with and ours does not. Ours over PyTorch, all threads,\n\
         by the zeros that there are:\n{}.\n\n\
         | zeros | ours / PyTorch |\n|---|---|\n{lines}",
        parts.join(",\n")
    )
}
