//! The whole: find everybody, measure the rows, write down what was found.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use crate::Result;
use crate::args::Args;
use crate::files::Files;
use crate::job;
use crate::machine::{Machine, cores};
use crate::measure::{self, Plan};
use crate::peers::{self, Places};
use crate::report;
use crate::result::Bench;
use crate::rows::{self, Row};
use crate::shares;
use crate::table;

/// What is measured besides the rows, and in another way.
const OTHERS: [(&str, &str); 2] = [
    (shares::NAME, "parts of an epoch that are not the network"),
    (job::NAME, "the recipe mnist.toml as a whole process: start, time, memory"),
];
/// Until the threads of the last worker sleep.
const PAUSE: Duration = Duration::from_millis(250);

pub(crate) fn run(args: &Args) -> Result<()> {
    let threads = args.threads.unwrap_or_else(cores);
    let rows: Vec<Row> = rows::all(threads).into_iter().filter(|row| args.selects(&row.name)).collect();
    let others = OTHERS.into_iter().filter(|(name, _)| args.selects(name));
    if args.list {
        rows.iter().for_each(|row| println!("{:<16} {}", row.name, row.title));
        others.for_each(|(name, title)| println!("{name:<16} {title}"));
        return Ok(());
    }
    if rows.is_empty() && others.count() == 0 {
        return Err("no row has such a name; `--list` shows them".into());
    }
    let places = Places::find(args)?;
    if let Some(path) = &args.from {
        let text = fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        return report::write(&serde_json::from_str(&text)?, &places.root);
    }
    let files = Files::make(&places.own.join("data"), &mut |note| eprintln!("{note}"))?;
    let found = peers::find(&places, &files, args);
    let machine = Machine::find();
    print!("{}, {} cores, {}\n{}", machine.model, machine.cores, machine.simd.join(" "), table::versions(&found));

    let start = Instant::now();
    let plan = Plan { rounds: args.n_rounds(), seconds: args.n_seconds(), pause: PAUSE };
    let mut bench = Bench {
        date: date(SystemTime::now()),
        commit: commit(&places.root),
        command: command(env::args().skip(1)),
        machine,
        rounds: plan.rounds,
        seconds: plan.seconds,
        found,
        rows: vec![],
        shares: vec![],
    };
    for row in &rows {
        let result = measure::row(row, plan, &mut |contender| peers::launch(&places, &files, &bench.found, contender));
        print!("{}", table::row(&result));
        bench.rows.push(result);
    }
    if args.selects(shares::NAME) {
        bench.shares = shares::measure(&files, threads)?;
        print!("{}", table::shares(&bench.shares));
    }
    if args.selects(job::NAME) {
        let plan = job::Plan { starts: plan.rounds, rounds: args.job_rounds as usize, quick: args.quick };
        let results = job::rows(&places, &files, &bench.found, threads, plan)?;
        results.iter().for_each(|result| print!("{}", table::row(result)));
        bench.rows.extend(results);
    }
    let path = places.own.join("result.json");
    fs::write(&path, serde_json::to_string_pretty(&bench)? + "\n")?;
    println!("\nwritten to {} after {:.1} minutes", path.display(), start.elapsed().as_secs_f64() / 60.0);
    if args.write {
        report::write(&bench, &places.root)?;
    }
    Ok(())
}

/// The commit of the work tree in short. The page that is to be written does not count as a change.
fn commit(root: &Path) -> String {
    let git = |args: &[&str]| {
        let output = Command::new("git").arg("-C").arg(root).args(args).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=10", "HEAD"]) else { return "unknown".into() };
    let changes = git(&["status", "--porcelain", "--untracked-files=no", "--", ":!docs"]);
    if changes.is_some_and(|changes| changes.is_empty()) { commit } else { commit + ", with changes" }
}

/// As it was typed, but for the path of Python, which means nothing elsewhere.
fn command(args: impl Iterator<Item = String>) -> String {
    let mut words = vec!["cargo xtask bench".to_owned()];
    for arg in args {
        let is_path = words.last().is_some_and(|word| word == "--python");
        words.push(match arg.split_once('=') {
            _ if is_path => "PATH".to_owned(),
            Some(("--python", _)) => "--python=PATH".to_owned(),
            _ => arg,
        });
    }
    words.join(" ")
}

/// The day in UTC, as `2026-01-31`.
fn date(now: SystemTime) -> String {
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut days = seconds / 86_400;
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_names() {
        let day = |seconds| date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(day(0), "1970-01-01");
        assert_eq!(day(951_782_400), "2000-02-29");
        assert_eq!(day(1_767_225_599), "2025-12-31");
        assert_eq!(day(1_767_225_600), "2026-01-01");
    }

    #[test]
    fn the_command_can_be_typed_again() {
        let typed = |line: &str| command(line.split(' ').map(str::to_owned));
        assert_eq!(typed("--only student"), "cargo xtask bench --only student");
        assert_eq!(typed("--python /a/b --write"), "cargo xtask bench --python PATH --write");
        assert_eq!(typed("--python=/a/b"), "cargo xtask bench --python=PATH");
    }
}
