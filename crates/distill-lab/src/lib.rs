#![doc = include_str!("../README.md")]

mod asked;
pub mod evaluation_files;
pub mod event;
pub mod jobs;
mod lab;
mod latency;
pub mod preflight;
pub mod run;
pub mod runs;
pub mod student_file;
pub mod summary;
pub mod sweep;
pub mod tensorboard;
pub mod verdict;
pub mod view;

pub use asked::{Asked, check_teacher, soft_targets};
pub use lab::{Conclude, Lab};
pub use latency::Latency;
