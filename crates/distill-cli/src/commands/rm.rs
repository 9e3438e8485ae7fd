use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;

use serde_json::json;

use crate::args::RmArgs;
use crate::output::Output;
use distill_lab::run::{RunDir, claim, remove, remove_rest};
use distill_lab::runs::{Entry, entries, size_of};
use distill_recipe::Code;
use distill_recipe::Diagnostic;
use distill_recipe::words::shell;
use distill_recipe::words::size;

/// `distill rm RUN...`: removes runs with all that is in them.
pub(crate) fn rm(args: &RmArgs, output: &Output) -> Result<u8, Diagnostic> {
    // All are held before one is removed, so that none is being written.
    let dirs = claim(&args.runs_dir, &args.runs)?;
    let sizes: Vec<u64> = dirs.iter().map(|dir| size_of(dir.path())).collect();
    let others = entries(&args.runs_dir)?;
    let mut is_needed = false;
    for (dir, bytes) in dirs.iter().zip(&sizes) {
        output.progress(&format!("{:<8} {}  {}", dir.kind().noun(), dir.path().display(), size(*bytes)));
        for other in others.iter().filter(|other| !is_among(&dirs, &other.path) && uses(other, dir.path())) {
            is_needed = true;
            output
                .progress(&format!("         {} uses weights from it, and cannot be resumed without them", other.name));
        }
    }
    let all = size(sizes.iter().sum());
    let what = match dirs.len() {
        1 => format!("1 {}", dirs[0].kind().noun()),
        n => format!("{n} directories"),
    };
    if !args.yes && !confirmed(&format!("remove {what}, {all}?"), args)? {
        output.progress("nothing was removed");
        return Ok(1);
    }
    if is_needed && args.yes {
        output.warning(
            "another run uses weights of a removed run",
            "the other run is complete or cannot be resumed; its results stay",
            "if you copied the weights, set `teacher.weights` to the copy",
        )?;
    }
    for (dir, bytes) in dirs.iter().zip(sizes) {
        remove(dir)?;
        output.event("removed", json!({ "path": dir.path().display().to_string(), "bytes": bytes }))?;
    }
    remove_rest(&args.runs_dir);
    output.result(&format!("removed {what}, {all}"))?;
    Ok(0)
}

/// Asks on the terminal. Without a terminal the answer is no.
fn confirmed(question: &str, args: &RmArgs) -> Result<bool, Diagnostic> {
    if !io::stdin().is_terminal() {
        let runs: Vec<_> = args.runs.iter().map(|run| run.to_string_lossy()).collect();
        let words = ["distill", "rm", "--yes"].into_iter().chain(runs.iter().map(|run| &**run));
        return Err(Diagnostic::new(
            Code::NotConfirmed,
            "removing runs needs a confirmation, and there is no terminal to ask on",
        )
        .at("standard input")
        .note("nothing was removed")
        .help(format!("agree beforehand: `{}`", shell(words))));
    }
    let refused = |error| Diagnostic::io("cannot ask on the terminal", None, error);
    let mut stderr = io::stderr().lock();
    write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush()).map_err(refused)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(refused)?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

fn is_among(dirs: &[RunDir], path: &Path) -> bool {
    let absolute = |path: &Path| std::fs::canonicalize(path).ok();
    dirs.iter().any(|dir| absolute(dir.path()) == absolute(path))
}

/// Whether a run learned from weights, or began with some, that are in a directory.
fn uses(run: &Entry, dir: &Path) -> bool {
    let Ok(folder) = std::path::absolute(dir) else { return false };
    let folder = folder.to_string_lossy();
    // A path, or a list of them as TOML.
    let names = |text: &String| {
        text.split('"')
            .any(|path| path.strip_prefix(&*folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    };
    let is_one =
        |key: &str| key == "student.weights" || key == "teacher.weights" || key.starts_with("teacher.weights.");
    run.settings.iter().filter(|(key, _)| is_one(key)).any(|(_, text)| names(text))
}
