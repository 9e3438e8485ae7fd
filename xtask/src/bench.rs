//! `cargo xtask bench`: the program in `benches/`, or Criterion's benchmarks of single functions.

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use crate::Result;
use crate::call::{Call, root};

pub(crate) fn run(args: &[OsString]) -> Result<ExitCode> {
    call(args, &root().join("Cargo.toml").into_os_string()).become_it()
}

fn call(args: &[OsString], manifest: &OsStr) -> Call {
    match args.split_first() {
        // The pattern leaves out the test harness of the libraries, which does not know Criterion's arguments.
        Some((first, rest)) if first == "micro" => {
            Call::cargo(["bench", "--workspace", "--bench", "*", "--manifest-path"]).args([manifest]).args(rest)
        }
        _ => Call::cargo(["run", "--release", "--package", "distill-bench", "--manifest-path"])
            .args([manifest, OsStr::new("--")])
            .args(args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(args: &str, expected: &str) {
        let args: Vec<OsString> = args.split_whitespace().map(OsString::from).collect();
        assert_eq!(call(&args, OsStr::new("M")).to_string(), expected);
    }

    #[test]
    fn micro_is_criterion_and_the_rest_is_the_program() {
        check("", "cargo run --release --package distill-bench --manifest-path M --");
        check("--quick", "cargo run --release --package distill-bench --manifest-path M -- --quick");
        check("micro", "cargo bench --workspace --bench '*' --manifest-path M");
        check("micro -- --quick", "cargo bench --workspace --bench '*' --manifest-path M -- --quick");
    }
}
