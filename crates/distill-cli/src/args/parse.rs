//! Values of arguments, and what is said of those that have no meaning.

use clap::CommandFactory as _;
use distill_recipe::{Code, find_code};

use super::Cli;

pub(super) fn parse_code(text: &str) -> Result<Code, String> {
    find_code(text)
        .map_err(|nearest| format!("there is no such code, did you mean {nearest}? `distill explain` lists all codes"))
}

pub(super) fn parse_command(text: &str) -> Result<String, String> {
    let program = Cli::command();
    match program.find_subcommand(text) {
        Some(command) => Ok(command.get_name().to_owned()),
        None => {
            let names: Vec<_> = program.get_subcommands().map(|command| command.get_name()).collect();
            Err(format!("there is no such command, the commands are {}", names.join(", ")))
        }
    }
}

pub(super) fn parse_part(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(part) if (0.0..=1.0).contains(&part) => Ok(part),
        _ => Err("a part is a number from 0 to 1".to_owned()),
    }
}

pub(super) fn parse_count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n @ 1..) => Ok(n),
        _ => Err("a number of trials is 1 or more".to_owned()),
    }
}

/// TOML, in which seeds are written down, knows no larger numbers.
pub(super) fn parse_seed(text: &str) -> Result<u64, String> {
    match text.trim().parse() {
        Ok(seed) if i64::try_from(seed).is_ok() => Ok(seed),
        _ => Err(format!("a seed is a whole number from 0 to {}", i64::MAX)),
    }
}

pub(super) fn parse_threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n @ 1..=1024) => Ok(n),
        _ => Err("a number of threads is from 1 to 1024".to_owned()),
    }
}
