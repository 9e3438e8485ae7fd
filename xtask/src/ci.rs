//! `cargo xtask ci`: what must pass before a change lands, cheapest first.

use std::ffi::OsString;
use std::fmt;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::call::{Call, Tools};
use crate::{Result, deny, examples, onnxruntime, package, tidy};

/// The names of the steps, in the order they run.
const NAMES: [&str; 11] =
    ["fmt", "tidy", "deny", "clippy", "doc", "package", "doctest", "plain", "onnxruntime", "examples", "test"];

struct Step {
    name: &'static str,
    /// Said before the step, when it is not done in the usual way.
    note: Option<&'static str>,
    work: Work,
}

enum Work {
    Cargo(Call),
    /// The work of this program itself: what it is called, and the function.
    Own(&'static str, fn() -> Result<bool>),
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cargo(call) => call.fmt(f),
            Self::Own(name, _) => f.write_str(name),
        }
    }
}

fn plan(tools: Tools) -> Vec<Step> {
    let step = |name, work| Step { name, note: None, work };
    let cargo = |name, call| step(name, Work::Cargo(call));
    let mut deny = if tools.deny {
        cargo("deny", Call::cargo(["deny", "--all-features", "check", "licenses", "bans", "sources"]))
    } else {
        step("deny", Work::Own("licences, sources and doubled versions, by xtask", deny::passes))
    };
    if !tools.deny {
        deny.note = Some(
            "CARGO-DENY IS NOT INSTALLED: banned versions and advisories are not looked at; cargo install cargo-deny",
        );
    }
    // A snapshot that no longer fits fails, whether or not the one who runs this has insta set to write new ones.
    let mut test = cargo("test", tools.test().env("INSTA_UPDATE", "no"));
    if !tools.nextest {
        test.note = Some("nextest is not installed, using cargo test");
    }
    vec![
        cargo("fmt", Call::cargo(["fmt", "--all", "--check"])),
        step("tidy", Work::Own("cargo xtask tidy", tidy::passes)),
        deny,
        cargo(
            "clippy",
            Call::cargo(["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"]),
        ),
        cargo(
            "doc",
            Call::cargo(["doc", "--workspace", "--no-deps", "--all-features"]).env("RUSTDOCFLAGS", "-D warnings"),
        ),
        step(
            "package",
            Work::Own("the libraries, each from its own archive against the archives of the others", package::passes),
        ),
        cargo("doctest", Call::cargo(["test", "--workspace", "--doc", "--all-features"])),
        // What all other steps build has an engine for ONNX files; the program as most people build it has none.
        cargo("plain", Call::cargo(["test", "--package", "distill-cli", "--test", "cli", "without_the_engine"])),
        step(
            "onnxruntime",
            Work::Own("its library and a Python that has it for the tests, from PyPI", onnxruntime::passes),
        ),
        step(
            "examples",
            Work::Own("every example of a library, and a program outside of the workspace", examples::passes),
        ),
        // Last, so that the output ends with the summary of the test runner.
        test,
    ]
}

/// Reads `[--step NAME]`.
pub(crate) fn selection(args: &[OsString]) -> Result<Option<&'static str>, String> {
    let words: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    let name = match words[..] {
        [] => return Ok(None),
        ["--step", name] => name,
        ["--step"] => "",
        _ => return Err(format!("ci takes `--step NAME` and nothing else, but got `{}`", words.join(" "))),
    };
    let known = NAMES.iter().copied().find(|known| *known == name);
    known.map(Some).ok_or_else(|| format!("ci has no step `{name}`, its steps are {}", NAMES.join(", ")))
}

/// Runs the steps in order, up to the first that fails.
pub(crate) fn run(selected: Option<&str>) -> Result<ExitCode> {
    for step in plan(Tools::find()) {
        if selected.is_some_and(|name| name != step.name) {
            continue;
        }
        let name = step.name;
        eprintln!("\n=== {name}: {}", step.work);
        if let Some(note) = step.note {
            eprintln!("    {note}");
        }
        let start = Instant::now();
        let failure = match step.work {
            Work::Cargo(call) => {
                // Asked now, as a step before may have fetched them.
                let variables = if name == "test" { onnxruntime::variables() } else { vec![] };
                Some(call.envs(variables).status()?).filter(|status| !status.success()).map(|s| s.to_string())
            }
            Work::Own(_, passes) => (!passes()?).then(|| "see above".to_owned()),
        };
        if let Some(why) = failure {
            let took = Took(start.elapsed());
            eprintln!("\nci failed in the step `{name}` after {took} ({why})");
            eprintln!("to run this step again: cargo xtask ci --step {name}");
            return Ok(ExitCode::FAILURE);
        }
        // After the tests the last word is that of their runner.
        if name != "test" {
            eprintln!("=== {name}: passed, {}", Took(start.elapsed()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A duration for people.
struct Took(Duration);

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds / 60 {
            0 => write!(f, "{:.1} s", self.0.as_secs_f64()),
            minutes => write!(f, "{minutes} min {:02} s", seconds % 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn select(args: &[&str]) -> Result<Option<&'static str>, String> {
        selection(&args.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn every_step_has_a_name_to_select_it_by() {
        for deny in [false, true] {
            let names: Vec<_> = plan(Tools { nextest: true, deny }).iter().map(|step| step.name).collect();
            assert_eq!(names, NAMES);
        }
        assert_eq!(select(&[]), Ok(None));
        assert_eq!(select(&["--step", "doc"]), Ok(Some("doc")));
    }

    #[test]
    fn an_unknown_step_is_named_with_the_known_ones() {
        let error = select(&["--step", "lint"]).expect_err("there is no such step");
        let steps = "fmt, tidy, deny, clippy, doc, package, doctest, plain, onnxruntime, examples, test";
        assert_eq!(error, format!("ci has no step `lint`, its steps are {steps}"));
        assert!(select(&["--step"]).is_err());
        assert!(select(&["clippy"]).is_err());
        assert!(select(&["--step", "doc", "clippy"]).is_err());
    }

    #[test]
    fn a_missing_tool_is_said_aloud() {
        let notes = |tools| plan(tools).iter().filter_map(|step| step.note).count();
        assert_eq!(notes(Tools { nextest: true, deny: true }), 0);
        assert_eq!(notes(Tools { nextest: false, deny: false }), 2);
    }

    #[test]
    fn durations_are_for_people() {
        assert_eq!(Took(Duration::from_millis(1_234)).to_string(), "1.2 s");
        assert_eq!(Took(Duration::from_millis(59_960)).to_string(), "60.0 s");
        assert_eq!(Took(Duration::from_secs(125)).to_string(), "2 min 05 s");
    }
}
