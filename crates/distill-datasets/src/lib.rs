#![doc = include_str!("../README.md")]

mod arrays;
mod cifar;
mod classes;
mod csv_columns;
mod csv_folder;
mod dataset;
mod disk_images;
mod error;
mod folder;
pub mod idx;
#[cfg(feature = "images")]
mod image_folder;
mod images;
mod jitter;
#[cfg(feature = "mnist")]
mod mnist;
pub mod npy;
pub mod npz;
mod random;
mod read_ahead;
mod rows;
pub mod select;
mod subset;
mod table;
mod unlabelled;
mod windows;

pub use arrays::{ArrayFolder, ArrayPlace};
pub use cifar::CifarFolder;
pub use classes::ClassListFault;
pub use csv_columns::{CsvColumn, CsvColumns, CsvEncoder, CsvOptions};
pub use csv_folder::{CsvFolder, CsvMatrix};
pub use dataset::{DataSpec, Dataset, Split, check_batch};
pub use disk_images::DiskImages;
pub use error::DataError;
pub use folder::IdxFolder;
#[cfg(feature = "images")]
pub use image_folder::{ImageFolder, ImageOptions, read_image};
pub use images::Images;
pub use jitter::{Augmentation, Jitter};
#[cfg(feature = "mnist")]
pub use mnist::mnist;
pub use random::below;
pub use subset::Subset;
pub use table::Table;
pub use unlabelled::{Chain, Unlabelled};
pub use windows::Windows;
