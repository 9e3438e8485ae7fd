//! Every parser of bytes that others wrote, on inputs that are wrong in every way a machine can think of.
//!
//! ```sh
//! cargo test -p distill-tests --test fuzz -- --nocapture
//! DISTILL_FUZZ_INPUTS=5000000 cargo test -p distill-tests --test fuzz -- --nocapture
//! ```
//! Input `n` of a parser is the same on every machine, so a failure is found again by its number:
//! `DISTILL_FUZZ_FIRST=n DISTILL_FUZZ_INPUTS=1`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, and counts are shown"
)]

mod alignment;
mod checkpoint;
mod files;
mod from_onnx;
mod idx;
mod infer;
mod model;
mod mutate;
mod npz;
mod onnx;
mod paragraphs;
mod pictures;
mod program;
mod random;
mod recipe;
mod run;
mod safetensors;
mod tables;
mod targets;
mod texts;
mod tokens;
mod trees;
mod wav;

use distill_tests::counting::Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;
