use std::path::Path;

use distill_lab::run::{Kind, RunStatus, Status};
use distill_recipe::Diagnostic;
use distill_recipe::words::shell;

use super::facts::{Facts, short};
use super::{read_text, unreadable};

/// Ten thousand trials with a few settings.
const MAX_BYTES: u64 = 16 << 20;

/// Lines of the table that are shown.
const N_SHOWN: usize = 20;

pub(super) fn is_sweep(dir: &Path) -> bool {
    dir.join(Kind::Sweep.status_file()).is_file()
}

/// The directory of a sweep.
pub(super) fn facts(dir: &Path) -> Result<Facts, Diagnostic> {
    let status = RunStatus::read_of(Kind::Sweep, dir)?;
    let mut facts = Facts::new("sweep", "the directory of a sweep");
    facts.line("status", status.status.name());
    facts.line("command", short(&status.command, 68));
    facts.line("started", &status.started);
    facts.field("status", status.status.name());
    let path = dir.join("sweep.csv");
    let table = if path.is_file() { read_text(&path, MAX_BYTES)? } else { None }.unwrap_or_default();
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let failed = |error: csv::Error| unreadable(&path, std::io::Error::other(error));
    let header: Vec<String> = reader.headers().map_err(failed)?.iter().map(str::to_owned).collect();
    let rows: Vec<Vec<String>> = reader
        .records()
        .map(|row| row.map(|row| row.iter().map(|cell| short(cell, 30)).collect()))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    facts.line("trials", rows.len());
    facts.field("columns", &header);
    facts.field("trials", &rows);
    let lines: Vec<_> = [&header].into_iter().chain(&rows).take(1 + N_SHOWN).cloned().collect();
    facts.lines(1, &lines);
    if rows.len() > N_SHOWN {
        facts.line("", format_args!("and {} more in {}", rows.len() - N_SHOWN, path.display()));
    }
    if status.status != Status::Completed {
        let again = shell(["distill", "sweep", "--resume", &*dir.to_string_lossy()]);
        facts.line("resume", again);
    }
    Ok(facts)
}
