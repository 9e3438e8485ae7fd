//! The program `distill`. All of it is in the library; this maps a result to an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    distill_cli::main_with(std::env::args_os())
}
