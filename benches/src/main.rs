//! `cargo xtask bench`: how fast it is, beside PyTorch, burn, candle and onnxruntime.
//!
//! The driver starts a worker process for each contender of a row, ours included, asks them in turn, round after
//! round, and reports medians, spreads and the ratio of each pair. Nothing here asserts a time.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing is what this program does")]

mod args;
mod contender;
mod files;
mod job;
mod machine;
mod measure;
mod net;
mod peers;
mod process;
mod report;
mod request;
mod result;
mod rows;
mod run;
mod shares;
mod stats;
mod table;
mod worker;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser as _;

use args::{Args, Command};

/// What a function returns; the error is a sentence for people.
type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = match &args.command {
        Some(Command::Worker { data, threads, onnxruntime }) => worker::run(data, *threads, onnxruntime.as_deref()),
        None => run::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
