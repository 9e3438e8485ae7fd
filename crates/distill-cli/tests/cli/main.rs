//! The program from outside: what it prints, writes and returns, on data that the tests make.

#![expect(clippy::unwrap_used, reason = "a test that panics fails, as it should")]

mod eval;
mod files;
mod lab;
mod overrides;
mod recipes;
mod resume;
mod runs;
mod streams;
