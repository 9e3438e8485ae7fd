//! Prints what a temperature does to probabilities: `cargo run -p distill-tensor --example temperature`.
#![expect(clippy::print_stdout, reason = "an example shows what it computes")]

use distill_tensor::softmax;
use ndarray::{Array2, array};

fn main() {
    let classes = ["cat", "dog", "car"];
    let logits = array![[9.0_f32, 6.0, -2.0]];
    let mut probs = Array2::zeros(logits.dim());
    for temperature in [1.0, 2.0, 5.0, 20.0] {
        softmax(logits.view(), temperature, probs.view_mut());
        let row: Vec<_> = classes.iter().zip(&probs).map(|(class, prob)| format!("{class} {prob:.4}")).collect();
        println!("T = {temperature:>2}:  {}", row.join("  "));
    }
}
