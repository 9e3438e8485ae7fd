//! Teaches a small network whether two numbers differ, by plain gradient descent: `cargo run -p distill-models --example xor`.
#![expect(clippy::print_stdout, reason = "an example shows what it computes")]

use distill_models::{MlpConfig, Model, ModelError, Network, StepKey, Trainable};
use distill_tensor::{Params, softmax};
use ndarray::{Array2, array};

fn main() -> Result<(), ModelError> {
    let inputs = array![[0.0_f32, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
    let labels = [0, 1, 1, 0];
    let config = MlpConfig { hidden: vec![16], ..MlpConfig::default() };
    let mut model = Network::new(config, vec![2], vec!["equal".into(), "different".into()], 1)?;
    println!("{}: {} parameters", model.spec().architecture, model.spec().parameters);

    let (mut tape, mut grads) = (model.tape(), Params::zeros(model.params().layout().clone()));
    let mut probs = Array2::zeros((4, 2));
    for step in 0..=400 {
        model.forward(inputs.view(), StepKey::new(1, step), &mut tape)?;
        softmax(tape.logits(), 1.0, probs.view_mut());
        if step % 100 == 0 {
            let loss: f32 = labels.iter().enumerate().map(|(row, &label)| -probs[[row, label]].ln() / 4.0).sum();
            println!("step {step:>3}: loss {loss:.4}");
        }
        // The gradient of the mean cross entropy: probabilities, less one at the label.
        labels.iter().enumerate().for_each(|(row, &label)| probs[[row, label]] -= 1.0);
        probs /= 4.0;
        model.backward(probs.view(), &mut tape, &mut grads);
        let params = model.params_mut().as_mut_slice().iter_mut();
        params.zip(grads.as_slice()).for_each(|(param, grad)| *param -= 0.5 * grad);
    }

    softmax(model.logits(inputs.view())?.view(), 1.0, probs.view_mut());
    for (input, probs) in inputs.outer_iter().zip(probs.outer_iter()) {
        println!("{} and {}: different with {:.1} %", input[0], input[1], 100.0 * probs[1]);
    }
    Ok(())
}
