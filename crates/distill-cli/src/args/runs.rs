use std::path::PathBuf;

use clap::Args;

use crate::help;

#[derive(Debug, Args)]
#[command(after_help = help::RUNS)]
pub(crate) struct RunsArgs {
    /// Only runs whose column or setting has this value, such as `status=completed` or `kd.temperature=4`
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) filters: Vec<String>,

    /// Sort by a column or a setting; runs without a value come last [default: started]
    #[arg(long, value_name = "KEY")]
    pub(crate) sort: Option<String>,

    /// Reverse the order
    #[arg(long)]
    pub(crate) reverse: bool,

    /// Where the runs are
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) runs_dir: PathBuf,
}
