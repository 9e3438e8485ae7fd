use distill_models::{Model, Scratch, Task};
use distill_tensor::{Philox, Stream, softmax};
use ndarray::Array2;
use ndarray_rand::rand::Rng as _;

use crate::evaluate::Answer;
use crate::{ExportError, OnnxExport};

/// Inputs of a comparison: zeros, ones, and what a generator gives.
const N_INPUTS: usize = 256;
/// Of a large network only as many are answered as take so many products of two numbers, and these at least.
const PRODUCTS: usize = 1 << 32;
const MIN_INPUTS: usize = 4;
/// More than a network has that trains on a processor, for one input.
const MAX_NUMBERS: usize = 1 << 27;
const MAX_PRODUCTS: usize = 1 << 36;
/// Of these so many are computed together.
const BATCH: usize = 64;
/// Logits may differ by this part of the largest number on the way to them, or of 1: a sum of some thousand f32.
const TOLERANCE: f64 = 1e-5;

/// How far the logits of an exported file differ from those of its model.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct ExportCheck {
    /// Inputs that both answered: zeros, ones, and random numbers from -1 to 1, or of tokens, the same each time. Large networks answer fewer.
    pub n_inputs: usize,
    /// Largest difference of a logit, or of a probability where the file has them. Of a model that gives numbers, each of which has
    /// a unit of its own, it is a part of the largest answer for the same number.
    pub largest_difference: f64,
}

/// Compares the answers of a model, in its f32, with those of an exported one, in f64 and without any code of the model.
///
/// # Errors
/// [`ExportError::ClassName`] for another name of a class; [`ExportError::Differs`] if input shape or answers are not the
/// same, or one gives logits and the other numbers, the answers to 1e-5 of the largest number that appears on the way to them, or
/// of 1. Where the last layer gives numbers, it is the largest before it, or 1, times the largest weight for the same number, or its bias:
/// dollars are not held to what is good for percentages. [`ExportError::TooLong`] for a
/// network that would answer for minutes; [`ExportError::NonFinite`] if the model answers with no number.
pub fn compare(model: &dyn Model, exported: &OnnxExport) -> Result<ExportCheck, ExportError> {
    let spec = model.spec();
    let differs = |what: &str, expected: String, actual: String| {
        Err(ExportError::Differs { what: what.to_owned(), expected, actual })
    };
    if spec.task != exported.task() {
        let [expected, actual] = [spec.task, exported.task()].map(|task| format!("{task:?}").to_lowercase());
        return differs("the task", expected, actual);
    }
    let n_exported = exported.classes().len();
    if spec.classes.len() != n_exported {
        return differs("the number of classes", spec.classes.len().to_string(), n_exported.to_string());
    }
    let mut names = spec.classes.iter().zip(exported.classes()).enumerate();
    if let Some((class, (expected, actual))) = names.find(|(_, (expected, actual))| expected != actual) {
        return Err(ExportError::ClassName { class, expected: expected.clone(), actual: actual.clone() });
    }
    if spec.input_shape != exported.input_shape() {
        let (expected, actual) = (format!("{:?}", spec.input_shape), format!("{:?}", exported.input_shape()));
        return differs("the input shape", expected, actual);
    }
    let n_classes = spec.classes.len();
    let [numbers, products] = exported.work();
    if numbers > MAX_NUMBERS || products > MAX_PRODUCTS {
        return Err(ExportError::TooLong { numbers, products });
    }
    let n_inputs = (PRODUCTS / products.max(1)).clamp(MIN_INPUTS, N_INPUTS);
    let mut scratch = Scratch::default();
    let scales = Scales::of(exported);
    let one = match spec.task {
        Task::Classes => "logit",
        Task::Numbers => "number",
    };
    // The largest difference and the largest answer, for each number of an answer.
    let mut found = vec![[0.0_f64; 2]; n_classes];
    for first in (0..n_inputs).step_by(BATCH) {
        let inputs = inputs(first, BATCH.min(n_inputs - first), spec.features(), exported.tokens());
        let (mut logits, mut probs) = [(); 2].map(|()| Array2::zeros((inputs.nrows(), n_classes))).into();
        model.logits_into(inputs.view(), &mut scratch, logits.view_mut())?;
        if let Some(((row, _), &value)) = logits.indexed_iter().find(|(_, logit)| !logit.is_finite()) {
            return Err(ExportError::NonFinite { input: first + row, value });
        }
        softmax(logits.view(), 1.0, probs.view_mut());
        for (row, input) in inputs.outer_iter().enumerate() {
            let answer = exported.answer(&input.to_vec());
            for (actual, (expected, what)) in answer.outputs.iter().zip([(&logits, one), (&probs, "probability")]) {
                for (class, (&expected, &actual)) in expected.row(row).iter().zip(actual).enumerate() {
                    let difference = (f64::from(expected) - actual).abs();
                    // NaN is too much, too.
                    if difference.is_nan() || difference > TOLERANCE * scales.of_number(&answer, class) {
                        let of = if spec.task == Task::Classes { "of class " } else { "" };
                        let what = format!("the {what} {of}{class} for input {}", first + row);
                        return differs(&what, expected.to_string(), actual.to_string());
                    }
                    let [most, largest] = &mut found[class];
                    (*most, *largest) = (most.max(difference), largest.max(f64::from(expected).abs()));
                }
            }
        }
    }
    let part = |[most, largest]: &[f64; 2]| match spec.task {
        Task::Numbers if *largest > 0.0 => most / largest,
        _ => *most,
    };
    let largest_difference = found.iter().map(part).fold(0.0, f64::max);
    Ok(ExportCheck { n_inputs, largest_difference })
}

/// What differences are compared with.
struct Scales {
    /// Of each number the largest weight and the bias of the layer that gives it. None for logits, which are all alike.
    last: Option<Vec<[f64; 2]>>,
}

impl Scales {
    fn of(exported: &OnnxExport) -> Self {
        Self { last: exported.last_layer().filter(|_| exported.task() == Task::Numbers) }
    }

    fn of_number(&self, answer: &Answer, number: usize) -> f64 {
        match &self.last {
            Some(last) => {
                let [weight, bias] = last[number];
                (weight * answer.largest_before.max(1.0)).max(bias)
            }
            None => answer.largest.max(1.0),
        }
    }
}

/// Some rows of the inputs, the first of all being zeros and the next one ones. Of a model that reads tokens they are numbers of
/// these.
fn inputs(first: usize, n: usize, features: usize, tokens: Option<usize>) -> Array2<f32> {
    let mut inputs = Array2::zeros((n, features));
    for (i, mut row) in (first..).zip(inputs.outer_iter_mut()) {
        match i {
            0 => {}
            1 => row.fill(1.0),
            _ => {
                let mut random = Philox::new(0, Stream::Probe, 0, i as u32);
                row.map_inplace(|x| {
                    *x = match tokens {
                        #[expect(clippy::cast_precision_loss, reason = "f32 holds all that a table may have")]
                        Some(tokens) => random.random_range(0..tokens) as f32,
                        None => random.random_range(-1.0..1.0),
                    }
                });
            }
        }
    }
    inputs
}

#[cfg(test)]
mod tests {
    use distill_models::{Activation, MlpConfig, Network, Provenance, Trainable as _};

    use super::*;
    use crate::OnnxExportOptions;

    fn model(activation: Activation, hidden: &[usize]) -> Network {
        let config = MlpConfig { hidden: hidden.to_vec(), activation, dropout: 0.5, ..MlpConfig::default() };
        Network::new(config, vec![2, 5], vec!["a".into(), "b".into(), "c".into()], 1).unwrap()
    }

    #[test]
    fn every_kind_of_model_answers_the_same_from_its_file() {
        for activation in [Activation::Relu, Activation::Tanh, Activation::Gelu] {
            for (hidden, flat, probabilities) in
                [(&[][..], true, false), (&[], false, true), (&[7], false, false), (&[6, 4, 5], true, true)]
            {
                let model = model(activation, hidden);
                let options = OnnxExportOptions { flat, probabilities, ..OnnxExportOptions::default() };
                let exported =
                    OnnxExport::new(&model, &Provenance::from([("seed".into(), "1".into())]), options).unwrap();
                let bytes = exported.to_bytes().unwrap();
                let read = OnnxExport::from_bytes(&bytes).unwrap();
                assert_eq!(read, exported);
                assert_eq!(read.to_bytes().unwrap(), bytes);
                let found = compare(&model, &read).unwrap();
                let difference = found.largest_difference;
                assert!(found.n_inputs == 256 && 0.0 < difference && difference < 2e-6, "{activation:?} {difference}");
            }
        }
    }

    #[test]
    fn a_file_that_answers_otherwise_is_found() {
        let good = model(Activation::Gelu, &[7]);
        let export =
            |model: &Network| OnnxExport::new(model, &Provenance::new(), OnnxExportOptions::default()).unwrap();
        for at in 0..good.params().as_slice().len() {
            let mut bad = good.clone();
            bad.params_mut().as_mut_slice()[at] += 0.01;
            let error = compare(&good, &export(&bad)).unwrap_err();
            assert!(matches!(error, ExportError::Differs { .. }), "{at}: {error}");
        }
        let error = compare(&good, &export(&model(Activation::Relu, &[7]))).unwrap_err().to_string();
        assert!(error.starts_with("the logit of class 0 for input 1 of the exported file is "), "{error}");
        let named = |classes: [&str; 3], shape: &[usize]| {
            let classes = classes.map(str::to_owned).to_vec();
            Network::new(good.config().clone(), shape.to_vec(), classes, 1).unwrap()
        };
        let error = compare(&good, &export(&named(["a", "c", "b"], &[2, 5]))).unwrap_err().to_string();
        assert!(error.starts_with("class 1 is \"c\" in the exported file and \"b\""), "{error}");
        let error = compare(&good, &export(&named(["a", "b", "c"], &[10]))).unwrap_err().to_string();
        assert_eq!(error, "the input shape of the exported file is [10], that of the model is [2, 5]");
    }

    /// Prices and shares, of which the second are smaller by nine digits.
    fn of_numbers(hidden: &[usize]) -> Network {
        let config = MlpConfig { hidden: hidden.to_vec(), ..MlpConfig::default() };
        let mut model = Network::new(config, vec![2, 5], vec!["price".into(), "share".into()], 1).unwrap();
        let params = model.params_mut();
        let n = params.as_slice().len();
        let (weights, biases) = params.as_mut_slice().split_at_mut(n - 2);
        let inputs = hidden.last().copied().unwrap_or(10);
        let last = weights.len() - 2 * inputs;
        weights[last..][..inputs].iter_mut().for_each(|w| *w *= 1e5);
        weights[last + inputs..].iter_mut().for_each(|w| *w *= 1e-4);
        biases.copy_from_slice(&[2e5, 1e-4]);
        model.with_task(Task::Numbers)
    }

    #[test]
    fn numbers_are_held_to_their_own_units() {
        for hidden in [&[][..], &[7]] {
            let good = of_numbers(hidden);
            let export = |model: &Network| {
                let exported = OnnxExport::new(model, &Provenance::new(), OnnxExportOptions::default()).unwrap();
                OnnxExport::from_bytes(&exported.to_bytes().unwrap()).unwrap()
            };
            let exported = export(&good);
            assert_eq!((exported.task(), exported.ports()[1][0]), (Task::Numbers, ("predictions", &[2][..])));
            let found = compare(&good, &exported).unwrap().largest_difference;
            assert!(0.0 < found && found < 1e-5, "{found}");
            // A thousandth of each number is found, however small the number is beside the other.
            let n = good.params().as_slice().len();
            for at in [n - 2, n - 1] {
                let mut bad = good.clone();
                bad.params_mut().as_mut_slice()[at] *= 1.001;
                let error = compare(&good, &export(&bad)).unwrap_err().to_string();
                let number = at + 2 - n;
                assert!(
                    error.starts_with(&format!("the number {number} for input 0 of the exported file is ")),
                    "{error}"
                );
            }
            let classes = good.clone().with_task(Task::Classes);
            let error = compare(&classes, &exported).unwrap_err().to_string();
            assert_eq!(error, "the task of the exported file is numbers, that of the model is classes");
        }
    }

    #[test]
    fn numbers_have_no_probabilities() {
        let options = OnnxExportOptions { probabilities: true, ..OnnxExportOptions::default() };
        let error = OnnxExport::new(&of_numbers(&[7]), &Provenance::new(), options).unwrap_err();
        assert_eq!(
            error.to_string(),
            "10-7-2 gives numbers, of which there are no probabilities: export it without `probabilities`"
        );
    }

    #[test]
    fn a_model_that_answers_with_no_number_is_refused() {
        let mut model = model(Activation::Relu, &[7]);
        model.params_mut().as_mut_slice().fill(f32::MAX);
        let exported = OnnxExport::new(&model, &Provenance::new(), OnnxExportOptions::default()).unwrap();
        let error = compare(&model, &exported).unwrap_err().to_string();
        assert_eq!(error, "the model answers input 0 with inf");
    }
}
