use std::io;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use serde_json::json;

use crate::args::{Cli, ManArgs};
use crate::output::Output;
use distill_recipe::Diagnostic;

/// `distill man [COMMAND]`
pub(crate) fn man(args: &ManArgs, output: &Output) -> Result<(), Diagnostic> {
    // `distill help` has no page of its own.
    let mut program = Cli::command().disable_help_subcommand(true);
    // A built command knows the global flags and its full name.
    program.build();
    let chosen = args.command.as_deref().and_then(|name| program.find_subcommand(name)).cloned();
    let page = page(chosen.unwrap_or(program)).map_err(|error| Diagnostic::io("cannot write the page", None, error))?;
    output.document(&page)?;
    output.event("man", json!({ "command": args.command, "page": page }))
}

fn page(command: Command) -> io::Result<String> {
    let examples = command.get_after_help().map(ToString::to_string);
    let has_subcommands = command.has_subcommands();
    let man = Man::new(command).source(concat!("distill ", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if has_subcommands {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(examples) = examples {
        // Without filling, which would join and stretch the lines.
        let mut section = Roff::new();
        section.control("SH", ["EXAMPLES"]).control("nf", []);
        for line in examples.lines().skip_while(|line| *line == "Examples:") {
            section.text([roman(line)]);
        }
        section.control("fi", []);
        section.to_writer(&mut page)?;
    }
    Ok(String::from_utf8_lossy(&page).into_owned())
}
