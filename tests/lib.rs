//! What the tests of this package share. They are in `suite`, `fuzz` and `allocations.rs`; the example of the README
//! below is a doc test.
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

pub mod counting;
