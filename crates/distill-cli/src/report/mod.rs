//! The report of a run: data in, text out. It reads no file and no clock, so equal data give equal bytes.

mod axis;
mod bars;
mod calibration;
pub(crate) mod data;
mod escape;
mod group;
mod hex;
pub(crate) mod html;
mod image;
mod lines;
pub(crate) mod markdown;
mod matrix;
mod numbers;
pub(crate) mod plots;
mod svg;
mod table;
mod words;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
