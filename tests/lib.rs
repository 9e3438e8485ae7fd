//! The tests of this package are in `suite` and in `allocations.rs`. The example of the README below is a doc test.
#![doc = include_str!("../README.md")]
