use clap::CommandFactory as _;
use serde_json::json;

use crate::args::{Cli, CompletionsArgs};
use crate::output::Output;
use distill_recipe::Diagnostic;

/// `distill completions SHELL`
pub(crate) fn completions(args: &CompletionsArgs, output: &Output) -> Result<(), Diagnostic> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "distill", &mut script);
    let script = String::from_utf8_lossy(&script);
    output.document(&script)?;
    output.event("completions", json!({ "shell": args.shell.to_string(), "script": script }))
}
