//! One big matrix product: what the machine can do at best.

use std::time::Instant;

use distill_tensor::matmul;
use ndarray::Array2;

use crate::Result;
use crate::request::Answer;

/// The fastest of the products of two `side` x `side` matrices in that time, in billions of operations a second.
pub(super) fn measure(side: usize, seconds: f64) -> Result<Answer> {
    // No zeros, which would be skipped.
    let a = Array2::from_shape_fn((side, side), |(i, j)| 1.0 + ((i * 7 + j * 3) % 13) as f32);
    let b = Array2::from_shape_fn((side, side), |(i, j)| 1.0 - ((i * 5 + j * 11) % 17) as f32 / 32.0);
    let mut out = Array2::zeros((side, side));
    matmul(a.view(), b.view(), out.view_mut());
    let mut fastest = f64::INFINITY;
    let begin = Instant::now();
    loop {
        let before = Instant::now();
        matmul(a.view(), b.view(), out.view_mut());
        fastest = fastest.min(before.elapsed().as_secs_f64());
        if begin.elapsed().as_secs_f64() >= seconds {
            break;
        }
    }
    let flops = 2.0 * (side as f64).powi(3);
    Ok(Answer { value: flops / fastest / 1e9, check: None, note: None })
}
