//! How the speed grows with width and batch.

use crate::contender::Who;
use crate::result::{Bench, RowResult};
use crate::rows::{BATCHES, WIDTHS, growth};
use crate::stats::Spread;

/// One network and batch.
pub(super) struct Cell {
    pub(super) width: usize,
    pub(super) batch: usize,
    pub(super) ours: Option<Spread>,
    pub(super) torch: Option<Spread>,
    pub(super) ratio: Option<Spread>,
}

/// All that were measured, width by width.
pub(super) fn cells(bench: &Bench) -> Vec<Cell> {
    let sizes = WIDTHS.into_iter().flat_map(|width| BATCHES.map(|batch| (width, batch)));
    let cell = |(width, batch)| {
        let name = growth(width, batch);
        let row = bench.rows.iter().find(|row| row.name == name)?;
        let ratio = row.pairs.first().and_then(|pair| Spread::of(&pair.ratios));
        Some(Cell { width, batch, ours: of(row, Who::Ours), torch: of(row, Who::PyTorch), ratio })
    };
    sizes.filter_map(cell).collect()
}

fn of(row: &RowResult, who: Who) -> Option<Spread> {
    Spread::of(&row.outcomes.iter().find(|outcome| outcome.contender.who == who)?.values)
}
