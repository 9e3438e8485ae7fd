//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::contender::Who;

/// How fast it is, beside PyTorch, burn, candle and onnxruntime.
///
/// All train on the same images with the same loss and the same optimizer, in turn. What is not there is left out and
/// said so. Leave the machine alone meanwhile.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", version, max_term_width = 100)]
pub(crate) struct Args {
    /// Measurements of each contender; their median counts
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,

    /// Whole trainings of the main job, which takes minutes
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) job_rounds: u32,

    /// How long a measurement takes
    #[arg(long, value_name = "SECONDS", default_value_t = 0.25, value_parser = positive)]
    pub(crate) seconds: f64,

    /// A rough answer: 3 rounds of a tenth of a second, and a job of single epochs
    #[arg(long)]
    pub(crate) quick: bool,

    /// Threads of a contender that may use all [default: all cores]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,

    /// Measure only the rows whose name starts like this; may be repeated
    #[arg(long, value_name = "ROW")]
    pub(crate) only: Vec<String>,

    /// Leave out the rows whose name starts like this; may be repeated
    #[arg(long, value_name = "ROW")]
    pub(crate) skip: Vec<String>,

    /// Leave a peer out; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) without: Vec<Who>,

    /// The Python that has torch and onnxruntime, and MKL for candle
    #[arg(long, value_name = "PATH", default_value = "python3")]
    pub(crate) python: PathBuf,

    /// Write docs/performance.md and its charts
    #[arg(long, conflicts_with_all = ["quick", "only"])]
    pub(crate) write: bool,

    /// Measure nothing, and take what an earlier run wrote into `target/bench/result.json`
    #[arg(long, value_name = "FILE", requires = "write")]
    pub(crate) from: Option<PathBuf>,

    /// List the rows, and measure nothing
    #[arg(long)]
    pub(crate) list: bool,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Answer the driver's requests on standard input
    #[command(hide = true)]
    Worker {
        #[arg(long)]
        data: PathBuf,
        #[arg(long)]
        threads: usize,
        /// Answer by this library of ONNX Runtime
        #[arg(long)]
        onnxruntime: Option<PathBuf>,
    },
}

impl Args {
    pub(crate) fn n_rounds(&self) -> usize {
        if self.quick { self.rounds.min(3) as usize } else { self.rounds as usize }
    }

    pub(crate) fn n_seconds(&self) -> f64 {
        if self.quick { 0.1 } else { self.seconds }
    }

    /// Whether a row is to be measured.
    pub(crate) fn selects(&self, row: &str) -> bool {
        let named = |list: &[String]| list.iter().any(|start| row.starts_with(start));
        (self.only.is_empty() || named(&self.only)) && !named(&self.skip)
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if seconds > 0.0 && seconds < 1e6 => Ok(seconds),
        _ => Err("a number of seconds greater than 0 is needed".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn quick_is_short() {
        let args = parse("bench --quick").unwrap();
        assert_eq!((args.n_rounds(), args.n_seconds()), (3, 0.1));
        let args = parse("bench --quick --rounds 1").unwrap();
        assert_eq!(args.n_rounds(), 1);
        let args = parse("bench --rounds 7 --seconds 0.5").unwrap();
        assert_eq!((args.n_rounds(), args.n_seconds()), (7, 0.5));
        for bad in [
            "--rounds 0",
            "--seconds 0",
            "--seconds nan",
            "--without numpy",
            "--write --quick",
            "--write --only student",
            "--from result.json",
        ] {
            assert!(parse(&format!("bench {bad}")).is_err(), "{bad}");
        }
    }

    #[test]
    fn rows_are_selected_by_the_start_of_their_name() {
        let args = parse("bench --only growth --only small").unwrap();
        assert!(args.selects("growth-300-32") && args.selects("small") && !args.selects("student"));
        assert!(parse("bench").unwrap().selects("student"));
        let args = parse("bench --only growth --skip growth-3000 --skip job").unwrap();
        assert!(args.selects("growth-300-32") && !args.selects("growth-3000-32") && !args.selects("job"));
    }
}
