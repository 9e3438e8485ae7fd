#![doc = include_str!("../README.md")]

mod classes;
mod dataset;
mod error;
mod folder;
pub mod idx;
mod images;
mod jitter;
#[cfg(feature = "mnist")]
mod mnist;
mod random;
pub mod select;
mod subset;

pub use classes::ClassListFault;
pub use dataset::{DataSpec, Dataset, Split};
pub use error::DataError;
pub use folder::IdxFolder;
pub use images::Images;
pub use jitter::Jitter;
#[cfg(feature = "mnist")]
pub use mnist::mnist;
pub use subset::Subset;
