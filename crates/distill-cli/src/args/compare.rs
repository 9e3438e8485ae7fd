use std::path::PathBuf;

use clap::Args;

use crate::help;

#[derive(Debug, Args)]
#[command(after_help = help::COMPARE)]
pub(crate) struct CompareArgs {
    /// A run, or a folder with the predictions of one model: `RUN/eval/student-seed1`, or one that `eval --tables` wrote
    pub(crate) a: PathBuf,

    /// The run or folder to compare it with
    pub(crate) b: PathBuf,

    /// Where `latest` and runs by their names are looked for
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) runs_dir: PathBuf,
}
