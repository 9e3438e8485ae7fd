//! The files of runs as data, for reports.

mod collect;
pub mod data;
pub mod gallery;
mod hex;
mod places;

pub use collect::{Collected, GALLERY, collect};
pub use places::Places;
