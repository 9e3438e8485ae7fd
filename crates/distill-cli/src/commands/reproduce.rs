use distill_recipe::words::shell;
use distill_recipe::{Code, Diagnostic};
use distill_studies::{Folder, Plan, Section};
use serde_json::json;

use crate::args::ReproduceArgs;
use crate::output::Output;
use crate::screen::Screen;

/// `distill reproduce STUDY [ROW ...] [KEY=VALUE ...]`
pub(crate) fn reproduce(args: &ReproduceArgs, output: &Output) -> Result<u8, Diagnostic> {
    let plan = args.study;
    if args.list {
        return list(plan, output).map(|()| 0);
    }
    let (overrides, names): (Vec<String>, Vec<String>) = args.rows.iter().cloned().partition(|word| word.contains('='));
    let rows = plan.rows_named(&names)?;
    if let (true, Some(folder)) = (args.pages, &args.write) {
        let page = Folder { plan, folder };
        if page.sections()?.is_empty() {
            return Err(Diagnostic::new(Code::RunFile, "the study has no finished row for a page")
                .at(page.parts().join("rows").display())
                .note("a page is made from the files that each row leaves there")
                .help("name the folder that rows were written into, or leave `--pages` out to run them"));
        }
        page.write()?;
        output.progress(&format!("page  {}", page.path().display()));
        return Ok(0);
    }
    super::recipe::warn_of_settings(&overrides, output)?;
    let screen = Screen::new(output);
    let show = |section: &Section| {
        output.result(&section.in_words(&plan.beside))?;
        output.event("row_end", serde_json::to_value(section).unwrap_or_default())
    };
    let end = plan.reproduce(&screen.lab(&args.runs_dir), &rows, &overrides, args.write.as_deref(), &show)?;
    let Some(signal) = end.signal else {
        output.event("reproduce_end", json!({ "study": end.dir.display().to_string(), "exit": 0 }))?;
        return Ok(0);
    };
    let words = ["distill", "reproduce", plan.name].into_iter().chain(args.rows.iter().map(String::as_str));
    output.progress(&format!("resume  {}", shell(words)));
    output.event("reproduce_end", json!({ "exit": signal.exit_code() }))?;
    Ok(signal.exit_code())
}

fn list(plan: &Plan, output: &Output) -> Result<(), Diagnostic> {
    let width = plan.rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let lines = plan.rows.iter().map(|row| format!("{:width$}  {}", row.name, row.about));
    output.result(&lines.collect::<Vec<_>>().join("\n"))?;
    let rows: Vec<_> = plan.rows.iter().map(|row| json!({ "row": row.name, "about": row.about })).collect();
    output.event("rows", json!({ "rows": rows }))
}
