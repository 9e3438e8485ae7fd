use distill_models::{Model, Scratch};
use distill_recipe::Diagnostic;
use distill_tensor::LogPartition;

use crate::batch::Batch;
use crate::source::Source;

/// The largest probability that a model gives to any class, for each row of a source: how sure it is that it knows what it sees.
///
/// # Errors
/// For the first row that cannot be read, that does not fit the model, or of which the answer is not a finite number.
pub fn confidences(model: &dyn Model, source: &mut Source) -> Result<Vec<f64>, Diagnostic> {
    let spec = model.spec();
    let mut batch = Batch::new(spec.features(), spec.classes.len());
    let (mut scratch, mut buffer, mut found) = (Scratch::default(), vec![], vec![]);
    loop {
        let more = source.next(&mut batch)?;
        if !more || batch.is_full() {
            batch.ask(model, &mut scratch, &mut buffer, |_, logits| {
                let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                found.push(LogPartition::new(logits.iter().copied(), 1.0).prob(largest));
                Ok(())
            })?;
            batch.clear();
        }
        if !more {
            return Ok(found);
        }
    }
}
