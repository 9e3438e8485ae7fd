//! Just enough of TOML to read manifests, `Cargo.lock` and `deny.toml`.
//!
//! This is no parser: cargo has accepted these files before we see them. It knows tables, `key = value` lines,
//! comments, strings in double quotes and arrays over several lines.

/// One `key = value`, with the value as it is written.
#[derive(Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) line: usize,
    pub(crate) table: String,
    pub(crate) key: String,
    pub(crate) value: String,
}

/// All entries of a file, from top to bottom.
pub(crate) fn entries(text: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut table = String::new();
    let mut open_brackets = 0;
    for (line, raw) in (1..).zip(text.lines()) {
        let code = without_comment(raw).trim();
        if code.is_empty() {
            continue;
        }
        if open_brackets > 0 {
            if let Some(last) = entries.last_mut() {
                last.value.push(' ');
                last.value.push_str(code);
            }
            open_brackets += bracket_balance(code);
        } else if code.starts_with('[') {
            table = code.trim_matches(['[', ']']).trim().to_owned();
        } else if let Some((key, value)) = code.split_once('=') {
            let key = key.trim().trim_matches('"').to_owned();
            open_brackets = bracket_balance(value);
            entries.push(Entry { line, table: table.clone(), key, value: value.trim().to_owned() });
        }
    }
    entries
}

/// The entry of `table` named `key`.
pub(crate) fn find<'e>(entries: &'e [Entry], table: &str, key: &str) -> Option<&'e Entry> {
    entries.iter().find(|entry| entry.table == table && entry.key == key)
}

/// The strings of a value.
pub(crate) fn strings(value: &str) -> impl Iterator<Item = &str> {
    value.split('"').skip(1).step_by(2)
}

/// The crates that a manifest names in any of its dependency tables, each with its line.
pub(crate) fn dependencies(entries: &[Entry]) -> Vec<(usize, &str)> {
    const TABLES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];
    let mut found: Vec<(usize, &str)> = Vec::new();
    for entry in entries {
        // `[dependencies]` with `serde = "1"` or `serde.workspace = true`, or a table `[dependencies.serde]`;
        // either may stand below `target.'cfg(unix)'`.
        let name = match entry.table.rsplit_once('.') {
            Some((parent, name)) if TABLES.iter().any(|table| parent.ends_with(table)) => name,
            _ if TABLES.iter().any(|table| entry.table.ends_with(table)) => {
                entry.key.split('.').next().unwrap_or(&entry.key)
            }
            _ => continue,
        };
        if found.last().is_none_or(|(_, last)| *last != name) {
            found.push((entry.line, name));
        }
    }
    found
}

fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    for (at, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '#' if !quoted => return &line[..at],
            _ => {}
        }
    }
    line
}

fn bracket_balance(code: &str) -> i32 {
    let outside = code.split('"').step_by(2).flat_map(str::chars);
    outside.map(|c| i32::from(c == '[') - i32::from(c == ']')).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
top = 1
[licenses] # what may come in
allow = [
  "MIT", # short
  "a # b",
]
[[package]]
name = "x]"
"#;

    #[test]
    fn entries_know_their_line_and_table() {
        let entry = |line, table: &str, key: &str, value: &str| Entry {
            line,
            table: table.into(),
            key: key.into(),
            value: value.into(),
        };
        let expected = [
            entry(2, "", "top", "1"),
            entry(4, "licenses", "allow", r#"[ "MIT", "a # b", ]"#),
            entry(9, "package", "name", r#""x]""#),
        ];
        assert_eq!(entries(TEXT), expected);
        assert_eq!(find(&entries(TEXT), "licenses", "allow").map(|entry| entry.line), Some(4));
        assert_eq!(find(&entries(TEXT), "package", "allow"), None);
    }

    #[test]
    fn strings_are_what_stands_in_quotes() {
        assert_eq!(strings(r#"[ "MIT", "a # b", ]"#).collect::<Vec<_>>(), ["MIT", "a # b"]);
        assert_eq!(strings("true").count(), 0);
    }

    #[test]
    fn dependencies_are_found_in_every_table_that_may_hold_them() {
        let text = "\
            [dependencies]\na.workspace = true\nb = { version = \"1\" }\n\
            [dependencies.c]\nversion = \"1\"\noptional = true\n\
            [target.'cfg(unix)'.dev-dependencies]\nd = \"1\"\n\
            [build-dependencies]\ne = \"1\"\n\
            [features]\nf = []\n";
        let entries = entries(text);
        let names: Vec<_> = dependencies(&entries).into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["a", "b", "c", "d", "e"]);
    }
}
