//! What a training step achieves of what the machine can do.

use crate::contender::Who;
use crate::net::Net;
use crate::request::{Lesson, Precision, Request, Work};
use crate::result::{Bench, RowResult};
use crate::rows::NO_ZEROS;
use crate::stats::Spread;

/// Our training in a row.
pub(super) struct Achieved<'b> {
    pub(super) row: &'b RowResult,
    pub(super) threads: usize,
    /// Billions of operations a second, if no factor were zero.
    pub(super) gflops: Spread,
    /// The part of the peak, where no factor is zero: elsewhere products are skipped, and are no part of what was done.
    pub(super) part: Option<f64>,
}

/// The fastest big product of anybody with so many threads, in GFLOPS.
pub(super) fn peak(bench: &Bench, threads: usize) -> Option<f64> {
    let is_product = |row: &&RowResult| row.request.as_ref().is_some_and(|request| request.work == Work::Product);
    let outcomes = bench.rows.iter().filter(is_product).flat_map(|row| &row.outcomes);
    let values = outcomes.filter(|outcome| outcome.contender.threads == threads).flat_map(|outcome| &outcome.values);
    values.copied().max_by(f64::total_cmp)
}

/// Ours in every row that trains in f32.
pub(super) fn achieved(bench: &Bench) -> Vec<Achieved<'_>> {
    let of_row = |row| achieved_in(bench, row);
    bench.rows.iter().flat_map(of_row).collect()
}

fn achieved_in<'b>(bench: &'b Bench, row: &'b RowResult) -> Vec<Achieved<'b>> {
    // A table of rows multiplies nothing.
    let is_products = |request: &&Request| request.work == Work::Train && request.lesson != Lesson::Text;
    let Some(request) = row.request.as_ref().filter(is_products) else { return vec![] };
    let scale = request.train_flops() / 1e9;
    let is_ours =
        |contender: crate::contender::Contender| contender.who == Who::Ours && contender.precision == Precision::F32;
    let ours = row.outcomes.iter().filter(|outcome| is_ours(outcome.contender));
    ours.filter_map(|outcome| {
        let Spread { median, low, high } = Spread::of(&outcome.values)?;
        let gflops = Spread { median: scale * median, low: scale * low, high: scale * high };
        let threads = outcome.contender.threads;
        let skips_nothing = row.name == NO_ZEROS || request.network != Net::Perceptron;
        let peak = peak(bench, threads).filter(|_| skips_nothing);
        Some(Achieved { row, threads, gflops, part: peak.map(|peak| gflops.median / peak) })
    })
    .collect()
}
