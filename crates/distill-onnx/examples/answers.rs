//! How many examples a second an ONNX file answers, by distill's own operations and by tract; that of `recipes/fashion-mnist` if none
//! is named: `cargo run --release -p distill-onnx --features tract --example answers -- [FILE.onnx [ROWS|INPUTS]]`. `INPUTS` is a file of
//! f32, one example after the other; else they are noise.
#![expect(clippy::print_stdout, reason = "an example shows what it measures")]

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use distill_models::Model as _;
use distill_onnx::{HAS_TRACT, OnnxModel, OnnxOptions, Tap};
use ndarray::{Array2, s};

const TEACHER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../recipes/fashion-mnist/teacher.onnx");

/// How often all are answered.
const ROUNDS: usize = 7;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().map_or_else(|| PathBuf::from(TEACHER), PathBuf::from);
    let rows = args.next().unwrap_or_else(|| "64".to_owned());
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
        let features = model.spec().features();
        let inputs = match rows.parse::<usize>() {
            // Without a pattern, from 0 to 1.
            Ok(rows) => Array2::from_shape_fn((rows.max(1), features), |(i, j)| {
                ((i * 7919 + j * 104_729 + i * j % 1009 * 31) % 1000) as f32 / 999.0
            }),
            Err(_) => {
                let bytes = std::fs::read(&rows)?;
                let numbers: Vec<f32> = bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
                Array2::from_shape_vec((numbers.len() / features, features), numbers)?
            }
        };
        let rows = inputs.nrows();
        model.logits(inputs.slice(s![..rows.min(64), ..]))?;
        let mut seconds: Vec<f64> = vec![];
        for _ in 0..ROUNDS {
            let start = Instant::now();
            model.logits(inputs.view())?;
            seconds.push(start.elapsed().as_secs_f64());
        }
        seconds.sort_by(f64::total_cmp);
        let [least, median, most] = [0, ROUNDS / 2, ROUNDS - 1].map(|at| rows as f64 / seconds[at]);
        println!("{median:.0} examples a second ({most:.0} to {least:.0}) by {}", model.engine());
    }
    Ok(())
}
