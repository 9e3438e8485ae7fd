mod breakdown;
mod measured;
mod numbers;

use distill_datasets::Dataset;
use distill_models::Model;
use distill_tensor::LogPartition;
use ndarray::{Array2, ArrayView1, Axis, s};

pub use self::breakdown::{CalibrationBin, ClassResult};
use self::breakdown::{calibration, calibration_error};
pub use self::measured::{Measured, measure};
pub use self::numbers::{NumberEvaluation, NumberResult, evaluate_numbers};
use crate::TrainError;
use crate::compatible::check_compatible;
use crate::soft_targets::{EVAL_BATCH, for_each_batch};

/// Classes that the label may be among for a top-k answer, where there are as many.
const TOP_K: usize = 5;

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
    /// Number of classes.
    pub n_classes: usize,
    /// The `k` of top-k accuracy: 5, or the number of classes if that is less.
    pub top_k: usize,
    /// Examples whose label is not among the `top_k` most probable classes.
    pub top_k_errors: usize,
    /// The label of each example.
    pub labels: Vec<u32>,
    /// The most probable class of each example; the first one where several are.
    pub predictions: Vec<u32>,
    /// The probability of the predicted class of each example.
    pub confidences: Vec<f64>,
}

impl Evaluation {
    /// The part of the examples that is right.
    pub fn accuracy(&self) -> f64 {
        1.0 - self.errors as f64 / self.examples as f64
    }

    /// The part of the examples that always naming their most frequent class gets right.
    pub fn chance(&self) -> f64 {
        let mut counts = vec![0_usize; self.n_classes];
        self.labels.iter().for_each(|&label| counts[label as usize] += 1);
        counts.into_iter().max().unwrap_or_default() as f64 / self.examples as f64
    }

    /// The part of the examples whose label is among the [`top_k`](Self::top_k) most probable classes.
    pub fn top_k_accuracy(&self) -> f64 {
        1.0 - self.top_k_errors as f64 / self.examples as f64
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
/// If the set is empty, has an example without label, or does not fit the model; [`TrainError::Answer`] if an answer is not
/// finite.
pub fn evaluate(model: &dyn Model, data: &dyn Dataset) -> Result<Evaluation, TrainError> {
    if data.is_empty() {
        return Err(TrainError::Empty { split: "evaluation" });
    }
    check_compatible("model", model.spec(), data.spec())?;
    if data.spec().numbers.is_some() {
        let problem = "the data has numbers to predict and no classes".to_owned();
        return Err(TrainError::Task { problem });
    }
    let (examples, n_classes) = (data.len(), model.spec().classes.len());
    let mut logits = Array2::zeros((EVAL_BATCH, n_classes));
    let list = || Vec::with_capacity(examples);
    let (mut labels, mut predictions, mut confidences) = (list(), list(), Vec::with_capacity(examples));
    let top_k = TOP_K.min(n_classes);
    let (mut errors, mut top_k_errors, mut nll) = (0, 0, 0.0);
    for_each_batch(data, |start, inputs, scratch| {
        let mut logits = logits.slice_mut(s![..inputs.nrows(), ..]);
        model.logits_into(inputs, scratch, logits.view_mut())?;
        for (index, z) in (start..).zip(logits.axis_iter(Axis(0))) {
            let label = data.label(index).ok_or(TrainError::Unlabelled { split: "evaluation", index })?;
            not_finite(model, z, index)?;
            let predicted = argmax(z);
            let q = LogPartition::new(z.iter().copied(), 1.0);
            nll -= q.log_prob(z[label as usize]);
            if predicted != label {
                errors += 1;
                top_k_errors += usize::from(!is_among_top(top_k, z, label));
            }
            labels.push(label);
            predictions.push(predicted);
            confidences.push(q.prob(z[predicted as usize]));
        }
        Ok(())
    })?;
    let ece = calibration_error(&calibration(&labels, &predictions, &confidences));
    nll /= examples as f64;
    Ok(Evaluation { examples, errors, nll, ece, n_classes, top_k, top_k_errors, labels, predictions, confidences })
}

/// Refuses an answer with NaN or an infinity.
fn not_finite(model: &dyn Model, answer: ArrayView1<'_, f32>, example: usize) -> Result<(), TrainError> {
    match answer.iter().find(|value| !value.is_finite()) {
        Some(&value) => {
            let model = model.spec().architecture.clone();
            Err(TrainError::Answer { model, split: "evaluation", example, value })
        }
        None => Ok(()),
    }
}

/// The index of the largest logit, the first one where several are equal.
fn argmax(z: ArrayView1<'_, f32>) -> u32 {
    let (best, _) =
        z.iter().enumerate().fold((0, f32::NEG_INFINITY), |best, (i, &z)| if z > best.1 { (i, z) } else { best });
    u32::try_from(best).expect("fewer than 2^32 classes")
}

/// Whether fewer than `k` classes are more probable than this one, or equally probable and before it.
fn is_among_top(k: usize, z: ArrayView1<'_, f32>, class: u32) -> bool {
    let class = class as usize;
    let own = z[class];
    let is_ahead = |&(i, &other): &(usize, &f32)| other > own || (other == own && i < class);
    // A NaN is among none.
    !own.is_nan() && z.iter().enumerate().filter(is_ahead).count() < k
}

#[cfg(test)]
mod tests {
    use distill_datasets::Images;
    use distill_models::{MlpConfig, Network};
    use ndarray::array;

    use super::*;
    use crate::SoftTargets;

    #[test]
    fn every_number_is_that_of_the_logits() {
        // More than one batch, and random weights: all kinds of errors occur.
        let (n, n_classes) = (600_u32, 7);
        let pixels = (0..n).flat_map(|i| [i, 7 * i, 31 * i, i / 3]).map(|pixel| (pixel % 256) as u8).collect();
        let labels: Vec<u32> = (0..n).map(|i| i * i % 7).collect();
        let classes: Vec<String> = (0..n_classes).map(|class| format!("c{class}")).collect();
        let data = Images::new(vec![1, 2, 2], pixels, labels.clone(), classes.clone()).unwrap();
        let model = Network::new(MlpConfig::default(), vec![1, 2, 2], classes, 3).unwrap();
        let found = evaluate(&model, &data).unwrap();

        let logits = SoftTargets::compute(&model, &data).unwrap();
        let (mut errors, mut top_k_errors, mut nll) = (0, 0, 0.0);
        for (i, (z, &label)) in logits.logits().axis_iter(Axis(0)).zip(&labels).enumerate() {
            let probs: Vec<f64> = z.iter().map(|&z| f64::from(z).exp()).collect();
            let sum: f64 = probs.iter().sum();
            let mut order: Vec<usize> = (0..n_classes).collect();
            order.sort_by(|&a, &b| z[b].total_cmp(&z[a]));
            let place = order.iter().position(|&class| class == label as usize).unwrap();
            errors += usize::from(place >= 1);
            top_k_errors += usize::from(place >= 5);
            nll -= (probs[label as usize] / sum).ln() / f64::from(n);
            assert_eq!((found.labels[i], found.predictions[i] as usize), (label, order[0]));
            assert!((found.confidences[i] - probs[order[0]] / sum).abs() < 1e-12);
        }
        assert!(0 < top_k_errors && top_k_errors < errors, "{top_k_errors} {errors}");
        assert_eq!((found.errors, found.top_k, found.top_k_errors), (errors, 5, top_k_errors));
        assert!((found.top_k_accuracy() - (1.0 - top_k_errors as f64 / 600.0)).abs() < 1e-12);
        assert!((found.nll - nll).abs() < 1e-12);
        assert_eq!(found.confusion().sum(), 600);
        assert_eq!(found.right().iter().filter(|&&right| !right).count(), errors);
        assert_eq!(found.calibration().iter().map(|bin| bin.examples).sum::<usize>(), 600);
    }

    #[test]
    fn answers_that_are_not_finite_are_refused_where_they_arise() {
        let inputs: Vec<f32> = (0..600).map(|i| if i == 550 { f32::MAX } else { 0.5 }).collect();
        let classes = vec!["a".to_owned(), "b".to_owned()];
        let data = distill_datasets::Table::new(vec![1], inputs, vec![0; 600], classes.clone()).unwrap();
        let config = MlpConfig { hidden: vec![64, 64, 64], ..MlpConfig::default() };
        let mut model = Network::new(config, vec![1], classes, 1).unwrap();
        distill_models::Trainable::params_mut(&mut model).as_mut_slice().iter_mut().for_each(|weight| *weight *= 9.0);
        let error = evaluate(&model, &data).unwrap_err().of_set("test");
        assert!(matches!(error, TrainError::Answer { split: "test", example: 550, .. }), "{error}");
        assert!(
            error.to_string().starts_with("the answer of 1-64-64-64-2 to example 550 of the test set is "),
            "{error}"
        );
    }

    #[test]
    fn ties_go_to_the_first_class() {
        assert_eq!(argmax(array![1.0, 3.0, 3.0].view()), 1);
        assert_eq!(argmax(array![f32::NEG_INFINITY, f32::NEG_INFINITY].view()), 0);
    }

    #[test]
    fn top_classes_are_those_that_sorting_gives() {
        let z = array![0.5, 2.0, -1.0, 2.0, 0.5, f32::NAN];
        // Sorted, the first of equal ones before: 1, 3, 0, 4, 2.
        for (place, class) in [1, 3, 0, 4, 2].into_iter().enumerate() {
            assert!(!is_among_top(place, z.view(), class), "{class}");
            assert!(is_among_top(place + 1, z.view(), class), "{class}");
        }
        assert!(!is_among_top(6, z.view(), 5));
    }
}
