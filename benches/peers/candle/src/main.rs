//! candle on the work of the benchmark.

#[cfg(feature = "mkl")]
extern crate intel_mkl_src as _;

mod answer;
mod model;
mod optimizer;
mod train;

use peer_shared::{Result, serve, version_in_lock};

fn main() -> Result<()> {
    let version = version_in_lock(include_str!("../Cargo.lock"), "candle-core");
    serve::<train::Training, answer::Answering>(
        "candle",
        version,
        &["cpu backend", if cfg!(feature = "mkl") { "mkl" } else { "without mkl" }],
    )
}
