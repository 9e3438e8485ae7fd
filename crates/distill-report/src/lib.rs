#![doc = include_str!("../README.md")]

mod bars;
mod calibration;
mod ends;
mod facts;
mod group;
mod html;
mod image;
mod lines;
mod markdown;
mod matrix;
mod numbers;
mod page;
mod plots;
mod regression;
mod residuals;
pub mod sweep;
mod table;
mod text;
mod words;
mod write;

pub use html::html;
pub use markdown::markdown;
pub use plots::{Plot, plots};
pub use write::{write, write_run, write_sweep};

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
