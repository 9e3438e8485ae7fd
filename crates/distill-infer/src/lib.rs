#![doc = include_str!("../README.md")]
#![no_std]

extern crate alloc;

mod activation;
mod error;
mod file;
mod json;
mod network;
mod steps;
mod student;
mod task;

pub use error::Error;
pub use student::{Prediction, Scratch, Student};
pub use task::Task;
