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
    /// Listens to SIGINT and SIGTERM: from here on the first of them does not end the process.
    ///
    /// # Errors
    /// If the system refuses to tell of signals.
    #[cfg(unix)]
    pub fn catch() -> std::io::Result<Self> {
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
    ///
    /// # Errors
    /// None here.
    #[cfg(not(unix))]
    pub fn catch() -> std::io::Result<Self> {
        Ok(Self::default())
    }

    /// Asks for an end, as SIGINT does. All clones hear of it, on whatever thread they are.
    pub fn stop(&self) {
        const SIGINT: usize = 2;
        self.number.store(SIGINT, Ordering::Relaxed);
        self.stop.store(true, Ordering::Relaxed);
    }

    /// The signal that asked for an end, if one did.
    pub fn received(&self) -> Option<Signal> {
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
