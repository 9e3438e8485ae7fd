//! The report of a run. `collect` reads its files; all else is data in, text out: no file and no clock, so that equal
//! data give equal bytes.

mod bars;
mod calibration;
mod collect;
mod data;
mod facts;
pub(crate) mod gallery;
mod group;
mod hex;
mod html;
mod image;
mod lines;
mod markdown;
mod matrix;
mod numbers;
mod plots;
mod table;
mod words;

pub(crate) use collect::{Collected, GALLERY, collect};
pub(crate) use html::html;
pub(crate) use markdown::markdown;
pub(crate) use plots::plots;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
