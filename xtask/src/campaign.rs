//! `cargo xtask campaign`: kills, faults and damaged inputs for as long as one says, counted over many goes into
//! `docs/reliability.md`.
//!
//! It runs tests of the workspace with a part of the numbers that they can take, each time the test that is farthest
//! from its aim, and writes the counts down after each. So it can be ended at any time, and the next go begins where
//! this one stood: no number is tried twice.

mod job;
mod page;
mod tally;

use std::ffi::OsString;
use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::Result;
use crate::call::{Call, root};
use job::Job;
use tally::Tally;

const PAGE: &str = "docs/reliability.md";

pub(crate) const HELP: &str = "\
Kills, faults and damaged inputs, for as long as one says.

Usage: cargo xtask campaign [--minutes N] [--only WORD] [--fresh]

  --minutes N   for about so long, 10 if it is left out; what has begun is finished
  --only WORD   the tests alone whose name has this word, such as `kills` or `idx`
  --fresh       forget the counts of earlier goes, as after a change of what is tested

The counts stand in docs/reliability.md and add up. Leave the machine alone meanwhile, or an input may take too long.
";

#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    minutes: f64,
    only: String,
    fresh: bool,
}

/// Reads the arguments.
pub(crate) fn options(args: &[OsString]) -> Result<Options, String> {
    let mut options = Options { minutes: 10.0, only: String::new(), fresh: false };
    let mut words = args.iter().map(|arg| arg.to_string_lossy());
    while let Some(word) = words.next() {
        match &*word {
            "--fresh" => options.fresh = true,
            "--only" => options.only = words.next().ok_or("`--only` needs a word")?.into_owned(),
            "--minutes" => {
                let text = words.next().ok_or("`--minutes` needs a number")?;
                let minutes = text.parse().ok().filter(|minutes: &f64| minutes.is_finite() && *minutes > 0.0);
                options.minutes = minutes.ok_or_else(|| format!("`{text}` is not a number of minutes"))?;
            }
            _ => return Err(format!("campaign does not take `{word}`")),
        }
    }
    Ok(options)
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let path = root().join(PAGE);
    let mut text = fs::read_to_string(&path).map_err(|error| format!("cannot read {PAGE}: {error}"))?;
    let mut tally = if options.fresh { Tally::default() } else { page::read(&text)? };
    // What one waits for before the time begins.
    if !Call::cargo(["test", "--no-run"]).args(job::SELECTION).status()?.success() {
        return Err("the tests cannot be built".into());
    }
    let mut jobs = job::find()?;
    jobs.retain(|job| job.name.contains(&options.only));
    if jobs.is_empty() {
        return Err(format!("no test of the campaign has `{}` in its name", options.only).into());
    }
    let start = Instant::now();
    let time = Duration::from_secs_f64(60.0 * options.minutes);
    // Long enough that starting the test takes little of it, and short enough that each has its turn.
    let part = (time.as_secs_f64() / 60.0).clamp(3.0, 60.0);
    tally.begin();
    let mut n_parts = 0;
    while start.elapsed() < time {
        let share = |job: &&Job| job.share(&tally);
        let Some(job) = jobs.iter().min_by(|a, b| share(a).total_cmp(&share(b))) else { break };
        let call = job.call(&tally, part);
        let began = Instant::now();
        let (passes, printed) = call.outcome()?;
        let Some(counts) = tally::counts(&printed).filter(|_| passes) else {
            eprintln!("{printed}\nfound by the campaign; to run it again:\n  {call}");
            return Ok(ExitCode::FAILURE);
        };
        tally.add(&job.name, &counts, began.elapsed());
        n_parts += 1;
        text = page::write(&text, &tally)?;
        replace(&path, &text)?;
        eprintln!("{:>6.1} min  {:<28} {}", start.elapsed().as_secs_f64() / 60.0, job.name, tally.line(&job.name));
    }
    println!("{n_parts} parts in {:.1} min; all counts are in {PAGE}", start.elapsed().as_secs_f64() / 60.0);
    Ok(ExitCode::SUCCESS)
}

/// The page is the old one or the new one, whenever this process ends.
fn replace(path: &std::path::Path, text: &str) -> Result<()> {
    let new = path.with_extension("md.new");
    fs::write(&new, text)?;
    fs::rename(&new, path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &str) -> Result<Options, String> {
        options(&args.split_whitespace().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn options_are_read_or_refused() {
        assert_eq!(read(""), Ok(Options { minutes: 10.0, only: String::new(), fresh: false }));
        let all = Options { minutes: 2.5, only: "kills".to_owned(), fresh: true };
        assert_eq!(read("--fresh --minutes 2.5 --only kills"), Ok(all));
        for (args, what) in [
            ("--minutes", "needs a number"),
            ("--minutes soon", "`soon` is not a number"),
            ("--minutes -1", "`-1` is not a number"),
            ("--minutes inf", "`inf` is not a number"),
            ("--only", "needs a word"),
            ("idx", "does not take `idx`"),
        ] {
            assert!(read(args).is_err_and(|error| error.contains(what)), "{args}");
        }
    }
}
