mod compare;
mod data;
mod eval;
mod export;
mod inspect;
mod parse;
mod predict;
mod rm;
mod runs;
mod schema;

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ColorChoice, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use distill_train::TargetStorage;

use crate::help;
use distill_lab::sweep::Metric;
use distill_recipe::Code;
use distill_studies::{PLANS, Plan};
use parse::{parse_code, parse_command, parse_count, parse_part, parse_seed, parse_threads};

pub(crate) use compare::CompareArgs;
pub(crate) use data::DataArgs;
pub(crate) use eval::EvalArgs;
pub(crate) use export::{ExportArgs, Format, Target};
pub(crate) use inspect::InspectArgs;
pub(crate) use predict::{FormatName, PredictArgs};
pub(crate) use rm::RmArgs;
pub(crate) use runs::RunsArgs;
pub(crate) use schema::SchemaArgs;

/// Knowledge distillation on CPUs: train a small network on what a large one knows.
#[derive(Debug, Parser)]
#[command(name = "distill", version, arg_required_else_help = true, after_help = help::SESSION)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Number of threads; does not affect results [default: all cores]
    #[arg(long, global = true, value_name = "N", value_parser = parse_threads)]
    pub(crate) threads: Option<usize>,

    /// Print events as JSON Lines on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Print only errors and the last line of the result
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Write a log; repeat for more detail
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Log format for `--verbose`
    #[arg(long, global = true, value_name = "FORM", default_value = "text")]
    pub(crate) log_format: LogFormat,

    /// Use colours on standard error; `auto` uses them on a terminal unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a recipe with comments that runs as it is
    ///
    /// Its networks and settings are chosen for the data that is there: networks
    /// with convolutions for recordings and for pictures, which are colour images
    /// with sides of 16 pixels or more and grey ones of 32 or more; perceptrons
    /// for smaller images, tables and texts.
    New(NewArgs),
    /// Check a recipe, its data and its teacher without training
    Check(CheckArgs),
    /// Train the teacher, the student alone and the student distilled, and compare them
    Run(RunArgs),
    /// Train one model of a recipe on labels alone
    Train(TrainArgs),
    /// Compute a teacher's logits for every example and save them
    Teach(TeachArgs),
    /// Compare settings on the validation set
    Sweep(SweepArgs),
    /// Repeat the experiments of a paper and show its numbers beside ours
    Reproduce(ReproduceArgs),
    /// Evaluate a model on the test set of a dataset
    Eval(EvalArgs),
    /// Print predictions of a model for images or rows of numbers
    Predict(PredictArgs),
    /// Write a model for other programs, as ONNX, npz or safetensors
    Export(ExportArgs),
    /// Show what a file or folder contains
    Inspect(InspectArgs),
    /// List the built-in datasets, or read a dataset and check that it is complete
    Data(DataArgs),
    /// List runs with their results and the settings that differ
    Runs(RunsArgs),
    /// Compare two runs or two models on the same test examples
    Compare(CompareArgs),
    /// Remove runs and everything in them
    Rm(RmArgs),
    /// Write the report of a run, or of several runs of one recipe with different seeds
    Report(ReportArgs),
    /// Explain an error code, or list them all
    Explain(ExplainArgs),
    /// Print the JSON Schema of a recipe, for editors, or of the events of `--json`
    Schema(SchemaArgs),
    /// Print details of the program and the machine for a bug report
    #[command(after_help = help::ENV)]
    Env,
    /// Print the completions of a shell
    Completions(CompletionsArgs),
    /// Print the manual page of the program or of one command
    Man(ManArgs),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// A recipe and what replaces its settings.
#[derive(Debug, Args)]
pub(crate) struct RecipeArgs {
    /// The recipe, a TOML file
    pub(crate) recipe: PathBuf,

    /// Settings that override the recipe, such as `kd.temperature=4 seeds=[1,2,3]`
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) overrides: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = help::CHECK)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,

    /// Where a run would make its directory
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) runs_dir: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = help::RUN)]
pub(crate) struct RunArgs {
    /// The recipe, a TOML file
    #[arg(required_unless_present_any = ["resume", "from", "data"])]
    pub(crate) recipe: Option<PathBuf>,

    /// Settings that override the recipe, such as `kd.temperature=4 seeds=[1,2,3]`
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) overrides: Vec<String>,

    /// Without a recipe: use this data, a name or a folder, and save the recipe that `new` would write
    #[arg(long, value_name = "SOURCE")]
    pub(crate) data: Option<String>,

    /// With `--data`: use this model as the teacher instead of training one
    #[arg(long, value_name = "FILE", requires = "data")]
    pub(crate) teacher: Option<String>,
    /// Start a new run from the recipe, teachers and students of a finished one, for more epochs; only settings follow
    #[arg(long, value_name = "RUN", conflicts_with = "resume")]
    pub(crate) from: Option<PathBuf>,

    /// Resume an interrupted run [default: the latest]
    #[arg(long, value_name = "RUN", num_args = 0..=1, default_missing_value = "latest", conflicts_with_all = ["recipe", "overrides", "data"])]
    pub(crate) resume: Option<PathBuf>,

    /// Where the run directory is made
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) runs_dir: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = help::TRAIN)]
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
#[command(after_help = help::TEACH)]
pub(crate) struct TeachArgs {
    #[command(flatten)]
    pub(crate) recipe: RecipeArgs,

    /// Where the answers go [default: `kd.cache`, or cache/NAME.soft.safetensors]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// How they are kept: `f32`, `f16`, or the largest and the mass of the others, such as `top-10`
    #[arg(long, value_name = "FORM", default_value = "f32")]
    pub(crate) store: TargetStorage,
}

#[derive(Debug, Args)]
#[command(after_help = help::SWEEP)]
pub(crate) struct SweepArgs {
    /// The recipe, a TOML file
    #[arg(required_unless_present = "resume")]
    pub(crate) recipe: Option<PathBuf>,

    /// Settings that override the recipe in all trials
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) overrides: Vec<String>,

    /// Values of a key to try; with `--random` also a range, `KEY=FROM..TO`
    #[arg(long = "set", value_name = "KEY=V1,V2,...", required_unless_present = "resume")]
    pub(crate) sets: Vec<String>,

    /// Draw this many trials at random instead of trying every combination
    #[arg(long, value_name = "N", value_parser = parse_count)]
    pub(crate) random: Option<usize>,

    /// Seed of the draws; the same seed gives the same trials [default: 1]
    #[arg(long, value_name = "S", requires = "random", value_parser = parse_seed)]
    pub(crate) seed: Option<u64>,

    /// Train each trial once for each seed [default: those of the recipe]
    #[arg(long, value_name = "S1,S2,...", value_delimiter = ',', value_parser = parse_seed)]
    pub(crate) seeds: Vec<u64>,

    /// Start with few epochs; continue the best of every ETA trials with ETA times as many
    #[arg(long, value_name = "ETA", num_args = 0..=1, default_missing_value = "3", value_parser = clap::value_parser!(u32).range(2..))]
    pub(crate) halving: Option<u32>,

    /// What makes a trial the best
    #[arg(long, value_name = "METRIC", default_value = "errors")]
    pub(crate) metric: MetricName,

    /// Resume an interrupted sweep [default: the latest]
    #[arg(long, value_name = "SWEEP", num_args = 0..=1, default_missing_value = "latest",
        conflicts_with_all = ["recipe", "overrides", "sets", "random", "seed", "seeds", "halving", "metric"])]
    pub(crate) resume: Option<PathBuf>,

    /// Where the directory of the sweep is made
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) runs_dir: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = help::REPRODUCE)]
pub(crate) struct ReproduceArgs {
    /// The paper
    #[arg(value_parser = study())]
    pub(crate) study: &'static Plan,

    /// Rows of the study [default: all], and settings that override all its recipes
    #[arg(value_name = "ROW | KEY=VALUE")]
    pub(crate) rows: Vec<String>,

    /// List the rows, and train nothing
    #[arg(long, conflicts_with_all = ["rows", "write"])]
    pub(crate) list: bool,

    /// Also write the page with the results into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) write: Option<PathBuf>,

    /// Only write that page again, from the rows that are there; nothing is trained
    #[arg(long, requires = "write", conflicts_with = "rows")]
    pub(crate) pages: bool,

    /// Where the directory of the study is
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) runs_dir: PathBuf,
}

/// The study of that name.
fn study() -> impl TypedValueParser<Value = &'static Plan> {
    let names = PLANS.into_iter().map(|plan| PossibleValue::new(plan.name).help(plan.summary));
    PossibleValuesParser::new(names).map(|name| Plan::named(&name).unwrap_or(PLANS[0]))
}

/// What makes a trial of a sweep better than another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MetricName {
    /// Fewer errors, then the smaller negative log-likelihood
    Errors,
    /// The smaller negative log-likelihood, then fewer errors
    Nll,
}

impl From<MetricName> for Metric {
    fn from(name: MetricName) -> Self {
        match name {
            MetricName::Errors => Self::Errors,
            MetricName::Nll => Self::Nll,
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = help::REPORT)]
pub(crate) struct ReportArgs {
    /// Run directories, or one sweep directory [default: the latest run]
    #[arg(value_name = "RUN")]
    pub(crate) runs: Vec<PathBuf>,

    /// Where the report goes [default: the run directory, or report for several runs]
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,

    /// Where `latest` is looked for
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) runs_dir: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = help::NEW)]
pub(crate) struct NewArgs {
    /// Name or path of the recipe; `.toml` is added if missing
    pub(crate) name: String,

    /// Use this model, a safetensors file, as the teacher instead of training one
    #[arg(long, value_name = "FILE")]
    pub(crate) teacher: Option<String>,

    /// A name, or a folder; `distill data` lists them
    #[arg(long, value_name = "SOURCE", default_value = "mnist")]
    pub(crate) data: String,
}

#[derive(Debug, Args)]
#[command(after_help = help::EXPLAIN)]
pub(crate) struct ExplainArgs {
    /// An error code, such as E0104 [default: list all]
    #[arg(value_parser = parse_code)]
    pub(crate) code: Option<Code>,

    /// Print all explanations as one Markdown page
    #[arg(long, hide = true, conflicts_with = "code")]
    pub(crate) markdown: bool,
}

#[derive(Debug, Args)]
#[command(after_help = help::COMPLETIONS)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_help = help::MAN)]
pub(crate) struct ManArgs {
    /// A command of the program
    #[arg(value_parser = parse_command)]
    pub(crate) command: Option<String>,
}
