use std::path::PathBuf;

use clap::Args;

use crate::help;

#[derive(Debug, Args)]
#[command(after_help = help::INSPECT)]
pub(crate) struct InspectArgs {
    /// Models, checkpoints, soft targets, recipes, results, runs, files and folders of data
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}
