//! The machine that measures.

use std::fs;

use serde::{Deserialize, Serialize};

/// What a reader needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) model: String,
    pub(crate) cores: usize,
    pub(crate) simd: Vec<String>,
    /// Bytes of memory.
    pub(crate) memory: Option<u64>,
    pub(crate) system: String,
}

impl Machine {
    pub(crate) fn find() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Self {
            model: field(&read("/proc/cpuinfo"), "model name").unwrap_or("unknown processor").to_owned(),
            cores: cores(),
            simd: simd().into_iter().map(str::to_owned).collect(),
            memory: field(&read("/proc/meminfo"), "MemTotal").and_then(kibibytes),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        }
    }
}

/// Cores that this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The value of the first line `name : value`.
pub(crate) fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':')).map(str::trim)
}

/// Bytes of a value such as `8000 kB`.
pub(crate) fn kibibytes(value: &str) -> Option<u64> {
    value.strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The vector units that make a difference to speed.
#[cfg(target_arch = "x86_64")]
pub(crate) fn simd() -> Vec<&'static str> {
    let found = [
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512bf16", is_x86_feature_detected!("avx512bf16")),
    ];
    found.into_iter().filter_map(|(name, there)| there.then_some(name)).collect()
}

/// Other processors are not asked.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn simd() -> Vec<&'static str> {
    vec![]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_the_system_are_read() {
        let text = "processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\nMemTotal:  2000 kB\n";
        assert_eq!(field(text, "model name"), Some("Some CPU @ 3 GHz"));
        assert_eq!(field(text, "MemTotal").and_then(kibibytes), Some(2_048_000));
        assert_eq!(field(text, "MemFree"), None);
        assert_eq!(kibibytes("12 MB"), None);
    }
}
