use distill_tensor::Philox;
use toml::Value;

use distill_recipe::Code;
use distill_recipe::Diagnostic;
use distill_recipe::Override;

/// Digits after the first of a number that is drawn. More would only make it longer to type.
const DIGITS: i32 = 3;

/// A key and what it may be.
#[derive(Debug)]
pub(super) struct Axis {
    pub key: String,
    /// The `--set` as it was typed.
    pub argument: String,
    pub choice: Choice,
}

/// Values that a key may have.
#[derive(Debug, PartialEq)]
pub(super) enum Choice {
    /// One of these, as they were typed.
    List(Vec<String>),
    /// A whole number from the first to the second, both included.
    Integer { from: i64, to: i64, scale: Scale },
    /// A number between the two.
    Real { from: f64, to: f64, scale: Scale },
}

/// What is drawn evenly: the number or its logarithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    Linear,
    Logarithmic,
}

impl Scale {
    fn of(from: f64, to: f64) -> Self {
        if from > 0.0 && to >= 10.0 * from { Self::Logarithmic } else { Self::Linear }
    }

    /// The point at this part of the way, from 0 to 1.
    fn at(self, part: f64, from: f64, to: f64) -> f64 {
        match self {
            Self::Linear => from + part * (to - from),
            Self::Logarithmic => (from.ln() + part * (to.ln() - from.ln())).exp(),
        }
    }
}

impl Axis {
    /// Reads `KEY=V1,V2,...` or `KEY=FROM..TO`.
    pub(super) fn parse(text: &str) -> Result<Self, Diagnostic> {
        let argument = format!("--set {text}");
        let (key, values) = text.split_once('=').unwrap_or((text, ""));
        let mut axis = Self { key: key.trim().to_owned(), argument, choice: Choice::List(vec![]) };
        if values.trim().is_empty() {
            let what = format!("there are no values for `{}`", axis.key);
            return Err(axis.problem(Code::Override, what).help("write them as `--set kd.temperature=1,2,4`"));
        }
        let values: Vec<&str> = split(values).into_iter().map(str::trim).collect();
        let mut seen: Vec<Value> = Vec::with_capacity(values.len());
        for value in &values {
            if value.is_empty() {
                let what = format!("there is an empty value for `{}`", axis.key);
                return Err(axis
                    .problem(Code::Override, what)
                    .help("write one comma between two values, none at the end"));
            }
            let setting = Override::parse_from(&format!("{}={value}", axis.key), &axis.argument)?;
            if seen.contains(setting.value()) {
                let what = format!("`{value}` is listed twice for `{}`", axis.key);
                return Err(axis.problem(Code::Override, what).help("list every value once"));
            }
            seen.push(setting.value().clone());
        }
        axis.choice = match values[..] {
            [value] if value.contains("..") => axis.range(value)?,
            _ => Choice::List(values.iter().map(|&value| value.to_owned()).collect()),
        };
        if let Some(range) = values.iter().find(|value| values.len() > 1 && ends(value).is_some()) {
            let what = format!("the range `{range}` stands in a list");
            return Err(axis.problem(Code::Override, what).help("give a key either one range or a list of values"));
        }
        Ok(axis)
    }

    /// An error about this `--set`.
    pub(super) fn problem(&self, code: Code, what: impl Into<String>) -> Diagnostic {
        Diagnostic::new(code, what).at(format!("command line: {}", self.argument))
    }

    /// A range, or a word that only has two dots in it.
    fn range(&self, text: &str) -> Result<Choice, Diagnostic> {
        let Some((from, to)) = ends(text) else { return Ok(Choice::List(vec![text.to_owned()])) };
        let number = |value: &Value| value.as_float().or(value.as_integer().map(|n| n as f64)).unwrap_or(f64::NAN);
        let [low, high] = [&from, &to].map(number);
        // Not `low >= high`: that is false for NaN.
        if !(low < high && (high - low).is_finite()) {
            return Err(self
                .problem(Code::Override, format!("the range `{text}` does not go from a number to a larger one"))
                .help("write a range as `0.01..0.5`"));
        }
        let scale = Scale::of(low, high);
        Ok(match (from, to) {
            (Value::Integer(from), Value::Integer(to)) => Choice::Integer { from, to, scale },
            _ => Choice::Real { from: low, to: high, scale },
        })
    }

    /// How many different values there are, if that can be counted.
    pub(super) fn size(&self) -> Option<u64> {
        match &self.choice {
            Choice::List(values) => Some(values.len() as u64),
            Choice::Integer { from, to, .. } => Some(to.abs_diff(*from).saturating_add(1)),
            Choice::Real { .. } => None,
        }
    }

    /// A value, as it would be typed.
    pub(super) fn draw(&self, random: &mut Philox) -> String {
        let [low, high, ..] = random.next_block();
        let bits = u64::from(low) | u64::from(high) << 32;
        let part = (bits >> 11) as f64 / (1_u64 << 53) as f64;
        match &self.choice {
            Choice::List(values) => values[below(bits, values.len() as u64) as usize].clone(),
            &Choice::Integer { from, to, scale: Scale::Linear } => {
                let n_values = to.abs_diff(from).saturating_add(1);
                from.saturating_add_unsigned(below(bits, n_values)).to_string()
            }
            // Up to the number after the last, so that the last is as likely as its logarithm says.
            &Choice::Integer { from, to, scale: Scale::Logarithmic } => {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "a float saturates, and is brought between the ends"
                )]
                let n = Scale::Logarithmic.at(part, from as f64, to as f64 + 1.0).floor() as i64;
                n.clamp(from, to).to_string()
            }
            &Choice::Real { from, to, scale } => {
                let value = scale.at(part, from, to);
                // Rounded, so that a value is short, and the same where another library of functions
                // gives a logarithm another last bit.
                let rounded = match scale {
                    Scale::Linear => format!("{value:.*}", decimals(to - from).max(0) as usize),
                    Scale::Logarithmic => format!("{value:.*e}", DIGITS as usize),
                };
                format!("{:?}", rounded.parse().unwrap_or(value).clamp(from, to))
            }
        }
    }
}

/// Digits behind the point that tell a thousand numbers apart in a range of this width.
fn decimals(width: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "the exponent of an f64 is small")]
    let exponent = width.log10().floor() as i32;
    DIGITS - exponent
}

/// A whole number below `n` from random bits; its bias is below `n / 2^64`.
fn below(bits: u64, n: u64) -> u64 {
    ((u128::from(bits) * u128::from(n)) >> 64) as u64
}

/// The two numbers of a range.
fn ends(text: &str) -> Option<(Value, Value)> {
    let number = |text: &str| {
        let value = format!("value = {}", text.trim()).parse::<toml::Table>().ok()?.remove("value")?;
        (value.is_integer() || value.is_float()).then_some(value)
    };
    let (from, to) = text.split_once("..")?;
    Some((number(from)?, number(to)?))
}

/// Splits at the commas that stand in no bracket and no string.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (vec![], 0, 0_usize);
    let (mut quote, mut escaped) = (None, false);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some('"'), '\\') => escaped = true,
            (Some(open), _) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            (None, _) => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use distill_tensor::Stream;

    use super::*;

    fn draws(set: &str, n: u32) -> Vec<String> {
        let axis = Axis::parse(set).unwrap();
        (0..n).map(|i| axis.draw(&mut Philox::new(1, Stream::Sweep, i, 0))).collect()
    }

    fn numbers(set: &str, n: u32) -> Vec<f64> {
        draws(set, n).iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn commas_split_at_the_top_only() {
        assert_eq!(split("1,2"), ["1", "2"]);
        assert_eq!(split("[30],[100,50]"), ["[30]", "[100,50]"]);
        assert_eq!(split("{ a = 1, b = [2,3] }, x"), ["{ a = 1, b = [2,3] }", " x"]);
        assert_eq!(split(r#""a,\",b",'c,\',d"#), [r#""a,\",b""#, r"'c,\'", "d"]);
        assert_eq!(split("a]],b"), ["a]]", "b"]);
        assert_eq!(split(",é,"), ["", "é", ""]);
    }

    #[test]
    fn ranges_and_lists() {
        let choice = |set: &str| Axis::parse(set).unwrap().choice;
        let (linear, logarithmic) = (Scale::Linear, Scale::Logarithmic);
        assert_eq!(choice("a=1..9"), Choice::Integer { from: 1, to: 9, scale: linear });
        assert_eq!(choice("a=1..10"), Choice::Integer { from: 1, to: 10, scale: logarithmic });
        assert_eq!(choice("a=-5..10"), Choice::Integer { from: -5, to: 10, scale: linear });
        assert_eq!(choice("a=0.01..0.5"), Choice::Real { from: 0.01, to: 0.5, scale: logarithmic });
        assert_eq!(choice("a = 1 .. 2.5"), Choice::Real { from: 1.0, to: 2.5, scale: linear });
        assert_eq!(choice("a=0.0..1e-3"), Choice::Real { from: 0.0, to: 1e-3, scale: linear });
        for list in ["../models/t.safetensors", "a..b", "x"] {
            assert_eq!(choice(&format!("a={list}")), Choice::List(vec![list.to_owned()]));
        }
    }

    #[test]
    fn draws_are_even_on_their_scale_and_within_the_ends() {
        let share =
            |values: &[f64], below: f64| values.iter().filter(|&&v| v < below).count() as f64 / values.len() as f64;
        // Five standard deviations of a half of 10,000 are 0.025.
        for (set, middle) in [
            ("a=0.0..1.0", 0.5),
            ("a=-3.0..-1.0", -2.0),
            ("a=0.01..1.0", 0.1),
            ("a=1e-8..1.0", 1e-4),
            ("a=0..99", 50.0),
            ("a=1..9999", 100.0),
        ] {
            let values = numbers(set, 10_000);
            let (from, to) = set.split_once('=').unwrap().1.split_once("..").unwrap();
            let (from, to): (f64, f64) = (from.parse().unwrap(), to.parse().unwrap());
            assert!(values.iter().all(|&v| (from..=to).contains(&v)), "{set}");
            assert!((share(&values, middle) - 0.5).abs() < 0.025, "{set}: {}", share(&values, middle));
        }
    }

    #[test]
    fn drawn_numbers_are_short_and_toml() {
        for set in ["a=0.001..0.5", "a=-2.0..3.5", "a=1e-9..1e-3", "a=1e3..1e6", "a=1000.0..1000.1"] {
            for text in draws(set, 500) {
                assert!(text.len() <= 9, "{set}: {text}");
                let value = format!("value = {text}").parse::<toml::Table>().unwrap().remove("value").unwrap();
                assert!(value.is_float(), "{set}: {text}");
            }
        }
        let extreme = draws("a=-9223372036854775808..9223372036854775807", 100);
        assert!(extreme.iter().all(|text| text.parse::<i64>().is_ok()));
        assert!(extreme.iter().any(|text| text.starts_with('-')) && extreme.iter().any(|text| !text.starts_with('-')));
    }

    #[test]
    fn what_cannot_be_read_is_refused_where_it_was_written() {
        for (set, message) in [
            ("kd.alpha", "there are no values for `kd.alpha`"),
            ("kd.alpha=", "there are no values for `kd.alpha`"),
            ("kd.alpha= ", "there are no values for `kd.alpha`"),
            ("kd.alpha=1,", "there is an empty value for `kd.alpha`"),
            ("kd.alpha=1,,2", "there is an empty value"),
            ("kd.alpha=1,2,1", "`1` is listed twice for `kd.alpha`"),
            ("kd.alpha=[1", "the value of a setting is not TOML"),
            ("=1,2", "a setting needs a key"),
            ("a=2..1", "the range `2..1` does not go"),
            ("a=1..1", "the range `1..1` does not go"),
            ("a=nan..1.0", "the range `nan..1.0` does not go"),
            ("a=0.0..inf", "the range `0.0..inf` does not go"),
            ("a=-1e308..1e308", "the range `-1e308..1e308` does not go"),
            ("a=1..3,7", "the range `1..3` stands in a list"),
        ] {
            let error = Axis::parse(set).unwrap_err().to_string();
            assert!(error.starts_with(&format!("error[E0105]: {message}")), "{set}: {error}");
            assert!(error.contains(&format!("--> command line: --set {set}\n")), "{set}: {error}");
            assert!(error.contains("= help: "), "{set}: {error}");
        }
    }
}
