use std::fmt::Write as _;
use std::path::{Path, PathBuf};

pub(super) fn type_name(code: u8) -> &'static str {
    match code {
        0x09 => "i8",
        0x0b => "i16",
        0x0c => "i32",
        0x0d => "f32",
        0x0e => "f64",
        _ => "unknown",
    }
}

pub(super) fn prefix(path: Option<&Path>) -> String {
    path.map(|path| format!("{}: ", path.display())).unwrap_or_default()
}

/// Files by the first and the last of them.
pub(super) fn span(paths: &[PathBuf]) -> String {
    match paths {
        [] => String::new(),
        [one] => one.display().to_string(),
        [first, .., last] => {
            let name = last.file_name().unwrap_or_default();
            format!("{} to {}", first.display(), name.display())
        }
    }
}

/// The items in backquotes, with the number of those that are not shown.
pub(super) fn list(items: &[String], total: usize) -> String {
    let mut text = String::new();
    for (i, item) in items.iter().enumerate() {
        let separator = if i == 0 { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(text, "{separator}`{item}`");
    }
    if total > items.len() {
        let _ = write!(text, " and {} more", total - items.len());
    }
    text
}
