use clap::Args;

use crate::help;

#[derive(Debug, Args)]
#[command(after_help = help::DATA)]
pub(crate) struct DataArgs {
    /// What a recipe has as `data.source`: a name, or a folder; all names are listed if none is given
    pub(crate) source: Option<String>,
}
