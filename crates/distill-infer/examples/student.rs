//! Says what a student makes of images, one a line as CSV, the first column being a name where the header says `id`.
//!
//! ```sh
//! cargo run -p distill-infer --example student -- student.safetensors docs/digits.csv
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program talks to people")]

use std::error::Error;
use std::process::ExitCode;
use std::{env, fs};

use distill_infer::{Scratch, Student};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let args: Vec<_> = env::args_os().collect();
    let [_, model, images] = &args[..] else { return Err("usage: student MODEL.safetensors IMAGES.csv".into()) };
    let student = Student::from_safetensors(&fs::read(model)?)?;
    let text = fs::read_to_string(images)?;
    let named = text.starts_with("id,");
    let mut scratch = Scratch::default();
    for line in text.lines().skip(usize::from(named)) {
        let (name, numbers) = line.split_once(',').filter(|_| named).unwrap_or(("image", line));
        let pixels = numbers.split(',').map(str::parse).collect::<Result<Vec<f32>, _>>()?;
        let found = student.predict(&pixels, &mut scratch)?;
        println!("{name}  {}  {:.2} %", found.name, 100.0 * found.probability);
    }
    Ok(())
}
