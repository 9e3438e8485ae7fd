//! The project's own commands. `cargo xtask help` lists them.
//!
//! This program depends on none of ours: it starts cargo, and reads the repository as text. So it builds in seconds, also
//! when nothing else in the workspace compiles.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing is what this program does")]

mod bench;
mod call;
mod campaign;
mod ci;
mod deny;
mod distill;
mod examples;
mod metadata;
mod onnxruntime;
mod package;
mod tidy;

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::process::ExitCode;

use call::Tools;

/// What a command returns; the error is a sentence for people.
type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

const HELP: &str = "\
The project's own commands.

Usage: cargo xtask COMMAND [ARGS]

Commands:
  distill [RECIPE] [ARGS]   build the program in release mode and run it; without RECIPE on recipes/mnist.toml
  ci [--step NAME]          everything that must pass before a change lands, cheapest first
  tidy                      the repository's own rules: layers, file sizes, links, white space
  test [ARGS]               all tests but the doc tests, with nextest where it is installed
  bench [ARGS]              how fast it is beside PyTorch, burn, candle and onnxruntime; `bench --help` says more
  bench micro [ARGS]        Criterion's benchmarks of single functions; `bench micro -- --quick` for a rough answer
  campaign [--minutes N]    kills, faults and damaged inputs for so long, counted in docs/reliability.md; `--help` says more
  help                      this text
";

/// A command line that cannot be understood, as clap reports it too.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let args: Vec<OsString> = env::args_os().skip(1).collect();
    match run(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[OsString]) -> Result<ExitCode> {
    let Some((command, rest)) = args.split_first() else {
        return Ok(usage("no command given"));
    };
    match command.to_str() {
        Some("distill") => distill::run(rest),
        Some("ci") => match ci::selection(rest) {
            Ok(selected) => ci::run(selected),
            Err(message) => Ok(usage(&message)),
        },
        Some("tidy") if rest.is_empty() => tidy::run(),
        Some("tidy") => Ok(usage("tidy takes no arguments")),
        Some("test") => Tools::find().test().envs(onnxruntime::variables()).args(rest).become_it(),
        Some("bench") => bench::run(rest),
        Some("campaign") if rest.iter().any(|arg| arg == "--help" || arg == "-h") => {
            print!("{}", campaign::HELP);
            Ok(ExitCode::SUCCESS)
        }
        Some("campaign") => match campaign::options(rest) {
            Ok(options) => campaign::run(&options),
            Err(message) => Ok(usage(&message)),
        },
        Some("help" | "--help" | "-h") => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        _ => Ok(usage(&format!("there is no command `{}`", command.display()))),
    }
}

fn usage(message: &str) -> ExitCode {
    eprintln!("error: {message}\n\n`cargo xtask help` lists the commands");
    ExitCode::from(USAGE)
}
