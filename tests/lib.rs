//! The tests of this package are in `suite` and in `allocations.rs`. The example of the README below is a doc test.
#![cfg_attr(doctest, doc = include_str!("../README.md"))]
