//! Says what is in an ONNX file, that of `recipes/fashion-mnist` if none is named:
//! `cargo run -p distill-onnx --example describe -- [FILE.onnx]`.
#![expect(clippy::print_stdout, reason = "an example shows what it reads")]

use std::error::Error;
use std::path::PathBuf;

use distill_onnx::{OnnxModel, OnnxOptions, Port};

const TEACHER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../recipes/fashion-mnist/teacher.onnx");

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).map_or_else(|| PathBuf::from(TEACHER), PathBuf::from);
    if !path.is_file() {
        println!("there is no file {}; name another one", path.display());
        return Ok(());
    }
    let bytes = std::fs::read(path)?;
    let description = OnnxModel::describe(&bytes)?;
    println!("`{}` by {}, opset {}", description.name, description.producer, description.opset);
    let port =
        |what: &str, Port { name, element, .. }: &Port, shape: String| println!("{what} {name}: {element}{shape}");
    description.inputs.iter().for_each(|input| port("input", input, input.shape()));
    description.outputs.iter().for_each(|output| port("output", output, output.shape()));
    println!("{} parameters, operators:", description.parameters);
    for (operator, n) in &description.operators {
        println!("  {n:>3} {operator}");
    }
    match OnnxModel::from_bytes(&bytes, &OnnxOptions::default()) {
        Ok(model) => println!("computed by {}", model.engine()),
        Err(error) => println!("not computed: {error}"),
    }
    Ok(())
}
