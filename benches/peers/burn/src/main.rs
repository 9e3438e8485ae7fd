//! burn on the work of the benchmark.

mod answer;
mod model;
mod train;

use peer_shared::{Result, serve, version_in_lock};

fn main() -> Result<()> {
    let version = version_in_lock(include_str!("../Cargo.lock"), "burn");
    serve::<train::Training, answer::Answering>("burn", version, &["flex backend"])
}
