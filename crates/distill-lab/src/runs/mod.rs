//! Runs side by side: what there is, how they differ, and which is better.

mod entry;
mod pair;
mod settings;
mod table;

pub use entry::{Entry, entries, size_of};
pub use pair::{Pairing, Side, pair};
pub use settings::differing;
pub use table::{Column, by_setting, table};
