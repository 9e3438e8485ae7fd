//! Rules for Rust code: where `unsafe` and bincode may be named.

use std::borrow::Cow;

use super::Finding;
use super::text::has_word;
use super::tree::Tree;

const KERNEL: &str = "crates/distill-tensor/src/kernel.rs";
/// What it has of instructions that not every processor knows.
const PARTS: &str = "crates/distill-tensor/src/kernel/";
/// An allocator that counts can be written in no other way, and no user runs this one.
const COUNTING_ALLOCATOR: &str = "tests/counting.rs";

/// The lint `unsafe_code` refuses it; this looks for who switches the lint off.
pub(super) fn unsafe_code(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let may = |path: &str| [KERNEL, COUNTING_ALLOCATOR].contains(&path) || path.starts_with(PARTS);
    for (path, line, code) in code_lines(tree).filter(|(path, ..)| !may(path)) {
        if has_word(&code, "unsafe") || has_word(&code, "unsafe_code") {
            let fix = "write it in safe Rust, or as a safe function of the kernel with its proof in a comment";
            findings.push(Finding::at(path, line, format!("`unsafe` outside {KERNEL}"), fix));
        }
    }
    findings
}

/// One file knows the format, so that one file changes when the format does.
pub(super) fn bincode(tree: &Tree) -> Vec<Finding> {
    let users = code_lines(tree).filter(|(_, _, code)| has_word(code, "bincode"));
    let mut first_of_each: Vec<(&str, usize)> = Vec::new();
    for (path, line, _) in users {
        if first_of_each.last().is_none_or(|(last, _)| *last != path) {
            first_of_each.push((path, line));
        }
    }
    if first_of_each.len() < 2 {
        return Vec::new();
    }
    let all = first_of_each.iter().map(|(path, _)| *path).collect::<Vec<_>>().join(", ");
    let fix = "call the codec of the one file that should name it";
    let finding = |(path, line)| Finding::at(path, line, format!("bincode is named in more than one file: {all}"), fix);
    first_of_each.into_iter().map(finding).collect()
}

/// Path, line and code of each line of Rust but those of xtask, which must name what it looks for.
fn code_lines(tree: &Tree) -> impl Iterator<Item = (&str, usize, Cow<'_, str>)> {
    let sources = tree.texts(&[".rs"]).filter(|(path, _)| !path.starts_with("xtask/"));
    sources.flat_map(|(path, text)| (1..).zip(text.lines()).map(move |(line, raw)| (path, line, code_of(raw))))
}

/// A line without its comment and without what stands in quotes.
///
/// It looks at one line alone: a string or a comment in `/* */` over several lines counts as code. So the check may
/// ask for too much, and never for too little.
fn code_of(line: &str) -> Cow<'_, str> {
    if !line.contains(['"', '/']) {
        return Cow::Borrowed(line);
    }
    let mut code = String::with_capacity(line.len());
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if quoted => _ = chars.next(),
            '"' => quoted = !quoted,
            _ if quoted => {}
            '/' if chars.peek() == Some(&'/') => break,
            _ => code.push(c),
        }
    }
    // An open quote is not of a string that ends here, such as the character '"'.
    if quoted { Cow::Borrowed(line) } else { Cow::Owned(code) }
}

#[cfg(test)]
mod tests {
    use super::super::places;
    use super::*;

    const OTHER: &str = "crates/distill-models/src/lib.rs";

    #[test]
    fn code_is_what_is_neither_comment_nor_string() {
        assert_eq!(code_of("let a = 1; // unsafe"), "let a = 1; ");
        assert_eq!(code_of("/// unsafe"), "");
        assert_eq!(code_of(r#"f("a \" // unsafe", b) / c"#), "f(, b) / c");
        assert_eq!(code_of(r#"'"' unsafe"#), r#"'"' unsafe"#);
    }

    #[test]
    fn unsafe_is_for_the_kernel() {
        let block = "fn f() {\n    unsafe { g() }\n}\n";
        let switch = "#![allow(unsafe_code)]\n";
        assert_eq!(places(unsafe_code, &[(OTHER, block), (KERNEL, block)]), [format!("{OTHER}:2")]);
        assert!(places(unsafe_code, &[(&format!("{PARTS}pairs.rs"), block)]).is_empty());
        assert_eq!(places(unsafe_code, &[(OTHER, switch), (KERNEL, switch)]), [format!("{OTHER}:1")]);
        assert_eq!(places(unsafe_code, &[(OTHER, "// No unsafe here.\nlet unsafely = 1;\n")]), [""; 0]);
    }

    #[test]
    fn bincode_is_for_one_file() {
        let codec = "crates/distill-train/src/codec.rs";
        let uses = "use bincode::config;\nlet x = bincode::serde::encode;\n";
        assert_eq!(places(bincode, &[(codec, uses), (OTHER, "/// Not bincode::encode.\n")]), [""; 0]);
        assert_eq!(places(bincode, &[(codec, uses), (OTHER, uses)]), [format!("{codec}:1"), format!("{OTHER}:1")]);
    }
}
