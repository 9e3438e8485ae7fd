use std::cmp::Ordering;

use distill_train::Role;

use super::entry::Entry;
use super::settings::differing;
use crate::summary::columns;
use distill_recipe::words::size;

/// What runs can be sorted and filtered by, besides their settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// The name of the directory.
    Run,
    /// How it stands.
    Status,
    /// When it was begun, to the minute.
    Started,
    /// How long it took, with what was before it was resumed.
    Time,
    /// Bytes of its files.
    Size,
    /// Test error rate of the teachers in percent, or the R² of numbers, mean ± standard deviation over the seeds.
    Teacher,
    /// The same of the students on labels alone.
    Alone,
    /// The same of the distilled students.
    Distilled,
    /// Whether the distilled ones are better, worse, or cannot be told apart.
    Verdict,
}

impl Column {
    /// From left to right.
    pub const ALL: [Self; 9] = [
        Self::Run,
        Self::Status,
        Self::Started,
        Self::Time,
        Self::Size,
        Self::Teacher,
        Self::Alone,
        Self::Distilled,
        Self::Verdict,
    ];

    /// Those that a narrow terminal does without, first what is missed least.
    const DISPENSABLE: [Self; 4] = [Self::Started, Self::Size, Self::Time, Self::Teacher];

    /// Its heading, by which it is also named on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Status => "status",
            Self::Started => "started",
            Self::Time => "time",
            Self::Size => "size",
            Self::Teacher => "teacher",
            Self::Alone => "alone",
            Self::Distilled => "distilled",
            Self::Verdict => "verdict",
        }
    }

    fn is_number(self) -> bool {
        matches!(self, Self::Time | Self::Size | Self::Teacher | Self::Alone | Self::Distilled)
    }

    /// As it is shown, `-` for nothing.
    pub fn text(self, entry: &Entry) -> String {
        let status = entry.status.as_ref();
        let rate = |role| match entry.error_rate(role) {
            None => "-".to_owned(),
            Some((mean, sd)) if entry.predicts_numbers() => {
                let sd = sd.map_or(String::new(), |sd| format!(" ± {sd:.4}"));
                format!("R² {:.4}{sd}", 1.0 - mean)
            }
            Some((mean, None)) => format!("{:.2} %", 100.0 * mean),
            Some((mean, Some(sd))) => format!("{:.2} ± {:.2} %", 100.0 * mean, 100.0 * sd),
        };
        match self {
            Self::Run => entry.name.clone(),
            Self::Status => entry.status_name().to_owned(),
            // To the minute.
            Self::Started => {
                status.map_or("-".to_owned(), |status| status.started.replace('T', " ").chars().take(16).collect())
            }
            Self::Time => status.map_or("-".to_owned(), |status| time(status.seconds)),
            Self::Size => size(entry.bytes),
            Self::Teacher => rate(Role::Teacher),
            Self::Alone => rate(Role::Baseline),
            Self::Distilled => rate(Role::Student),
            Self::Verdict => entry.verdict().unwrap_or("-").to_owned(),
        }
    }

    /// What it is sorted by, where that is a number.
    pub(crate) fn number(self, entry: &Entry) -> Option<f64> {
        let rate = |role| entry.error_rate(role).map(|(mean, _)| mean);
        match self {
            Self::Time => entry.status.as_ref().map(|status| status.seconds),
            Self::Size => Some(entry.bytes as f64),
            Self::Teacher => rate(Role::Teacher),
            Self::Alone => rate(Role::Baseline),
            Self::Distilled => rate(Role::Student),
            Self::Run | Self::Status | Self::Started | Self::Verdict => None,
        }
    }

    /// The order of two runs by this column. What has no number comes last.
    pub fn compare(self, a: &Entry, b: &Entry) -> Ordering {
        if self.is_number() {
            return by_number(self.number(a), self.number(b));
        }
        self.text(a).cmp(&self.text(b))
    }
}

/// What is missing comes last.
fn by_number(a: Option<f64>, b: Option<f64>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        (a, b) => a.is_none().cmp(&b.is_none()),
    }
}

/// The order of two values of a setting: as numbers where both are some, else as text.
pub fn by_setting(a: Option<&String>, b: Option<&String>) -> Ordering {
    let number = |value: Option<&String>| value.and_then(|text| text.parse::<f64>().ok());
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => a.is_none().cmp(&b.is_none()).then_with(|| a.cmp(&b)),
    }
}

/// Minutes and seconds, or hours and minutes.
fn time(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time in whole seconds")]
    let whole = seconds.max(0.0).round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes}:{seconds:02} min"),
        (hours, minutes, _) => format!("{hours}:{minutes:02} h"),
    }
}

/// The runs, one a line, with the settings that differ. On a terminal of `width` columns it has what fits.
pub fn table(entries: &[&Entry], width: Option<usize>) -> String {
    let settings: Vec<_> = entries.iter().map(|entry| &entry.settings).collect();
    let keys = differing(&settings);
    let differs = |entry: &Entry| {
        let pairs = keys.iter().filter_map(|key| Some(format!("{key}={}", entry.settings.get(*key)?)));
        pairs.collect::<Vec<_>>().join("  ")
    };
    let lines_of = |shown: &[Column]| -> String {
        let header = shown.iter().map(|column| column.name().to_owned());
        let mut lines = vec![header.collect::<Vec<_>>()];
        lines.extend(entries.iter().map(|entry| shown.iter().map(|column| column.text(entry)).collect()));
        columns(&lines, shown.iter().take_while(|column| !column.is_number()).count())
    };
    let mut shown = Column::ALL.to_vec();
    let widest = |text: &str| text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    for column in Column::DISPENSABLE {
        if width.is_none_or(|width| widest(&lines_of(&shown)) <= width) {
            break;
        }
        shown.retain(|other| *other != column);
    }
    let text = lines_of(&shown);
    // Settings stand behind the columns where there is room, and else below them.
    let all: Vec<String> = entries.iter().map(|entry| differs(entry)).collect();
    let longest = all.iter().map(|settings| settings.chars().count()).max().unwrap_or(0);
    if longest == 0 {
        return text;
    }
    let widest = widest(&text);
    let beside = width.is_none_or(|width| widest + 2 + longest <= width);
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default();
    let title = "settings that differ";
    let mut out = if beside { format!("{header:<widest$}  {title}\n") } else { format!("{header}\n    {title}\n") };
    for (line, settings) in lines.zip(&all) {
        out += &match (beside, settings.as_str()) {
            (_, "") => format!("{line}\n"),
            (true, settings) => format!("{line:<widest$}  {settings}\n"),
            (false, settings) => format!("{line}\n    {settings}\n"),
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn entry(name: &str, settings: &[(&str, &str)]) -> Entry {
        Entry {
            path: PathBuf::from(format!("runs/{name}")),
            name: name.to_owned(),
            status: None,
            settings: settings.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect(),
            result: None,
            bytes: 2_500_000,
        }
    }

    #[test]
    fn settings_that_differ_stand_beside_or_below() {
        let a = entry("a-001", &[("kd.temperature", "4.0"), ("train.batch", "16")]);
        let b = entry("b-001", &[("kd.temperature", "16.0"), ("train.batch", "16")]);
        let wide = table(&[&a, &b], None);
        let lines: Vec<&str> = wide.lines().collect();
        assert!(
            lines[0].starts_with("run    status      started") && lines[0].ends_with("settings that differ"),
            "{wide}"
        );
        assert!(lines[2].starts_with("b-001  unreadable  -") && lines[2].ends_with("  kd.temperature=16.0"), "{wide}");
        assert!(!wide.contains("train.batch"), "{wide}");
        let narrow = table(&[&a, &b], Some(50));
        assert!(narrow.lines().all(|line| line.chars().count() <= 50), "{narrow}");
        assert!(narrow.contains("\n    kd.temperature=4.0\nb-001") && !narrow.contains("started"), "{narrow}");
        // One run differs from nothing.
        assert_eq!(table(&[&a], None).lines().count(), 2);
    }

    #[test]
    fn numbers_are_sorted_as_numbers_and_what_is_missing_comes_last() {
        let text = |value: &str| Some(value.to_owned());
        assert_eq!(by_setting(text("4.0").as_ref(), text("16.0").as_ref()), Ordering::Less);
        assert_eq!(by_setting(None, text("a").as_ref()), Ordering::Greater);
        assert_eq!(by_setting(text("kd").as_ref(), text("a").as_ref()), Ordering::Greater);
        assert_eq!(by_number(None, Some(1.0)), Ordering::Greater);
        assert_eq!([0.4, 59.6, 61.0, 3600.0 * 2.5].map(time), ["0 s", "1:00 min", "1:01 min", "2:30 h"]);
    }
}
