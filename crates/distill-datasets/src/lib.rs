#![doc = include_str!("../README.md")]

mod answer_columns;
mod arrays;
mod cifar;
mod class_folders;
mod classes;
mod columns;
mod csv_rows;
mod dataset;
mod disk_rows;
mod error;
mod files;
mod folder;
#[cfg(feature = "images")]
mod foreign;
mod form;
mod grouped;
pub mod idx;
#[cfg(feature = "images")]
mod image_files;
#[cfg(feature = "images")]
mod image_folder;
mod images;
mod jitter;
mod json_rows;
mod kind;
mod layout;
mod mixtures;
#[cfg(feature = "mnist")]
mod mnist;
mod munge;
pub mod npy;
pub mod npz;
mod numbered;
mod numbers;
#[cfg(feature = "parquet")]
mod parquet_file;
mod partly_labelled;
#[cfg(feature = "images")]
mod picture;
mod random;
mod read_ahead;
pub mod records;
mod rows;
pub mod select;
mod subset;
mod table;
mod table_folder;
mod table_rows;
mod tables;
mod text_answers;
mod text_folder;
mod unlabelled;
mod windows;

pub use arrays::{ArrayFolder, ArrayPlace};
pub use cifar::CifarFolder;
pub use class_folders::{ClassFolders, FileDivision, GroupPattern};
pub use columns::{Cell, Column, ColumnEncoder, ColumnOptions, Columns, NumberForm};
pub use csv_rows::delimiter_of;
pub use dataset::{DataSpec, Dataset, Split, check_batch};
pub use disk_rows::DiskRows;
pub use error::{ClassListFault, DataError};
pub use folder::IdxFolder;
#[cfg(feature = "images")]
pub use foreign::foreign_picture;
pub use grouped::Grouped;
#[cfg(feature = "images")]
pub use image_files::ImageFiles;
#[cfg(feature = "images")]
pub use image_folder::ImageFolder;
pub use images::Images;
pub use jitter::{Augmentation, Jitter, JitterOptions, Padding};
pub use layout::ArrayLayout;
pub use mixtures::Mixtures;
#[cfg(feature = "mnist")]
pub use mnist::mnist;
pub use munge::{MungeOptions, Munged};
pub use numbered::Numbered;
pub use numbers::Numbers;
#[cfg(feature = "parquet")]
pub use parquet_file::is_guarded;
pub use partly_labelled::PartlyLabelled;
#[cfg(feature = "images")]
pub use picture::{ImageOptions, Picture, read_image};
pub use random::{below, beta, spread};
pub use subset::Subset;
pub use table::Table;
pub use table_folder::{NumberTable, TableFolder};
pub use table_rows::{TableForm, TableRows, is_table, table_file};
pub use tables::Division;
pub use text_answers::TextAnswers;
pub use text_folder::{TextFolder, Texts};
pub use unlabelled::{Chain, Unlabelled};
pub use windows::Windows;
