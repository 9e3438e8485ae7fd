//! What memory there is, and what this process has of it, where the system tells.

use std::fs;

/// Bytes that can be had without pushing others out.
pub(crate) fn available() -> Option<u64> {
    kilobytes("/proc/meminfo", "MemAvailable:")
}

/// The most that a set may take by default: what is left is for models and batches. A short file can hold a large set, and
/// ends the program if nobody looks.
pub(crate) fn share() -> u64 {
    available().map_or(u64::MAX, |bytes| bytes / 4 * 3)
}

/// Bytes that this process has in memory, and the most that it ever had.
pub(crate) fn used() -> Option<[u64; 2]> {
    let of = |name| kilobytes("/proc/self/status", name);
    Some([of("VmRSS:")?, of("VmHWM:")?])
}

fn kilobytes(file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}
