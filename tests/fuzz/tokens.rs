//! Changes to the words of a text, be it JSON or TOML: what they mean changes, and it stays mostly readable.

use std::ops::Range;

use crate::mutate;
use crate::random::Random;

const VALUES: &[&str] = &[
    "0",
    "1",
    "2",
    "-1",
    "-0.0",
    "0.5",
    "1.0",
    "1e400",
    "1e-400",
    "1e9",
    "5e-324",
    "4294967295",
    "4294967296",
    "2147483648",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "2305843009213693951",
    "nan",
    "-nan",
    "inf",
    "-inf",
    "true",
    "null",
    "\"\"",
    "'x'",
    "[]",
    "{}",
    "[0]",
    "[[[[1]]]]",
    "[0,18446744073709551615]",
    "[4611686018427387904,4]",
    "1979-05-27",
    "0xff",
    "1_000",
    "\"\\u0000\"",
    "\"\\u001b[2J\"",
    "\"a\\nerror[E0101]: b\"",
    "\"\u{202e}é\u{1f980}\"",
    "\"../x\"",
    "\"kd\"",
    "\"F64\"",
    "\"BF16\"",
    "\"sgd\"",
    "\"adamw\"",
    "\"\"\"\na\"\"\"",
    "\u{feff}",
    "#",
    "\\",
    ",",
    ":",
    "=",
    ".",
];

/// Changes the text once. Bytes that are no text are left alone.
pub(crate) fn text(bytes: &mut Vec<u8>, random: &mut Random) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let tokens = tokens(text);
    if tokens.is_empty() {
        return;
    }
    let (one, other) = (random.pick(&tokens).clone(), random.pick(&tokens).clone());
    match random.below(16) {
        0..=4 => splice(bytes, one, random.pick(VALUES).as_bytes()),
        5 => {
            let number = mutate::integer(bytes.len(), random).to_string();
            splice(bytes, one, number.as_bytes());
        }
        // One takes the value of another.
        6 | 7 => {
            let part = bytes[other].to_vec();
            splice(bytes, one, &part);
        }
        8 => {
            let part = bytes[other].to_vec();
            splice(bytes, one.start..one.start, &part);
        }
        9 => splice(bytes, one, b""),
        // A member, an element or a line twice.
        10 | 11 => {
            let ends: Vec<usize> = (0..bytes.len()).filter(|&i| b",\n{}[]".contains(&bytes[i])).collect();
            let pair = random.below(ends.len());
            if let (Some(&start), Some(&end)) = (ends.get(pair), ends.get(pair + 1 + random.below(4))) {
                let part = bytes[start..end].to_vec();
                let at = if random.once_in(2) { start } else { *random.pick(&ends) };
                splice(bytes, at..at, &part);
            }
        }
        // An unknown key: a name with a letter more.
        12 => splice(bytes, one.end - 1..one.end - 1, random.pick(&["x", "é", "\\u001b", "_", "-", "\\t"]).as_bytes()),
        13 => {
            let n_bytes = if random.once_in(100) { 100_000 } else { 1 + random.below(1000) };
            let unit = random.pick(&["[", "{\"a\":", "{a=", "a.", "[[", "\"", "x", "é", "1,", "]"]);
            splice(bytes, one, unit.repeat(n_bytes / unit.len()).as_bytes());
        }
        14 => {
            let long = format!("\"{}\"", random.pick(&["x", "é", "\\n"]).repeat(random.below(2000)));
            splice(bytes, one, long.as_bytes());
        }
        _ => {
            let control = char::from(random.below(32) as u8).to_string();
            splice(bytes, one.end..one.end, control.as_bytes());
        }
    }
}

fn splice(bytes: &mut Vec<u8>, range: Range<usize>, new: &[u8]) {
    bytes.splice(range, new.iter().copied());
}

/// The places of words, numbers and strings.
fn tokens(text: &str) -> Vec<Range<usize>> {
    let mut tokens: Vec<Range<usize>> = Vec::new();
    let mut quote: Option<char> = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        let inside = quote.is_some();
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            _ => {}
        }
        let of_word = |c: char| c.is_alphanumeric() || "_-+.".contains(c);
        match tokens.last_mut() {
            Some(last) if inside => last.end = end,
            Some(last) if of_word(c) && last.end == at && text[..at].ends_with(of_word) => last.end = end,
            _ if of_word(c) || quote.is_some() => tokens.push(at..end),
            _ => {}
        }
    }
    tokens
}
