//! The counts on the page: as they are, in a comment, and as tables that are made from it.

use super::tally::Tally;
use crate::Result;

const BEGIN: &str = "<!-- campaign: by `cargo xtask campaign`, which reads this\n";
const COUNTED: &str = "-->\n";
const END: &str = "<!-- campaign end -->\n";

/// What a parser is tried on in the end.
const FAR: f64 = 5e7;

/// The text before, the counts, and the text after.
fn parts(page: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (counts, rest) = rest.split_once(COUNTED)?;
    Some((before, counts, rest.split_once(END)?.1))
}

/// The counts of earlier goes.
pub(super) fn read(page: &str) -> Result<Tally> {
    let (_, counts, _) = parts(page).ok_or("the page has no place for the campaign, from `<!-- campaign` on")?;
    Ok(Tally::parse(counts)?)
}

/// The page with these counts instead of those it has.
pub(super) fn write(page: &str, tally: &Tally) -> Result<String> {
    let (before, _, after) = parts(page).ok_or("the page has no place for the campaign, from `<!-- campaign` on")?;
    Ok(format!("{before}{BEGIN}{}{COUNTED}{}{END}{after}", tally.text(), tables(tally)))
}

fn tables(tally: &Tally) -> String {
    let goes = if tally.goes() == 1.0 { "1 go".to_owned() } else { format!("{} goes", tally.goes()) };
    let mut text = format!("\n{} in {goes}.\n", duration(tally.seconds()));
    let header = "killed, then resumed with other threads|kills|before it was there|at its end|same bits after all|more \
                  kills on the way|in a save|time";
    text += &table(header, tally.that_count("kills").map(|name| kills(tally, name)));
    let header = "also|times|faults|time";
    text += &table(
        header,
        ["cases", "times"]
            .into_iter()
            .flat_map(|unit| tally.that_count(unit).map(move |name| other(tally, name, unit))),
    );
    let header = "parser|inputs|accepted|refused|most memory|slowest|inputs a second|to 50,000,000";
    text += &table(header, tally.that_count("inputs").map(|name| parser(tally, name)));
    text + "\n"
}

fn kills(tally: &Tally, name: &str) -> String {
    let count = |key: &str| tally.count(name, key);
    let counts = ["kills", "before", "complete"].map(|key| thousands(count(key))).join("|");
    // A test that fails counts nothing.
    let same = thousands(count("kills"));
    let more = ["more", "in_save"].map(|key| thousands(count(key))).join("|");
    format!("{}|{counts}|{same}|{more}|{}", short(name), duration(count("seconds")))
}

fn other(tally: &Tally, name: &str, unit: &str) -> String {
    let what = match unit {
        "cases" => "eight saves with faults one after the other: no checkpoint lost",
        _ => "trainings with 1, 2, 3, 4 and 8 threads: same bits",
    };
    let faults = tally.count(name, "faults");
    let faults = if faults > 0.0 { thousands(faults) } else { "-".to_owned() };
    format!("{what}|{}|{faults}|{}", thousands(tally.count(name, unit)), duration(tally.count(name, "seconds")))
}

fn parser(tally: &Tally, name: &str) -> String {
    let count = |key: &str| tally.count(name, key);
    let known = |key: &str, text: String| if count(key) > 0.0 { text } else { "-".to_owned() };
    let counts = ["inputs", "accepted", "rejected"].map(|key| thousands(count(key))).join("|");
    let memory = known("peak_bytes", format!("{:.1} MiB", count("peak_bytes") / f64::from(1 << 20)));
    let slowest = known("slowest_us", format!("{:.0} ms", count("slowest_us") / 1e3));
    let rate = count("inputs") / count("seconds").max(1e-3);
    let left = FAR - count("inputs");
    let far = if left > 0.0 { duration(left / rate.max(1e-9)) } else { "reached".to_owned() };
    format!("{}|{counts}|{memory}|{slowest}|{}|{far}", short(name), thousands(rate))
}

/// Rows of cells that `|` separates; nothing for no rows.
fn table(header: &str, rows: impl Iterator<Item = String>) -> String {
    let line = |cells: &str| format!("| {} |\n", cells.split('|').collect::<Vec<_>>().join(" | "));
    let rows: String = rows.map(|row| line(&row)).collect();
    if rows.is_empty() {
        return rows;
    }
    let numbers = "---:|".repeat(header.split('|').count() - 1);
    format!("\n{}|---|{numbers}\n{rows}", line(header))
}

/// What is tested, where the name of the test says only how.
const NAMES: [(&str, &str); 4] = [
    ("damaged_files_are_read_or_refused", "ONNX, as a teacher"),
    ("onnx::onnx", "ONNX, as it is exported"),
    ("npz::npz", "npz, as it is exported"),
    ("files::npz_arrays", "npz, as data"),
];

/// The name of a test without its module.
fn short(name: &str) -> String {
    match NAMES.iter().find(|(test, _)| *test == name) {
        Some((_, words)) => (*words).to_owned(),
        None => name.rsplit("::").next().unwrap_or(name).replace('_', " "),
    }
}

fn thousands(count: f64) -> String {
    let digits = format!("{count:.0}");
    let start = digits.len() % 3;
    let mut groups: Vec<&str> = vec![&digits[..start]];
    groups.extend((start..digits.len()).step_by(3).map(|at| &digits[at..at + 3]));
    groups.retain(|group| !group.is_empty());
    groups.join(",")
}

fn duration(seconds: f64) -> String {
    match seconds / 60.0 {
        minutes if minutes < 1.0 => format!("{seconds:.0} s"),
        minutes if minutes < 60.0 => format!("{minutes:.0} min"),
        minutes => format!("{:.1} h", minutes / 60.0),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tally::counts;
    use super::*;

    fn tally() -> Tally {
        let mut tally = Tally::default();
        tally.begin();
        for (name, printed) in [
            (
                "idx::idx",
                "campaign idx inputs=2000000 accepted=400000 rejected=1600000 peak_bytes=2097152 slowest_us=21400 seconds=16",
            ),
            ("kills::runs", "campaign runs kills=40 before=2 complete=3 resumed=35 more=12 in_save=20 seconds=61.5"),
            ("faults::no_row", "campaign faults cases=3000 faults=10500 seconds=9.25"),
            ("determinism::any", "campaign threads times=1 seconds=20"),
        ] {
            tally.add(name, &counts(printed).expect("counts"), Duration::from_secs(40));
        }
        tally
    }

    #[test]
    fn counts_are_shown_and_read_again() {
        let page = format!("# Reliability\n\n{BEGIN}{COUNTED}{END}\n## Parsers\n");
        assert_eq!(read(&page).expect("no counts"), Tally::default());
        let written = write(&page, &tally()).expect("a page with a place");
        assert_eq!(read(&written).expect("counts"), tally());
        for part in [
            "# Reliability\n\n<!-- campaign",
            "\n3 min in 1 go.\n",
            "| runs | 40 | 2 | 3 | 40 | 12 | 20 | 1 min |\n",
            "| idx | 2,000,000 | 400,000 | 1,600,000 | 2.0 MiB | 21 ms | 125,000 | 6 min |\n",
            ": no checkpoint lost | 3,000 | 10,500 | 9 s |\n",
            ": same bits | 1 | - | 20 s |\n",
            "|---|---:|---:|---:|\n",
            "<!-- campaign end -->\n\n## Parsers\n",
        ] {
            assert!(written.contains(part), "{part} in {written}");
        }
        // Written again, it is the same.
        assert_eq!(write(&written, &tally()).expect("a page"), written);
        assert!(read("# Reliability\n").is_err());
        assert!(read(&page.replace(COUNTED, "idx\n-->\n")).is_err());
    }

    #[test]
    fn numbers_are_for_people() {
        assert_eq!([0.0, 999.0, 1000.0, 1_234_567.0].map(thousands), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([4.4, 61.0, 3600.0, 98_765.0].map(duration), ["4 s", "1 min", "1.0 h", "27.4 h"]);
        assert_eq!([short("targets::soft_targets"), short("npz::npz")], ["soft targets", "npz, as it is exported"]);
    }
}
