use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Knowledge distillation on CPUs: train a small network on what a large one knows.
#[derive(Debug, Parser)]
#[command(name = "distill", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Threads to use; their number changes no result [default: all cores]
    #[arg(long, global = true, value_name = "N", value_parser = parse_threads)]
    pub(crate) threads: Option<usize>,

    /// Print events as JSON Lines on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Print errors and the last line of the result only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Log what happens inside, twice for more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train the teacher, the student alone and the student distilled, and compare them
    Run(RunArgs),
    /// Evaluate a model on the test set of a dataset
    Eval(EvalArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The recipe, a TOML file
    pub(crate) recipe: PathBuf,

    /// Settings that replace those of the recipe, such as `kd.temperature=4 seeds=[1,2,3]`
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) overrides: Vec<String>,

    /// Where the run directory is made
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) runs_dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    /// The model, a safetensors file written by this program
    pub(crate) model: PathBuf,

    /// `mnist`, or a folder of IDX files
    #[arg(long, value_name = "DATA")]
    pub(crate) data: String,
}

fn parse_threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n @ 1..=1024) => Ok(n),
        _ => Err("a number of threads is from 1 to 1024".to_owned()),
    }
}
