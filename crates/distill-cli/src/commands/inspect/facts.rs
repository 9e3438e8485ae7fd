use std::fmt::{Display, Write as _};
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::output::Output;
use distill_lab::summary::columns;
use distill_recipe::Diagnostic;

/// Columns of the labels.
const LABEL: usize = 10;

/// Columns of a line.
const WIDTH: usize = 80;

/// What is known of a file: lines for people, fields for programs.
#[derive(Debug)]
pub(super) struct Facts {
    kind: &'static str,
    text: String,
    fields: Map<String, Value>,
}

impl Facts {
    /// `kind` is for programs and `what` for people.
    pub(super) fn new(kind: &'static str, what: impl Display) -> Self {
        let mut facts = Self { kind, text: String::new(), fields: Map::new() };
        facts.line("", what);
        facts
    }

    /// A line; without a label it goes on with the one before.
    pub(super) fn line(&mut self, label: &str, text: impl Display) {
        let _ = writeln!(self.text, "{label:<LABEL$}{text}");
    }

    /// Items with commas between them, over as many lines as they need.
    pub(super) fn list(&mut self, label: &str, items: impl IntoIterator<Item = String>) {
        let (mut label, mut line) = (label, String::new());
        for item in items {
            if !line.is_empty() {
                line.push(',');
                if LABEL + line.chars().count() + 2 + item.chars().count() > WIDTH {
                    self.line(std::mem::take(&mut label), std::mem::take(&mut line));
                } else {
                    line.push(' ');
                }
            }
            line += &item;
        }
        if !line.is_empty() {
            self.line(label, line);
        }
    }

    /// A table with words to the left and, after `n_words` columns, numbers to the right.
    pub(super) fn table<const N: usize>(&mut self, n_words: usize, header: [&str; N], rows: &[[String; N]]) {
        let lines: Vec<_> = [header.map(str::to_owned)].into_iter().chain(rows.iter().cloned()).collect();
        self.lines(n_words, &lines);
    }

    /// A table of which the number of columns is known only when it is read; its first line is the header.
    pub(super) fn lines(&mut self, n_words: usize, lines: &[impl AsRef<[String]>]) {
        self.text += &columns(lines, n_words);
    }

    /// A field of the event.
    pub(super) fn field(&mut self, name: &str, value: impl Serialize) {
        // Nothing here has keys that are not text, the one thing that JSON cannot say.
        self.fields.insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
    }

    pub(super) fn print(self, path: &Path, follows: bool, output: &Output) -> Result<(), Diagnostic> {
        let gap = if follows { "\n" } else { "" };
        let text = format!("{:<LABEL$}{}\n{}", "file", path.display(), self.text);
        output.result(&format!("{gap}{}", text.trim_end()))?;
        let mut event = json!({ "file": path.display().to_string(), "kind": self.kind });
        if let Some(event) = event.as_object_mut() {
            event.extend(self.fields);
        }
        output.event("inspect", event)
    }

    /// The lines for people.
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

/// A name that is cut where it would spoil a table.
pub(super) fn short(name: &str, width: usize) -> String {
    if name.chars().count() <= width {
        return name.to_owned();
    }
    let kept: String = name.chars().take(width - 1).collect();
    format!("{kept}…")
}
