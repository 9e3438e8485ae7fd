//! What a person sees of a panic, which is always a bug of ours.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};

use crate::output::Output;
use distill_recipe::Diagnostic;
use distill_recipe::{Code, exit_code};

/// From here on a panic is reported like any other error.
pub(crate) fn report_panics(output: Output) {
    panic::set_hook(Box::new(move |info| {
        // What the code of others cannot make of a stranger's file is an error of the file, and is returned as one.
        if distill_onnx::is_guarded() || distill_datasets::is_guarded() {
            return;
        }
        output.error(&diagnostic(info));
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            output.raw_error(&backtrace.to_string());
        }
    }));
}

/// Runs the program and returns its exit code, after a panic that of a bug.
pub(crate) fn guard(run: impl FnOnce() -> u8) -> u8 {
    panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or(exit_code(Code::Bug))
}

fn diagnostic(info: &PanicHookInfo<'_>) -> Diagnostic {
    let diagnostic = Diagnostic::new(Code::Bug, "this is a bug in distill")
        .note(info.payload_as_str().unwrap_or("a panic without a message"));
    let diagnostic = match info.location() {
        Some(place) => diagnostic.at(place),
        None => diagnostic,
    };
    diagnostic.help("keep the recipe and report it with this message; `RUST_BACKTRACE=1` adds a backtrace")
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn a_panic_becomes_an_error_with_its_own_exit_code() {
        let printed = Arc::new(Mutex::new(String::new()));
        let before = panic::take_hook();
        let sink = printed.clone();
        panic::set_hook(Box::new(move |info| *sink.lock().unwrap() = diagnostic(info).to_string()));
        let code = guard(|| panic!("row {} is missing", 3));
        panic::set_hook(before);

        assert_eq!(code, 70);
        let printed = printed.lock().unwrap();
        let lines: Vec<_> = printed.lines().collect();
        assert_eq!(lines[0], "error[E0901]: this is a bug in distill");
        assert!(lines[1].starts_with("  --> ") && lines[1].contains("bug.rs:"), "{printed}");
        assert_eq!(lines[2], "   = note: row 3 is missing");
        assert!(lines[3].starts_with("   = help: keep the recipe and report it"), "{printed}");
    }

    #[test]
    fn without_a_panic_nothing_changes() {
        assert_eq!(guard(|| 3), 3);
    }
}
