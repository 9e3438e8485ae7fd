//! The report of a run. `collect` reads its files; all else is data in, text out: no file and no clock, so that equal
//! data give equal bytes.

mod bars;
mod calibration;
mod collect;
mod data;
mod ends;
pub(crate) mod facts;
pub(crate) mod gallery;
mod group;
mod hex;
mod html;
mod image;
mod lines;
mod markdown;
mod matrix;
pub(crate) mod numbers;
pub(crate) mod page;
mod places;
mod plots;
pub(crate) mod table;
pub(crate) mod text;
mod words;

pub(crate) use collect::{Collected, GALLERY, collect};
pub(crate) use html::html;
pub(crate) use markdown::markdown;
pub(crate) use places::Places;
pub(crate) use plots::{Plot, plots};

#[cfg(test)]
mod fixture;
#[cfg(test)]
pub(crate) mod tests;
