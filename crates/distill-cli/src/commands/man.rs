use std::io;

use clap::CommandFactory as _;
use clap_mangen::Man;
use serde_json::json;

use crate::args::{Cli, ManArgs};
use crate::diagnostic::Diagnostic;
use crate::output::Output;

/// `distill man [COMMAND]`
pub(crate) fn man(args: &ManArgs, output: &Output) -> Result<(), Diagnostic> {
    let page = page(args.command.as_deref()).map_err(|error| Diagnostic::io("cannot write the page", None, error))?;
    output.document(&page)?;
    output.event("man", json!({ "command": args.command, "page": page }))
}

fn page(command: Option<&str>) -> io::Result<String> {
    // `distill help` has no page of its own.
    let mut program = Cli::command().disable_help_subcommand(true);
    // A built command knows the global flags and its full name.
    program.build();
    let chosen = command.and_then(|name| program.find_subcommand(name)).cloned().unwrap_or(program);
    let mut page = Vec::new();
    Man::new(chosen).render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
