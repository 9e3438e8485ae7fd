//! The files of runs as data, for reports.

mod collect;
/// What a report shows, as plain data that can also be read from JSON.
pub mod data;
pub(crate) mod gallery;
mod hex;
mod places;

pub use collect::{Collected, collect};
pub use places::Places;

pub(crate) use collect::GALLERY;
