use std::env::consts;
use std::fs;

use distill_tensor::{bf16_by_tiles, bf16_is_native};
use serde_json::json;

use crate::output::Output;
use distill_recipe::Diagnostic;
use distill_recipe::words::thousands;

/// The features of this program, and whether it was built with them.
const FEATURES: [(&str, bool); 2] = [("onnx", cfg!(feature = "onnx")), ("onnxruntime", cfg!(feature = "onnxruntime"))];

/// `distill env`
pub(crate) fn env(output: &Output) -> Result<(), Diagnostic> {
    let version = env!("CARGO_PKG_VERSION");
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let target = target();
    let simd = simd();
    let n_cores = std::thread::available_parallelism().map_or(1, usize::from);
    let n_threads = rayon::current_num_threads();
    let memory = memory();

    let commit = env!("DISTILL_COMMIT");
    let features: Vec<&str> = FEATURES.iter().filter(|(_, is_on)| *is_on).map(|(name, _)| *name).collect();

    let mut text = format!("distill   {version}, {build} build\n");
    text += &format!("commit    {}\n", if commit.is_empty() { "unknown" } else { commit });
    text += &format!("features  {}\n", if features.is_empty() { "none".to_owned() } else { features.join(" ") });
    text += &format!("target    {target}\n");
    text += &format!("os        {}\n", consts::OS);
    text += &format!("simd      {}\n", if simd.is_empty() { "none found".to_owned() } else { simd.join(" ") });
    let bf16 = match (bf16_by_tiles(), bf16_is_native()) {
        (true, _) => "native, by AMX",
        (false, true) => "native",
        (false, false) => "no instructions, can be emulated",
    };
    text += &format!("bf16      {bf16}\n");
    text += &format!("cores     {n_cores}\n");
    text += &format!("threads   {n_threads}\n");
    text += &match memory {
        Some([total, available]) => {
            format!("memory    {} MiB, {} MiB available", thousands(total >> 20), thousands(available >> 20))
        }
        None => "memory    unknown".to_owned(),
    };
    output.document(&text)?;
    output.event(
        "env",
        json!({
            "version": version,
            "build": build,
            "commit": (!commit.is_empty()).then_some(commit),
            "features": features,
            "target": target,
            "os": consts::OS,
            "arch": consts::ARCH,
            "simd": simd,
            "bf16_native": bf16_is_native(),
            "cores": n_cores,
            "threads": n_threads,
            "memory_bytes": memory.map(|[total, _]| total),
            "memory_available_bytes": memory.map(|[_, available]| available),
        }),
    )
}

/// What the program was built for, near the names of rustc: `x86_64-linux-gnu`.
fn target() -> String {
    let abi = match () {
        () if cfg!(target_env = "gnu") => "-gnu",
        () if cfg!(target_env = "musl") => "-musl",
        () if cfg!(target_env = "msvc") => "-msvc",
        () => "",
    };
    format!("{}-{}{abi}", consts::ARCH, consts::OS)
}

/// The vector units of this machine that make a difference to speed and to the last bits.
#[cfg(target_arch = "x86_64")]
fn simd() -> Vec<&'static str> {
    let found = [
        ("sse4.2", is_x86_feature_detected!("sse4.2")),
        ("avx", is_x86_feature_detected!("avx")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512dq", is_x86_feature_detected!("avx512dq")),
        ("avx512vl", is_x86_feature_detected!("avx512vl")),
        ("avx512bf16", is_x86_feature_detected!("avx512bf16")),
        ("amx-bf16", bf16_by_tiles()),
    ];
    found.into_iter().filter_map(|(name, there)| there.then_some(name)).collect()
}

/// The vector units of this machine that make a difference to speed and to the last bits.
#[cfg(target_arch = "aarch64")]
fn simd() -> Vec<&'static str> {
    let found = [
        ("neon", std::arch::is_aarch64_feature_detected!("neon")),
        ("sve", std::arch::is_aarch64_feature_detected!("sve")),
    ];
    found.into_iter().filter_map(|(name, there)| there.then_some(name)).collect()
}

/// Other processors are not asked.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn simd() -> Vec<&'static str> {
    vec![]
}

/// All memory and what of it is available, in bytes, where Linux tells it.
fn memory() -> Option<[u64; 2]> {
    parse_meminfo(&fs::read_to_string("/proc/meminfo").ok()?)
}

fn parse_meminfo(text: &str) -> Option<[u64; 2]> {
    let bytes = |name: &str| {
        let rest = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        let kibibytes: u64 = rest.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
        kibibytes.checked_mul(1024)
    };
    Some([bytes("MemTotal")?, bytes("MemAvailable")?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_bytes() {
        let text = "MemTotal:        8000000 kB\nMemFree:  1 kB\nMemAvailable:    2000 kB\n";
        assert_eq!(parse_meminfo(text), Some([8_192_000_000, 2_048_000]));
        for text in ["", "MemTotal: 1 kB\n", "MemTotal: x kB\nMemAvailable: 1 kB\n"] {
            assert_eq!(parse_meminfo(text), None, "{text}");
        }
    }
}
