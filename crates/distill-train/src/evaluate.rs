use distill_datasets::Dataset;
use distill_models::Model;
use distill_tensor::LogPartition;
use ndarray::{Array2, ArrayView1, Axis, s};

use crate::TrainError;
use crate::fit::check_fit;
use crate::soft_targets::{EVAL_BATCH, for_each_batch};

/// Bins of confidence in the expected calibration error.
const ECE_BINS: usize = 15;

/// How a model does on a labelled set, at `T = 1`.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Examples of the set.
    pub examples: usize,
    /// Examples whose most probable class is not the label.
    pub errors: usize,
    /// Mean negative log-likelihood of the labels, in nats.
    pub nll: f64,
    /// Expected calibration error: mean distance between confidence and accuracy over 15 bins of
    /// equal width, weighted by their examples (Guo et al., 2017, equation 3).
    pub ece: f64,
    /// The most probable class of each example; the first one where several are.
    pub predictions: Vec<u32>,
}

impl Evaluation {
    /// The part of the examples that is right.
    pub fn accuracy(&self) -> f64 {
        1.0 - self.errors as f64 / self.examples as f64
    }

    /// The part of the examples on which two models give the same class.
    ///
    /// # Panics
    /// If the two were not evaluated on the same set.
    pub fn agreement(&self, other: &Self) -> f64 {
        assert_eq!(self.examples, other.examples, "agreement is between predictions for one set");
        let equal = self.predictions.iter().zip(&other.predictions).filter(|(a, b)| a == b).count();
        equal as f64 / self.examples as f64
    }
}

/// Evaluates a model on a labelled set.
///
/// # Errors
/// If the set is empty, has an example without label, or does not fit the model.
pub fn evaluate(model: &dyn Model, data: &dyn Dataset) -> Result<Evaluation, TrainError> {
    if data.is_empty() {
        return Err(TrainError::Empty { split: "evaluation" });
    }
    check_fit("model", model.spec(), data.spec())?;
    let mut logits = Array2::zeros((EVAL_BATCH, model.spec().classes.len()));
    let mut predictions = Vec::with_capacity(data.len());
    let (mut errors, mut nll, mut bins) = (0, 0.0, Bins::default());
    for_each_batch(data, |start, inputs, scratch| {
        let mut logits = logits.slice_mut(s![..inputs.nrows(), ..]);
        model.logits_into(inputs, scratch, logits.view_mut())?;
        for (index, z) in (start..).zip(logits.axis_iter(Axis(0))) {
            let label = data.label(index).ok_or(TrainError::Unlabelled { split: "evaluation", index })?;
            let predicted = argmax(z);
            let q = LogPartition::new(z.iter().copied(), 1.0);
            let right = predicted == label;
            errors += usize::from(!right);
            nll -= q.log_prob(z[label as usize]);
            bins.add(q.prob(z[predicted as usize]), right);
            predictions.push(predicted);
        }
        Ok(())
    })?;
    let examples = data.len();
    Ok(Evaluation { examples, errors, nll: nll / examples as f64, ece: bins.error(examples), predictions })
}

/// The index of the largest logit, the first one where several are equal.
fn argmax(z: ArrayView1<'_, f32>) -> u32 {
    let (best, _) =
        z.iter().enumerate().fold((0, f32::NEG_INFINITY), |best, (i, &z)| if z > best.1 { (i, z) } else { best });
    u32::try_from(best).expect("fewer than 2^32 classes")
}

#[derive(Default)]
struct Bins {
    confidence: [f64; ECE_BINS],
    right: [f64; ECE_BINS],
}

impl Bins {
    fn add(&mut self, confidence: f64, right: bool) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "confidence is in [0, 1]")]
        let bin = ((confidence * ECE_BINS as f64).ceil() as usize).clamp(1, ECE_BINS) - 1;
        self.confidence[bin] += confidence;
        self.right[bin] += f64::from(u8::from(right));
    }

    /// `Σ_bins n_bin/n |accuracy - confidence|`: the counts cancel.
    fn error(&self, examples: usize) -> f64 {
        let distance = |(confidence, right): (&f64, &f64)| (confidence - right).abs();
        self.confidence.iter().zip(&self.right).map(distance).sum::<f64>() / examples as f64
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn ties_go_to_the_first_class() {
        assert_eq!(argmax(array![1.0, 3.0, 3.0].view()), 1);
        assert_eq!(argmax(array![f32::NEG_INFINITY, f32::NEG_INFINITY].view()), 0);
    }

    #[test]
    fn calibration_error_by_hand() {
        let mut bins = Bins::default();
        // Two bins: 0.95 and 0.95, one right; 0.5, right.
        for (confidence, right) in [(0.95, true), (0.95, false), (0.5, true)] {
            bins.add(confidence, right);
        }
        let expected = 2.0 / 3.0 * (0.95_f64 - 0.5) + 1.0 / 3.0 * 0.5;
        assert!((bins.error(3) - expected).abs() < 1e-12);
    }
}
