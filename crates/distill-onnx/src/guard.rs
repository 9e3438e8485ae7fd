//! A graph comes from a stranger and the engine was not written for hostile ones: where it panics, that is an
//! error of the file.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use crate::OnnxError;

/// Passes over a graph may call themselves once for each node of a chain.
const STACK_BYTES: usize = 256 << 20;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic on this thread will be caught and returned as an error, so that a hook need not report it.
pub fn is_guarded() -> bool {
    GUARDED.get()
}

/// Calls the engine. What it would leave half done in a panic is dropped, or is made anew for each call.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, OnnxError>) -> Result<T, OnnxError> {
    let before = GUARDED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(before);
    outcome.unwrap_or_else(|payload| Err(OnnxError::Engine { reason: message(&*payload) }))
}

/// Calls the engine on a thread with a large stack.
pub(crate) fn guarded_deep<T: Send>(work: impl FnOnce() -> Result<T, OnnxError> + Send) -> Result<T, OnnxError> {
    let failed = |reason: String| OnnxError::Engine { reason };
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("onnx".to_owned()).stack_size(STACK_BYTES);
        let thread = thread
            .spawn_scoped(scope, || guarded(work))
            .map_err(|error| failed(format!("no thread could be started: {error}")))?;
        thread.join().unwrap_or_else(|payload| Err(failed(message(&*payload))))
    })
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    format!("the engine gave up: {}", text.unwrap_or("it does not say why"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        let error = guarded_deep::<()>(|| panic!("row {} is missing", std::hint::black_box(3))).unwrap_err();
        assert_eq!(error.to_string(), "the graph cannot be computed: the engine gave up: row 3 is missing");
        let error = guarded::<()>(|| panic!("no")).unwrap_err();
        assert_eq!(error.to_string(), "the graph cannot be computed: the engine gave up: no");
        assert!(!is_guarded());
        assert_eq!(guarded(|| Ok(is_guarded())), Ok(true));
    }
}
