//! Makes an ONNX file of a network, and checks that it answers as the network does:
//! `cargo run -p distill-export --example onnx -- [FILE.onnx]` keeps it where a name is given.
#![expect(clippy::print_stdout, reason = "an example shows what it makes")]

use std::error::Error;

use distill_export::{OnnxExport, OnnxExportOptions, compare};
use distill_models::{MlpConfig, Network, Provenance};

fn main() -> Result<(), Box<dyn Error>> {
    // A real program reads the weights of a student by `distill_models::from_safetensors`.
    let config = MlpConfig { hidden: vec![30], ..MlpConfig::default() };
    let model = Network::new(config, vec![1, 28, 28], (0..10).map(|digit| digit.to_string()).collect(), 1)?;
    let options = OnnxExportOptions { probabilities: true, ..OnnxExportOptions::default() };
    let bytes = OnnxExport::new(&model, &Provenance::new(), options)?.to_bytes()?;

    let read = OnnxExport::from_bytes(&bytes)?;
    let [inputs, outputs] = read.ports();
    println!("{} bytes, inputs {inputs:?}, outputs {outputs:?}", bytes.len());
    let found = compare(&model, &read)?;
    println!("{} inputs answered, largest difference {:.1e}", found.n_inputs, found.largest_difference);
    if let Some(path) = std::env::args_os().nth(1) {
        std::fs::write(path, bytes)?;
    }
    Ok(())
}
