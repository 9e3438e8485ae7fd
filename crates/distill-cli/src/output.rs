use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Mutex;
use std::time::SystemTime;

use clap::ColorChoice;
use serde_json::Value;

use crate::style::{Palette, is_dumb};
use distill_recipe::visible::{for_reader, lines, one_line};
use distill_recipe::{Diagnostic, Paint as _};

/// The log of the run that this process writes.
static LOG: Mutex<Option<File>> = Mutex::new(None);

/// What the program prints, and where.
///
/// Results go to standard output, progress and errors to standard error. With `--json`
/// standard output holds JSON Lines and nothing else.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
    quiet: bool,
    animate: bool,
    /// Standard error holds JSON Lines.
    for_programs: bool,
    /// The colours of standard error. Standard output has none.
    palette: Palette,
}

impl Output {
    pub(crate) fn new(json: bool, quiet: bool, color: ColorChoice) -> Self {
        let animate = !quiet && !is_dumb() && io::stderr().is_terminal();
        Self { json, quiet, animate, for_programs: false, palette: Palette::for_stderr(color) }
    }

    /// Standard error also has a log: no line is drawn twice between its lines, and where it is for
    /// programs it prints none for people.
    pub(crate) fn with_log(self, is_on: bool, for_programs: bool) -> Self {
        Self { animate: self.animate && !is_on && !for_programs, for_programs, ..self }
    }

    /// Whether a line may be drawn again and again.
    pub(crate) fn animate(&self) -> bool {
        self.animate
    }

    /// The columns of the terminal that results go to. `--quiet` needs its one line whole.
    pub(crate) fn width(&self) -> Option<usize> {
        let size = terminal_size::terminal_size_of(io::stdout()).filter(|_| !self.quiet);
        size.map(|(terminal_size::Width(width), _)| usize::from(width).max(20))
    }

    /// From here on, everything printed to standard error also goes to the end of this file, with times, even
    /// where `--quiet` keeps it from the terminal.
    pub(crate) fn log_to(&self, path: &Path) -> io::Result<()> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        if let Ok(mut log) = LOG.lock() {
            *log = Some(file);
        }
        Ok(())
    }

    /// Lines for the log alone. A log that cannot be written is not a reason to end the work.
    pub(crate) fn log(&self, text: &str) {
        if let Ok(mut log) = LOG.lock()
            && let Some(file) = &mut *log
        {
            let now = humantime::format_rfc3339_millis(SystemTime::now());
            let lines: String =
                lines(text).lines().filter(|line| !line.is_empty()).map(|line| format!("{now}  {line}\n")).collect();
            let _ = file.write_all(lines.as_bytes());
        }
    }

    /// A line about progress. Nothing depends on whether anybody reads it.
    pub(crate) fn progress(&self, line: &str) {
        self.log(line);
        self.show(&lines(line));
    }

    /// Shows what may have colours, so it must hold nothing of a file as it is.
    fn show(&self, line: &str) {
        if !self.quiet && !self.for_programs {
            let _ = writeln!(io::stderr().lock(), "{line}");
        }
    }

    /// Lines of a result, of which `--quiet` shows only the last.
    pub(crate) fn result(&self, text: &str) -> Result<(), Diagnostic> {
        self.log(text);
        if self.json {
            return Ok(());
        }
        let text = if self.quiet { text.trim_end().lines().last().unwrap_or_default() } else { text };
        write_stdout(&lines(text))
    }

    /// A text that was asked for as it is, such as a schema: whole even with `--quiet`.
    pub(crate) fn document(&self, text: &str) -> Result<(), Diagnostic> {
        if self.json { Ok(()) } else { write_stdout(text.trim_end()) }
    }

    /// An event, on standard output with `--json`.
    pub(crate) fn event(&self, name: &str, mut fields: Value) -> Result<(), Diagnostic> {
        if !self.json {
            return Ok(());
        }
        let mut event = serde_json::json!({ "v": 1, "event": name });
        if let (Some(event), Some(fields)) = (event.as_object_mut(), fields.as_object_mut()) {
            event.append(fields);
        }
        match write_stdout(&event.to_string()) {
            // Nobody reads any more, which is not a reason to end the work.
            Err(diagnostic) if diagnostic.is_broken_pipe() => Ok(()),
            other => other,
        }
    }

    /// What is odd but stops nothing, on standard error and with `--json` also as an event.
    pub(crate) fn warning(&self, what: &str, note: &str, help: &str) -> Result<(), Diagnostic> {
        let palette = &self.palette;
        let (what, note, help) = (one_line(what), one_line(note), one_line(help));
        self.log(&format!("warning: {what}\n   = note: {note}\n   = help: {help}"));
        let title = palette.warning("warning");
        self.show(&format!("{title}: {what}{}{}", palette.note_line(&note), palette.help_line(&help)));
        self.event("warning", serde_json::json!({ "message": what, "note": note, "help": help }))
    }

    /// Text in a format of its own: as it is where a program reads it, and what may be shown on a terminal.
    pub(crate) fn raw(&self, text: &[u8]) -> Result<(), Diagnostic> {
        let mut stdout = io::stdout().lock();
        let text = for_reader(text, stdout.is_terminal());
        stdout.write_all(&text).and_then(|()| stdout.flush()).map_err(|error| Diagnostic::stdout(&error))
    }

    /// Whether standard output is to hold events only.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// More about an error, as it is.
    pub(crate) fn raw_error(&self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// An error, on standard error and with `--json` also as an event.
    pub(crate) fn error(&self, diagnostic: &Diagnostic) {
        self.log(&diagnostic.to_string());
        let text = if self.for_programs { diagnostic.to_json().to_string() } else { diagnostic.render(&self.palette) };
        let mut stderr = io::stderr().lock();
        // Colours are escapes, and what they stand around is clean; JSON escapes only a part of what a terminal obeys.
        let text = for_reader(text.as_bytes(), self.for_programs && stderr.is_terminal());
        let _ = stderr.write_all(&text).and_then(|()| stderr.write_all(b"\n"));
        if self.json {
            let _ = write_stdout(&diagnostic.to_json().to_string());
        }
    }
}

fn write_stdout(text: &str) -> Result<(), Diagnostic> {
    let mut stdout = io::stdout().lock();
    let text = for_reader(text.as_bytes(), stdout.is_terminal());
    let written = stdout.write_all(&text).and_then(|()| stdout.write_all(b"\n")).and_then(|()| stdout.flush());
    written.map_err(|error| Diagnostic::stdout(&error))
}
