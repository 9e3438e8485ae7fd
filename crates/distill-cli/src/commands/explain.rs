use serde_json::{Value, json};

use crate::args::ExplainArgs;
use crate::output::Output;
use distill_recipe::Diagnostic;
use distill_recipe::{Entry, REGISTRY};

/// `distill explain [CODE]`
pub(crate) fn explain(args: &ExplainArgs, output: &Output) -> Result<(), Diagnostic> {
    if args.markdown {
        let page = markdown();
        output.document(&page)?;
        return output.event("explain", json!({ "markdown": page }));
    }
    if let Some(code) = args.code {
        let entry = code.entry();
        output.document(&format!(
            "{}: {} (exit code {})\n\n{}",
            entry.name, entry.title, entry.exit, entry.explanation
        ))?;
        return output.event("explain", event(entry));
    }
    output.document(&list())?;
    REGISTRY.iter().try_for_each(|entry| output.event("explain", event(entry)))
}

fn event(entry: &Entry) -> Value {
    json!({ "code": entry.name, "exit": entry.exit, "title": entry.title, "explanation": entry.explanation })
}

fn list() -> String {
    let lines = REGISTRY.iter().map(|entry| format!("{}  {:>4}  {}\n", entry.name, entry.exit, entry.title));
    format!("code   exit  meaning\n{}", lines.collect::<String>())
}

/// `docs/errors.md`
fn markdown() -> String {
    let mut text = "# Errors\n\n\
        Every error of the program has a code that stays the same from release to release. `distill explain CODE` prints what\n\
        stands here. This page is the output of `distill explain --markdown`.\n\n\
        | code | exit code | meaning |\n|---|---|---|\n"
        .to_owned();
    for entry in &REGISTRY {
        text +=
            &format!("| [{0}](#{1}) | {2} | {3} |\n", entry.name, entry.name.to_lowercase(), entry.exit, entry.title);
    }
    for entry in &REGISTRY {
        text += &format!("\n## {}\n\n**{}**\n\n{}", entry.name, entry.title, entry.explanation);
    }
    text
}
