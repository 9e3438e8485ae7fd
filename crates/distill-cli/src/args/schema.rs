use clap::Args;

use crate::help;

#[derive(Debug, Args)]
#[command(after_help = help::SCHEMA)]
pub(crate) struct SchemaArgs {
    /// That of the events that `--json` prints
    #[arg(long)]
    pub(crate) events: bool,

    /// As a Markdown page
    #[arg(long, hide = true, requires = "events")]
    pub(crate) markdown: bool,
}
