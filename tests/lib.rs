//! The tests of this package are in `suite` and in `allocations.rs`; there is no library.
