use std::iter;

/// At least as wide as a text is in DejaVu Sans, the widest of the usual system fonts, of a size in pixels.
pub fn room(text: &str, font_size: f64) -> f64 {
    text.chars().map(em).sum::<f64>() * font_size
}

fn em(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | 'I' | ' ' | '.' | ',' | ':' | ';' | '!' | '|' | '\'' | '/' | '\\' => 0.34,
        'f' | 'r' | 't' | '(' | ')' | '[' | ']' | '-' => 0.42,
        'm' | 'w' | 'M' | 'W' | '%' | '@' | '—' | '…' => 1.0,
        '=' | '+' | '<' | '>' | '~' | '#' | '±' | '×' | '≤' | '≥' => 0.84,
        'A'..='Z' | '&' => 0.79,
        '\0'..'\u{1100}' | '\u{2000}'..'\u{2100}' => 0.64,
        '\u{1100}'..'\u{1f000}' => 1.0,
        // Emoji.
        _ => 1.35,
    }
}

/// A text, or as much of its beginning as fits with an ellipsis.
pub(crate) fn fitted(text: &str, font_size: f64, width: f64) -> String {
    if room(text, font_size) <= width {
        return text.to_owned();
    }
    let mut left = width - room("…", font_size);
    let fits = |c: &char| {
        left -= em(*c) * font_size;
        left >= 0.0
    };
    let start: String = text.chars().take_while(fits).collect();
    start.trim_end().chars().chain(iter::once('…')).collect()
}

/// A text broken at spaces into at most `n_max` lines; what does not fit ends with an ellipsis.
pub(crate) fn wrapped(text: &str, font_size: f64, width: f64, n_max: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let n = lines.len();
        match lines.last_mut() {
            // The last line takes all that is left, and is cut below.
            Some(line) if n == n_max || room(&format!("{line} {word}"), font_size) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|line| fitted(line, font_size, width)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_kept() {
        assert_eq!(fitted("teacher", 10.0, 100.0), "teacher");
        let cut = fitted("a teacher of many networks", 10.0, 100.0);
        assert_eq!(cut, "a teacher of ma…");
        assert!(room(&cut, 10.0) <= 100.0);
        assert_eq!(fitted("teacher", 10.0, 0.0), "…");
    }

    #[test]
    fn wide_characters_take_more_room() {
        assert!(room("教師", 10.0) > room("ab", 10.0));
        assert!(room("iii", 10.0) < room("mmm", 10.0));
    }

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrapped("one two three", 10.0, 50.0, 3), ["one two", "three"]);
        assert_eq!(wrapped("one two three four five", 10.0, 50.0, 2), ["one two", "three f…"]);
        assert_eq!(wrapped(" \n", 10.0, 50.0, 2), [""; 0]);
    }
}
