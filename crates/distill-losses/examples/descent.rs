//! Moves the logits of a student towards those of a teacher by the gradient alone:
//! `cargo run -p distill-losses --example descent`.
#![expect(clippy::print_stdout, reason = "an example shows what it computes")]

use distill_losses::{LossError, Temperature, kd};
use ndarray::{Array2, array};

fn main() -> Result<(), LossError> {
    let teacher = array![[9.0_f32, 4.0, -2.0], [0.5, 7.0, 6.0]];
    let mut student = Array2::<f32>::zeros(teacher.dim());
    let mut grad = Array2::zeros(teacher.dim());
    let temperature = Temperature::new(4.0)?;
    for step in 0..=200 {
        let value = kd(student.view(), teacher.view(), temperature, grad.view_mut())?;
        if step % 50 == 0 {
            println!("step {step:>3}: loss {:.6}, divergence {:.6} nats", value.loss, value.kl);
        }
        student.scaled_add(-1.0, &grad);
    }
    // A loss sees differences of logits, so each row is right up to a constant.
    println!("teacher {teacher:.2}\nstudent {student:.2}");
    Ok(())
}
