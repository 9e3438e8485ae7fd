//! `cargo xtask distill`: the program, built in release mode, on the recipe the README shows.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::Result;
use crate::call::{Call, root};

/// What is run when no recipe is named.
const DEFAULT_RECIPE: &str = "recipes/mnist.toml";

/// The commands of `distill` itself. Any other first word is the path of a recipe, so a new command goes in here.
const COMMANDS: [&str; 22] = [
    "new",
    "check",
    "run",
    "train",
    "teach",
    "eval",
    "predict",
    "export",
    "inspect",
    "data",
    "sweep",
    "reproduce",
    "report",
    "runs",
    "compare",
    "rm",
    "explain",
    "schema",
    "env",
    "completions",
    "man",
    "help",
];

/// Flags that ask about the program and so need no recipe.
const ABOUT: [&str; 4] = ["-h", "--help", "-V", "--version"];

pub(crate) fn run(args: &[OsString]) -> Result<ExitCode> {
    let root = root();
    let recipe = seen_from(&env::current_dir()?, root.join(DEFAULT_RECIPE));
    // Cargo stays as loud as it is, so that a first build of a minute does not look like a program that hangs.
    Call::cargo(["run", "--release", "--package", "distill-cli", "--bin", "distill", "--manifest-path"])
        .args([root.join("Cargo.toml").as_os_str(), OsStr::new("--")])
        .args(program_args(args, &recipe))
        .become_it()
}

/// The arguments for the program: `run` and the default recipe are put in where they were left out.
fn program_args(args: &[OsString], default_recipe: &Path) -> Vec<OsString> {
    let first = args.first().map(|arg| arg.to_string_lossy());
    let mut full = Vec::new();
    match first.as_deref() {
        Some(word) if COMMANDS.contains(&word) || ABOUT.contains(&word) => {}
        Some(word) if !word.starts_with('-') && !word.contains('=') => full.push("run".into()),
        _ => full.extend(["run".into(), default_recipe.into()]),
    }
    full.extend_from_slice(args);
    full
}

/// The short name of `path` where there is one: it is printed by the program and typed again by people.
fn seen_from(folder: &Path, path: PathBuf) -> PathBuf {
    path.strip_prefix(folder).map(Path::to_owned).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(args: &str, expected: &str) {
        let args: Vec<OsString> = args.split_whitespace().map(OsString::from).collect();
        let actual = program_args(&args, Path::new("R.toml"));
        let expected: Vec<OsString> = expected.split_whitespace().map(OsString::from).collect();
        assert_eq!(actual, expected);
    }

    #[test]
    fn the_default_recipe_is_put_in_where_none_is_named() {
        check("", "run R.toml");
        check("--quiet", "run R.toml --quiet");
        check("train.epochs=1 -q", "run R.toml train.epochs=1 -q");
    }

    #[test]
    fn a_named_recipe_is_run() {
        check("my.toml", "run my.toml");
        check("my.toml kd.temperature=4", "run my.toml kd.temperature=4");
        check("a/run", "run a/run");
    }

    #[test]
    fn commands_of_the_program_and_questions_about_it_pass_as_they_are() {
        check("run my.toml", "run my.toml");
        check("eval runs/x --json", "eval runs/x --json");
        check("predict m.safetensors -", "predict m.safetensors -");
        check("inspect my.toml", "inspect my.toml");
        check("help run", "help run");
        check("new my-recipe", "new my-recipe");
        check("--help", "--help");
        check("-V", "-V");
    }

    #[test]
    fn a_path_is_shortened_only_below_the_folder() {
        let recipe = || PathBuf::from("/w/recipes/mnist.toml");
        assert_eq!(seen_from(Path::new("/w"), recipe()), Path::new("recipes/mnist.toml"));
        assert_eq!(seen_from(Path::new("/w/crates"), recipe()), recipe());
    }
}
