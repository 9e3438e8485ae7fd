/// A text as the content or the quoted attribute of an element.
///
/// Characters that XML does not allow become the replacement character.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' | '\r' => escaped.push(c),
            '\0'..'\u{20}' | '\u{7f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The first characters of a text that is longer than `n_max`, with an ellipsis.
pub fn shortened(text: &str, n_max: usize) -> String {
    if text.chars().count() <= n_max {
        return text.to_owned();
    }
    text.chars().take(n_max.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_markup() {
        assert_eq!(escape("<a b=\"c\" d='e'> & f"), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt; &amp; f");
        assert_eq!(escape("a\u{0}\u{1b}b\nc"), "a\u{fffd}\u{fffd}b\nc");
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(shortened("sandal", 6), "sandal");
        assert_eq!(shortened("T-shirt/top", 6), "T-shi…");
    }
}
