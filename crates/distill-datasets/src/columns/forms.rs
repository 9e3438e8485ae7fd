//! Numbers that are not written as programs write them.

use serde::{Deserialize, Serialize};

use super::Cell;

/// How the numbers of a column are written, where it is not as `-1234.5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NumberForm {
    /// With a comma before the decimals, and points between thousands if there are any: `1.234,5`.
    DecimalComma,
    /// With commas between thousands: `1,234.5`.
    Thousands,
    /// A day, with its time or without: `2024-02-29`, `2024-02-29T12:30:00`, `29.02.2024`. The number is that of days since 1970,
    /// before it less than 0.
    Date,
}

impl NumberForm {
    pub(super) const ALL: [Self; 3] = [Self::DecimalComma, Self::Thousands, Self::Date];

    /// The number that a text stands for; nothing if it is not written so.
    pub(super) fn read(self, text: &str) -> Option<f64> {
        match self {
            Self::DecimalComma => grouped(text, '.', ','),
            Self::Thousands => grouped(text, ',', '.'),
            Self::Date => date(text),
        }
    }

    /// As people say it.
    pub fn words(self) -> &'static str {
        match self {
            Self::DecimalComma => "numbers with a decimal comma",
            Self::Thousands => "numbers with commas between thousands",
            Self::Date => "dates, as days since 1970",
        }
    }
}

impl Cell<'_> {
    /// The number as inputs have it, where it may be written in some form.
    #[expect(clippy::cast_possible_truncation, reason = "inputs are f32")]
    pub(crate) fn number_in(self, form: Option<NumberForm>) -> Option<f32> {
        match (self, form) {
            (Self::Text(text), Some(form)) => Some(form.read(text.trim())? as f32).filter(|value| value.is_finite()),
            _ => self.number(),
        }
    }
}

/// A number in decimal digits, with or without a mark between groups of three, and another before the decimals.
fn grouped(text: &str, between: char, before: char) -> Option<f64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    let (whole, decimals) = match digits.split_once(before) {
        Some((whole, decimals)) => (whole, Some(decimals)),
        None => (digits, None),
    };
    let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let mut groups = whole.split(between);
    let first = groups.next().filter(|first| are_digits(first))?;
    let mut rest = groups.peekable();
    let is_grouped = rest.peek().is_some();
    if is_grouped && first.len() > 3 || !rest.all(|group| group.len() == 3 && are_digits(group)) {
        return None;
    }
    if !decimals.is_none_or(are_digits) {
        return None;
    }
    let mut plain: String = text.chars().filter(|&c| c != between && c != '+').collect();
    if before != '.' {
        plain = plain.replace(before, ".");
    }
    plain.parse().ok()
}

/// Days since 1970 of a day and a time.
fn date(text: &str) -> Option<f64> {
    let (day, time) = match text.split_once(['T', ' ']) {
        Some((day, time)) => (day, Some(time.strip_suffix('Z').unwrap_or(time))),
        None => (text, None),
    };
    let number = |text: &str, lengths: std::ops::RangeInclusive<usize>| {
        let is_number = lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse::<i64>().ok()).flatten()
    };
    let part = |mark| -> Option<[&str; 3]> { day.split(mark).collect::<Vec<_>>().try_into().ok() };
    let (year, month, day) = if let Some([year, month, day]) = part('-') {
        (number(year, 4..=4)?, number(month, 2..=2)?, number(day, 2..=2)?)
    } else {
        let [day, month, year] = part('.')?;
        (number(year, 4..=4)?, number(month, 1..=2)?, number(day, 1..=2)?)
    };
    if !(1..=12).contains(&month) || !(1..=days_of(year, month)).contains(&day) {
        return None;
    }
    let seconds = match time {
        None => 0.0,
        Some(time) => {
            let mut parts = time.split(':');
            let (hours, minutes) = (number(parts.next()?, 2..=2)?, number(parts.next()?, 2..=2)?);
            let seconds = parts.next().unwrap_or("00");
            let whole = number(seconds.split('.').next()?, 2..=2)?;
            if parts.next().is_some() || hours > 23 || minutes > 59 || whole > 60 {
                return None;
            }
            let seconds: f64 = seconds.parse().ok()?;
            (60 * (60 * hours + minutes)) as f64 + seconds
        }
    };
    Some(days_since_1970(year, month, day) as f64 + seconds / 86_400.0)
}

fn days_of(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// In the calendar of today, also before it began.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // Leap days before a year, if years began with 1.
    let leap_days = |year: i64| (year - 1).div_euclid(4) - (year - 1).div_euclid(100) + (year - 1).div_euclid(400);
    let years = 365 * (year - 1970) + leap_days(year) - leap_days(1970);
    years + (1..month).map(|month| days_of(year, month)).sum::<i64>() + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_written() {
        use NumberForm::{DecimalComma, Thousands};
        for (text, comma, thousands) in [
            ("1,5", Some(1.5), None),
            ("-1.234.567,25", Some(-1_234_567.25), None),
            ("1,234", Some(1.234), Some(1234.0)),
            ("1.234", Some(1234.0), Some(1.234)),
            ("+12,345,678.5", None, Some(12_345_678.5)),
            ("1234", Some(1234.0), Some(1234.0)),
            ("1234,5", Some(1234.5), None),
            ("1234,567.0", None, None),
            ("12,34", Some(12.34), None),
            ("1.23,4", None, None),
            ("1,2,3", None, None),
            (",5", None, None),
            ("5,", None, None),
            ("1e3", None, None),
            ("", None, None),
            ("-", None, None),
            ("1 234", None, None),
            ("٣,٤", None, None),
        ] {
            assert_eq!((DecimalComma.read(text), Thousands.read(text)), (comma, thousands), "{text}");
        }
    }

    #[test]
    fn days_are_counted_from_1970() {
        for (text, days) in [
            ("1970-01-01", Some(0.0)),
            ("1969-12-31", Some(-1.0)),
            ("2000-02-29", Some(11_016.0)),
            ("2024-03-01", Some(19_783.0)),
            ("1900-03-01", Some(-25_508.0)),
            ("0001-01-01", Some(-719_162.0)),
            ("9999-12-31", Some(2_932_896.0)),
            ("31.12.1969", Some(-1.0)),
            ("1.2.1970", Some(31.0)),
            ("1970-01-02T12:00", Some(1.5)),
            ("1970-01-02 06:00:00.000Z", Some(1.25)),
            ("1969-12-31T18:00:00", Some(-0.25)),
            ("1900-02-29", None),
            ("2023-13-01", None),
            ("2023-00-10", None),
            ("2023-1-1", None),
            ("32.1.2023", None),
            ("2023-01-01T25:00", None),
            ("2023-01-01T10", None),
            ("2023-01-01T10:00:00:00", None),
            ("2023-01-01-01", None),
            ("10:00", None),
            ("1.5", None),
        ] {
            assert_eq!(NumberForm::Date.read(text), days, "{text}");
        }
    }
}
