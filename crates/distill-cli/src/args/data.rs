use clap::Args;

use crate::help;

#[derive(Debug, Args)]
#[command(after_help = help::DATA)]
pub(crate) struct DataArgs {
    /// A dataset, as in `data.source`: a name or a folder [default: list all names]
    pub(crate) source: Option<String>,

    /// Settings of `[data]` in a recipe, such as `data.columns.label=income`
    #[arg(value_name = "KEY=VALUE", requires = "source")]
    pub(crate) overrides: Vec<String>,
}
