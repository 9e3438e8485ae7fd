use distill_models::{Model, Scratch};
use distill_recipe::Diagnostic;
use distill_tensor::LogPartition;
use ndarray::{Array2, ArrayView2};

use crate::batch::Batch;
use crate::source::Source;
use crate::wrong::{VALUES, bad_row};

/// The largest probability that a model gives to any class, for each row of a source: how sure it is that it knows what it sees.
///
/// # Errors
/// For the first row that cannot be read, that does not fit the model, or of which the answer is not a finite number.
pub fn confidences(model: &dyn Model, source: &mut Source) -> Result<Vec<f64>, Diagnostic> {
    let spec = model.spec();
    let mut batch = Batch::new(spec.features(), spec.classes.len());
    let (mut scratch, mut found) = (Scratch::default(), vec![]);
    loop {
        let more = source.next(&mut batch)?;
        if !more || batch.is_full() {
            let n_rows = batch.len();
            let mut logits = Array2::zeros((n_rows, spec.classes.len()));
            let inputs = ArrayView2::from_shape((n_rows, spec.features()), batch.values())
                .expect("a batch has the values of its rows");
            model.logits_into(inputs, &mut scratch, logits.view_mut())?;
            for ((_, place), logits) in batch.rows().iter().zip(logits.outer_iter()) {
                let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                if logits.iter().any(|logit| !logit.is_finite()) {
                    return Err(bad_row(place, "the model's answer to the row is not a finite number").help(VALUES));
                }
                found.push(LogPartition::new(logits.iter().copied(), 1.0).prob(largest));
            }
            batch.clear();
        }
        if !more {
            return Ok(found);
        }
    }
}
