use std::ffi::OsString;

use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::args::Cli;
use distill_recipe::recipe_file::{flag_as_settings, nearest};

/// The commands that take settings of a recipe.
const WITH_SETTINGS: [&str; 6] = ["run", "check", "train", "teach", "sweep", "reproduce"];

/// Clap's measure knows no `run` for `rnu`, and takes `evn` for `eval`. A setting that is written as a flag is not one of its
/// arguments. `typed` is the command line.
pub(crate) fn with_suggestion(mut error: clap::Error, typed: &[OsString]) -> clap::Error {
    if let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand)
        && let Some(name) = nearest(typed, Cli::command().get_subcommands().map(clap::Command::get_name))
    {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(vec![name.to_owned()]));
    }
    if let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg)
        && error.kind() == ErrorKind::UnknownArgument
        && typed.iter().any(|word| WITH_SETTINGS.iter().any(|command| word == command))
        && let Some(tip) = flag_as_settings(flag, value_of(flag, typed))
    {
        error.remove(ContextKind::SuggestedArg);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

/// What was typed behind a flag.
fn value_of<'a>(flag: &str, typed: &'a [OsString]) -> Option<&'a str> {
    let mut words = typed.iter().filter_map(|word| word.to_str());
    let found =
        words.find_map(|word| word.strip_prefix(flag).filter(|rest| rest.is_empty() || rest.starts_with('=')))?;
    found.strip_prefix('=').or_else(|| words.next().filter(|next| !next.starts_with('-') && !next.contains('=')))
}
