//! What the tests of this package share. They are in `suite`, `fuzz` and `allocations.rs`; the examples of
//! docs/library.md are doc tests.
#![cfg_attr(doctest, doc = include_str!("../docs/library.md"))]

pub mod counting;
