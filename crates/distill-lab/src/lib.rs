#![doc = include_str!("../README.md")]

mod asked;
pub mod evaluation_files;
pub mod event;
mod facts;
pub mod folder;
pub mod jobs;
mod lab;
mod latency;
pub mod preflight;
mod roles;
pub mod run;
pub mod runs;
mod saving;
mod signals;
mod stop;
/// Weights that students begin with, in place of random ones.
pub mod student_file;
/// The table and the sentence that a run ends with, and the words of both.
pub mod summary;
pub mod sweep;
pub mod tensorboard;
mod trials;
pub mod verdict;
pub mod view;

pub use asked::{Asked, check_teacher, soft_targets};
pub use lab::{Conclude, Lab};
pub use latency::Latency;
pub use stop::Stop;
