use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The signals that ask for an end. The first is noticed here, so that work can be saved; the
/// second ends the process at once.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    stop: Arc<AtomicBool>,
    number: Arc<AtomicUsize>,
}

impl Signals {
    /// From here on the first signal does not end the process.
    #[cfg(unix)]
    pub(crate) fn catch() -> std::io::Result<Self> {
        use signal_hook::consts::{SIGINT, SIGTERM};
        use signal_hook::flag;
        let signals = Self::default();
        for signal in [SIGINT, SIGTERM] {
            // In this order: the process ends if the flag was set before this signal.
            flag::register_conditional_shutdown(signal, 128 + signal, signals.stop.clone())?;
            flag::register_usize(signal, signals.number.clone(), usize::try_from(signal).unwrap_or_default())?;
            flag::register(signal, signals.stop.clone())?;
        }
        Ok(signals)
    }

    /// Elsewhere a signal ends the process, and the last checkpoint is what is left.
    #[cfg(not(unix))]
    pub(crate) fn catch() -> std::io::Result<Self> {
        Ok(Self::default())
    }

    /// As if a signal had come.
    #[cfg(test)]
    pub(crate) fn stop_for_test(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// The signal that came.
    pub(crate) fn received(&self) -> Option<Signal> {
        let number = self.stop.load(Ordering::Relaxed).then(|| self.number.load(Ordering::Relaxed));
        number.map(|number| Signal(u8::try_from(number).unwrap_or(2)))
    }
}

/// A signal by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal(u8);

impl Signal {
    /// The exit code of a process that it ended.
    pub fn exit_code(self) -> u8 {
        128 + self.0
    }
}
