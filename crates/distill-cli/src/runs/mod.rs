//! Runs side by side: what there is, how they differ, and which is better.

mod entry;
mod pair;
mod settings;
mod table;

pub(crate) use entry::{Entry, entries, size_of};
pub(crate) use pair::{Pairing, Side, pair};
pub(crate) use settings::differing;
pub(crate) use table::{Column, by_setting, table};
