use std::cell::RefCell;

/// Gives `run` memory of the thread, contents unspecified, that is taken once and used again.
///
/// There is a buffer for each depth of such calls: a thread that waits for others may be given another example meanwhile.
pub(crate) fn with_buffer<T>(n: usize, run: impl FnOnce(&mut [f32]) -> T) -> T {
    thread_local! {
        static FREE: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
    }
    let mut buffer = FREE.with_borrow_mut(Vec::pop).unwrap_or_default();
    if buffer.len() < n {
        buffer.resize(n, 0.0);
    }
    let result = run(&mut buffer[..n]);
    FREE.with_borrow_mut(|free| free.push(buffer));
    result
}
