use std::borrow::Cow;

/// A number as it is called, where programs write it in several ways: `1.0` and `1e0` are `1`. All else is called as it is
/// written, also what is not a plain number, such as `007`, and what no program writes for a number, such as `1.10`.
pub(crate) fn canonical(text: &str) -> Cow<'_, str> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_plain = |digits: &str| {
        let all = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        all(whole) && all(fraction) && (whole == "0" || !whole.starts_with('0'))
    };
    let mantissa = match digits.split_once(['e', 'E']) {
        Some((mantissa, _)) => mantissa,
        None => match digits.strip_suffix(".0") {
            Some("0") => return Cow::Borrowed("0"),
            Some(whole) if is_plain(whole) && !whole.contains('.') => return Cow::Borrowed(&text[..text.len() - 2]),
            _ => return Cow::Borrowed(text),
        },
    };
    match text.parse::<f64>() {
        Ok(value) if is_plain(mantissa) && value.is_finite() => Cow::Owned((value + 0.0).to_string()),
        _ => Cow::Borrowed(text),
    }
}

/// Which of some names a text is: that which is written so, or else that of the same number. Files of models that are older
/// than [`canonical`] have `1.0` among their names.
pub(crate) fn place_of(names: &[String], text: &str) -> Option<usize> {
    let same = || {
        let text = canonical(text);
        names.iter().position(|name| canonical(name) == text)
    };
    names.iter().position(|name| name == text).or_else(same)
}
