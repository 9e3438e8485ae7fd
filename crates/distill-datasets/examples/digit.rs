//! Prints a test digit of MNIST as text: `cargo run --features mnist --example digit -- 42`.
#![expect(clippy::print_stdout, reason = "an example shows what it reads")]

use std::error::Error;

use distill_datasets::{Dataset, Split, mnist};

const SHADES: [char; 5] = [' ', '.', 'o', 'O', '@'];

fn main() -> Result<(), Box<dyn Error>> {
    let index = std::env::args().nth(1).map_or(Ok(0), |arg| arg.parse())?;
    let digits = mnist(Split::Test)?;
    let (Some(pixels), Some(label)) = (digits.pixels(index), digits.label(index)) else {
        return Err(format!("there are {} digits", digits.len()).into());
    };
    for row in pixels.chunks(28) {
        println!("{}", row.iter().map(|&pixel| SHADES[usize::from(pixel) * SHADES.len() / 256]).collect::<String>());
    }
    println!("This is a {}.", digits.spec().classes[label as usize]);
    Ok(())
}
