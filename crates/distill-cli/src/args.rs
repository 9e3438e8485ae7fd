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
    /// Check a recipe, its data and its teacher, and train nothing
    Check(CheckArgs),
    /// Train the teacher, the student alone and the student distilled, and compare them
    Run(RunArgs),
    /// Train one model of a recipe on labels alone
    Train(TrainArgs),
    /// Ask a teacher once for every example and keep its answers
    Teach(TeachArgs),
    /// Evaluate a model on the test set of a dataset
    Eval(EvalArgs),
}

/// A recipe and what replaces its settings.
#[derive(Debug, Args)]
pub(crate) struct RecipeArgs {
    /// The recipe, a TOML file
    pub(crate) recipe: PathBuf,

    /// Settings that replace those of the recipe, such as `kd.temperature=4 seeds=[1,2,3]`
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) overrides: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,

    /// Where a run would make its directory
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) runs_dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The recipe, a TOML file
    #[arg(required_unless_present = "resume")]
    pub(crate) recipe: Option<PathBuf>,

    /// Settings that replace those of the recipe, such as `kd.temperature=4 seeds=[1,2,3]`
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) overrides: Vec<String>,

    /// Go on with a run that was interrupted, the latest one if none is named
    #[arg(long, value_name = "RUN", num_args = 0..=1, default_missing_value = "latest", conflicts_with_all = ["recipe", "overrides"])]
    pub(crate) resume: Option<PathBuf>,

    /// Where the run directory is made
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) runs_dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,

    /// Which model
    #[arg(long = "as", value_name = "MODEL", default_value = "teacher")]
    pub(crate) role: TrainAs,

    /// Where the run directory is made
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) runs_dir: PathBuf,
}

/// What can be trained on labels alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum TrainAs {
    /// The teacher
    Teacher,
    /// The student, without a teacher
    Baseline,
}

#[derive(Debug, Args)]
pub(crate) struct TeachArgs {
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,

    /// Where the answers go [default: `kd.cache`, or cache/NAME.soft.safetensors]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
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
