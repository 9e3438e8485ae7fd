use super::DataConfig;
use crate::ConfigProblem;

impl DataConfig {
    /// The bytes that `memory` means.
    ///
    /// # Errors
    /// If it is not a size.
    pub fn memory_bytes(&self) -> Result<Option<u64>, ConfigProblem> {
        let parse = |text: &String| {
            parse_bytes(text).ok_or_else(|| {
                ConfigProblem::new(
                    "data.memory",
                    format!("must be a whole number of B, kB, MB, GB, KiB, MiB or GiB, got `{text}`"),
                    "set `memory = \"512 MiB\"`, or leave the key out",
                )
            })
        };
        self.memory.as_ref().map(parse).transpose()
    }
}

/// A number of bytes with its unit, such as `512 MiB` or `2GB`.
fn parse_bytes(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let unit: u64 = match text[end..].trim_start_matches(' ') {
        "B" => 1,
        "kB" => 1000,
        "MB" => 1000 * 1000,
        "GB" => 1000 * 1000 * 1000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    text[..end].parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_a_unit() {
        for (text, bytes) in [("512 MiB", 512 << 20), ("2GB", 2_000_000_000), ("7 B", 7), ("16  kB", 16_000)] {
            assert_eq!(parse_bytes(text), Some(bytes), "{text}");
        }
        for text in ["", "512", "MiB", "-1 MiB", "0.5 GiB", "1 mib", "1 MiB ", "1 TB", "99999999999 GiB"] {
            assert_eq!(parse_bytes(text), None, "{text}");
        }
    }
}
