//! What a terminal may be sent: names and texts come from files, and must not move the cursor, set a title or turn the
//! direction of the text.

use std::borrow::Cow;

/// What stands for a character on a terminal.
///
/// Control characters, and those that show nothing but change how others are shown (bidirectional overrides, characters of
/// no width, line separators), are replaced, so that two different names never look the same without a mark of it.
pub fn visible(c: char) -> char {
    match c {
        '\t' | '\n' => ' ',
        c if c.is_control() || is_format(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}

/// A part of a message, on one line.
pub fn one_line(text: &str) -> String {
    text.chars().map(visible).collect()
}

/// The same of several lines.
pub fn lines(text: &str) -> String {
    text.chars().map(|c| if c == '\n' { c } else { visible(c) }).collect()
}

/// Bytes for programs as they are; for a terminal, what of them may be shown.
pub fn for_reader(bytes: &[u8], is_terminal: bool) -> Cow<'_, [u8]> {
    if is_terminal { Cow::Owned(lines(&String::from_utf8_lossy(bytes)).into_bytes()) } else { Cow::Borrowed(bytes) }
}

/// Unicode's format characters (Cf) that have no shape of their own, and its separators of lines and paragraphs.
fn is_format(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0001}' | '\u{e0020}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        let harm = [
            "\u{1b}]0;pwned\u{7}",
            "\u{1b}[2J",
            "\u{9b}2J",
            "\u{7f}",
            "\r",
            "\u{202e}",
            "\u{2066}",
            "\u{2069}",
            "\u{200b}",
            "\u{200d}",
            "\u{200f}",
            "\u{61c}",
            "\u{2028}",
            "\u{feff}",
            "\u{e0041}",
        ];
        for bad in harm {
            let text = format!("a{bad}b\nc");
            for shown in [one_line(&text), lines(&text)] {
                assert!(shown.starts_with("a\u{fffd}") && !shown.contains(bad), "{shown:?}");
                assert!(shown.chars().all(|c| c == '\n' || c == visible(c)), "{shown:?}");
            }
            assert_eq!(for_reader(text.as_bytes(), false), text.as_bytes());
            assert_eq!(for_reader(text.as_bytes(), true), lines(&text).as_bytes());
        }
        assert_eq!(for_reader(b"a\xffb\tc\n", true), "a\u{fffd}b c\n".as_bytes());
    }

    #[test]
    fn letters_of_all_scripts_stay() {
        let text = "é, שלום, مرحبا, 日本, क्षि, 😀, ½ \u{301}";
        assert_eq!(one_line(text), text);
    }
}
