//! Rules for every text: white space, notes of work to do, and size.

use super::Finding;
use super::tree::{File, Tree};

/// What one can hold in the head, and then some.
const SOURCE_LINES_MAX: usize = 400;

/// A repository is cloned for ever: what is large stays in its history.
const FILE_BYTES_MAX: u64 = 1_000_000;

/// Folders of data that is shipped, each with the licence beside it.
const DATA: [&str; 3] = ["crates/distill-datasets/data/", "crates/distill-text/data/", "recipes/fashion-mnist/"];

pub(super) fn white_space(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts(&[".rs", ".toml", ".md", ".sh", ".ci/run"]) {
        // Not `lines()`, which would hide a carriage return.
        for (line, content) in (1..).zip(text.split('\n')) {
            if content.contains('\t') {
                findings.push(Finding::at(path, line, "a tab", "use spaces, and `\\t` in a string"));
            }
            if content.ends_with([' ', '\t', '\r']) {
                findings.push(Finding::at(path, line, "white space at the end of the line", "remove it"));
            }
        }
        if !text.is_empty() && !text.ends_with('\n') {
            findings.push(Finding::in_file(path, "the last line has no end", "end the file with a line break"));
        }
    }
    findings
}

pub(super) fn deferred_work(tree: &Tree) -> Vec<Finding> {
    // Taken apart, so that this file passes its own check.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];
    let mut findings = Vec::new();
    for (path, text) in tree.texts(&[".rs", ".toml", ".md", ".sh", ".ci/run"]) {
        for (line, content) in (1..).zip(text.lines()) {
            if let Some(mark) = marks.into_iter().find(|mark| has_word(content, mark)) {
                let fix = "do it now, or open an issue and remove the note";
                findings.push(Finding::at(path, line, format!("a note `{mark}`"), fix));
            }
        }
    }
    findings
}

pub(super) fn long_sources(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts(&[".rs"]) {
        let lines = text.lines().count();
        if is_source(path) && lines > SOURCE_LINES_MAX {
            let what = format!("{lines} lines, and at most {SOURCE_LINES_MAX} are allowed");
            findings.push(Finding::at(path, SOURCE_LINES_MAX + 1, what, "give each of its ideas a module of its own"));
        }
    }
    findings
}

pub(super) fn large_files(tree: &Tree) -> Vec<Finding> {
    let is_data = |file: &File| DATA.iter().any(|folder| file.path.starts_with(folder));
    let large = tree.files().iter().filter(|file| file.size > FILE_BYTES_MAX && !is_data(file));
    let finding = |file: &File| {
        let what = format!("{} bytes, and at most {FILE_BYTES_MAX} are allowed outside {}", file.size, DATA.join(", "));
        Finding::in_file(&file.path, what, "make it from its source when it is needed, or shrink it")
    };
    large.map(finding).collect()
}

/// Whether `path` is in the `src` of a package in `crates/`.
pub(super) fn is_source(path: &str) -> bool {
    let mut parts = path.split('/');
    parts.next() == Some("crates") && parts.nth(1) == Some("src")
}

/// Whether `word` stands in `text` on its own, not as a part of a longer word.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(part_of_word) && !text[at + word.len()..].starts_with(part_of_word))
}

#[cfg(test)]
mod tests {
    use super::super::places;
    use super::*;

    #[test]
    fn white_space_is_checked_in_texts_only() {
        let bad = [("a.rs", "ok\n\tx\ny \nz\r\n"), ("b.toml", "x\t\n"), ("c.md", "no end"), ("d.csv", "a\tb ")];
        assert_eq!(places(white_space, &bad), ["a.rs:2", "a.rs:3", "a.rs:4", "b.toml:1", "b.toml:1", "c.md"]);
        assert_eq!(places(white_space, &[("a.rs", "fn a() {}\n\n"), ("b.rs", "")]), [""; 0]);
    }

    #[test]
    fn notes_of_work_to_do_are_found_as_words() {
        let note = |word: &str| format!("fine\n// {word}: later\n");
        for word in [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")] {
            assert_eq!(places(deferred_work, &[("a.rs", &note(word))]), ["a.rs:2"]);
            assert_eq!(places(deferred_work, &[("a.rs", &note(&format!("{word}S")))]), [""; 0]);
        }
        assert_eq!(places(deferred_work, &[("a.rs", &note("todo"))]), [""; 0]);
    }

    #[test]
    fn sources_have_a_longest_length() {
        let lines = |n| "//\n".repeat(n);
        let check = |path: &str, n| places(long_sources, &[(path, &lines(n))]);
        assert_eq!(check("crates/a/src/deep/lib.rs", 401), ["crates/a/src/deep/lib.rs:401"]);
        assert_eq!(check("crates/a/src/lib.rs", 400), [""; 0]);
        assert_eq!(check("crates/a/tests/all.rs", 401), [""; 0]);
    }

    #[test]
    fn large_files_belong_into_the_data_folder() {
        let large = "x".repeat(1_000_001);
        let check = |path: &str| places(large_files, &[(path, &large)]);
        assert_eq!(check("docs/picture.svg"), ["docs/picture.svg"]);
        assert_eq!(check("crates/distill-datasets/data/train"), [""; 0]);
        assert_eq!(check("crates/distill-text/data/text"), [""; 0]);
        assert_eq!(check("crates/distill-text/database"), ["crates/distill-text/database"]);
        assert_eq!(places(large_files, &[("a", &large[1..])]), [""; 0]);
    }
}
