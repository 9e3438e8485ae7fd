//! How many examples a second an ONNX file answers, by distill's own operations and by tract; that of `recipes/fashion-mnist` if none
//! is named: `cargo run --release -p distill-onnx --features tract --example answers -- [FILE.onnx [ROWS]]`.
#![expect(clippy::print_stdout, reason = "an example shows what it measures")]

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use distill_models::Model as _;
use distill_onnx::{HAS_TRACT, OnnxModel, OnnxOptions, Tap};
use ndarray::{Array2, s};

const TEACHER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../recipes/fashion-mnist/teacher.onnx");

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().map_or_else(|| PathBuf::from(TEACHER), PathBuf::from);
    let rows = args.next().map_or(Ok(64), |rows| rows.parse::<usize>())?.max(1);
    if !path.is_file() {
        println!("there is no file {}; name another one", path.display());
        return Ok(());
    }
    let bytes = std::fs::read(path)?;
    // Inner values are computed by tract alone.
    let values = OnnxModel::describe(&bytes)?.values.into_iter();
    let tensor = values
        .filter(|(_, operator)| ["Conv", "Gemm", "MatMul"].contains(&operator.as_str()))
        .map(|value| value.0)
        .next();
    let taps = tensor
        .map(|tensor| Tap { name: "first".to_owned(), tensor })
        .into_iter()
        .filter(|_| HAS_TRACT)
        .collect::<Vec<_>>();
    let tapped = OnnxOptions { taps: taps.clone(), ..OnnxOptions::default() };
    for options in std::iter::once(OnnxOptions::default()).chain((!taps.is_empty()).then_some(tapped)) {
        let model = OnnxModel::from_bytes(&bytes, &options)?;
        // Noise without a pattern, from 0 to 1.
        let number = |i: usize, j: usize| ((i * 7919 + j * 104_729 + i * j % 1009 * 31) % 1000) as f32 / 999.0;
        let inputs = Array2::from_shape_fn((rows, model.spec().features()), |(i, j)| number(i, j));
        model.logits(inputs.slice(s![..rows.min(64), ..]))?;
        let start = Instant::now();
        model.logits(inputs.view())?;
        println!("{:.0} examples a second by {}", rows as f64 / start.elapsed().as_secs_f64(), model.engine());
    }
    Ok(())
}
