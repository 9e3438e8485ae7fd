//! The parts of a report in Markdown, which reads well as it is, too.

use std::fmt::Write as _;

use super::facts::Facts;
use super::table::Table;

/// Escaped, as a paragraph.
pub(crate) fn paragraph(text: &str) -> String {
    format!("{}\n\n", escape(text))
}

/// Names with what they are.
pub(crate) fn list(facts: &Facts) -> String {
    let items = facts.iter().map(|(name, value)| format!("- {name}: {}\n", escape(value)));
    items.collect::<String>() + "\n"
}

/// A table whose columns are as wide as their widest cell, so that it can be read as it is.
pub(crate) fn rows(table: &Table) -> String {
    if table.rows.is_empty() {
        return String::new();
    }
    let lines: Vec<Vec<String>> = [&table.header]
        .into_iter()
        .chain(&table.rows)
        .map(|row| row.iter().map(|cell| escape(cell)).collect())
        .collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0).max(3);
    let widths: Vec<usize> = (0..table.header.len()).map(width).collect();
    let mut text = String::new();
    for (i, line) in lines.iter().enumerate() {
        for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
            let _ = if column == 0 { write!(text, "| {cell:<width$} ") } else { write!(text, "| {cell:>width$} ") };
        }
        text += "|\n";
        if i == 0 {
            for (column, width) in widths.iter().enumerate() {
                let _ =
                    if column == 0 { write!(text, "|:{:-<width$}-", "") } else { write!(text, "|-{:-<width$}:", "") };
            }
            text += "|\n";
        }
    }
    text + "\n"
}

/// Text as it is, in a fence that nothing in it can close.
pub(crate) fn fenced(language: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n\n", text.trim_end())
}

/// A text in which nothing is markup, on one line.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '&' | '|' | '#' | '~' => escaped.extend(['\\', c]),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
