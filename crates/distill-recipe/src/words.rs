//! Numbers, sizes and commands as people read them.

use std::time::Duration;

/// A time in words, such as `5m` or `2h`: whole numbers of the largest unit of which there are nearly two.
pub fn left(time: Duration) -> String {
    const UNITS: [(u64, &str); 6] =
        [(31_536_000, "y"), (604_800, "w"), (86_400, "d"), (3600, "h"), (60, "m"), (1, "s")];
    let seconds = time.as_secs();
    let pairs = UNITS.windows(2).find(|pair| seconds.saturating_add(pair[1].0 / 2) >= pair[0].0 + pair[0].0 / 2);
    let (unit, name) = pairs.map_or(UNITS[5], |pair| pair[0]);
    let n = (seconds + unit / 2) / unit;
    format!("{}{name}", if unit == 1 { n } else { n.max(2) })
}

/// A number of epochs in words.
pub fn epochs(n: u32) -> String {
    counted(n as usize, "epoch")
}

/// A number of things, whose plural has an s more: `1 value`, `2 values`.
pub fn counted(n: usize, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}

/// A whole number with commas.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Parameters of a model; a table of answers has none.
pub fn parameters(n: usize) -> String {
    if n == 0 { "-".to_owned() } else { thousands(n as u64) }
}

/// Sides, such as `1x28x28`.
pub fn sides(shape: &[usize]) -> String {
    shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x")
}

/// A number of bytes for people, in powers of ten as disks are sold.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// Words as a POSIX shell takes them, in single quotes where they need some.
pub fn shell<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let plain = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "_-./=:,+@%".contains(c));
    let quote =
        |word: &'a str| if plain(word) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) };
    words.into_iter().map(quote).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas() {
        assert_eq!([0, 12, 999, 1000, 1_234_567].map(thousands), ["0", "12", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn times() {
        let text = |seconds| left(Duration::from_secs(seconds));
        assert_eq!(
            [0, 1, 59, 89, 90, 150, 3600, 7200, 100_000].map(text),
            ["0s", "1s", "59s", "89s", "2m", "3m", "60m", "2h", "28h"]
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_gives_the_words_back() {
        assert_eq!(shell(["distill", "kd.alpha=0.9", "a=[1]"]), "distill kd.alpha=0.9 'a=[1]'");
        let words =
            ["", "plain", "a b", "it's", "$HOME", "`x`", "a=[30, 30]", "\"q\"", "é*?", "~", "a\nb", "!x", "{1,2}"];
        let script = format!("for word in {}; do printf '%s\\0' \"$word\"; done", shell(words));
        let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        let back = String::from_utf8(output.stdout).unwrap();
        assert_eq!(back.split_terminator('\0').collect::<Vec<_>>(), words);
    }
}
