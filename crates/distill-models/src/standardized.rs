mod outputs;

use distill_tensor::{PARALLEL_MIN, Params};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis, Zip};
use rayon::prelude::*;

use crate::buffer::matrix;
use crate::{MapShape, Model, ModelError, ModelSpec, Network, Scratch, Standard, StepKey, Tape, Trainable};

/// Mean and spread of each feature of a training set: `z = (x - mean) / sd`.
#[derive(Debug, Clone, PartialEq)]
pub struct Standardization {
    mean: Vec<f32>,
    /// One over the standard deviation, and 1 where a feature is always the same.
    scale: Vec<f32>,
}

impl Standardization {
    /// Takes mean and standard deviation of each feature. A feature that is always the same is only shifted.
    ///
    /// # Errors
    /// [`ModelError::Config`] if there is not one of each for a feature, or one is not finite, or a deviation is below 0.
    pub fn new(mean: &[f64], sd: &[f64]) -> Result<Self, ModelError> {
        let config = |problem: String| Err(ModelError::Config { field: "standardize", problem });
        if mean.len() != sd.len() {
            return config(format!("has {} means and {} deviations", mean.len(), sd.len()));
        }
        let bad = |(&mean, &sd): (&f64, &f64)| !(mean.is_finite() && sd.is_finite() && sd >= 0.0);
        if let Some(at) = mean.iter().zip(sd).position(bad) {
            return config(format!("has mean {} and deviation {} for feature {at}", mean[at], sd[at]));
        }
        #[expect(clippy::cast_possible_truncation, reason = "inputs are f32")]
        let scale = |&sd: &f64| Some((1.0 / sd) as f32).filter(|scale| scale.is_finite()).unwrap_or(1.0);
        #[expect(clippy::cast_possible_truncation, reason = "inputs are f32")]
        let mean = mean.iter().map(|&mean| mean as f32).collect();
        Ok(Self { mean, scale: sd.iter().map(scale).collect() })
    }

    fn write(&self, inputs: ArrayView2<'_, f32>, mut out: ArrayViewMut2<'_, f32>) {
        let (mean, scale) = (ArrayView1::from(&self.mean), ArrayView1::from(&self.scale));
        let row = |(out, x): (ArrayViewMut1<'_, f32>, ArrayView1<'_, f32>)| {
            Zip::from(out).and(x).and(mean).and(scale).for_each(|out, &x, &mean, &scale| *out = (x - mean) * scale);
        };
        if out.len() < PARALLEL_MIN {
            out.outer_iter_mut().zip(inputs.outer_iter()).for_each(row);
        } else {
            let min_rows = (PARALLEL_MIN / 4).div_ceil(inputs.ncols().max(1));
            let rows = out.axis_iter_mut(Axis(0)).into_par_iter().zip(inputs.axis_iter(Axis(0)));
            rows.with_min_len(min_rows).for_each(row);
        }
    }
}

/// A network that standardises its inputs, while it is trained, and takes the standardisation of its outputs back.
///
/// In training this is a step before the first layer; [`fold`](Self::fold) moves it into the weights of that layer, or makes it the
/// first node of a network with convolutions. So what is kept takes inputs as they are, wherever it is run.
///
/// # Examples
/// ```
/// use distill_models::{Network, MlpConfig, Model, Standardization, Standardized};
/// use ndarray::array;
/// let config = MlpConfig { hidden: vec![5], ..MlpConfig::default() };
/// let mlp = Network::new(config, vec![2], vec!["yes".into(), "no".into()], 1)?;
/// let standardization = Standardization::new(&[10.0, -3.0], &[2.0, 0.5])?;
/// let model = Standardized::new(mlp.clone(), Some(standardization))?;
/// let (raw, standard) = (array![[12.0, -3.0]], array![[1.0, 0.0]]);
/// assert_eq!(model.logits(raw.view())?, mlp.logits(standard.view())?);
/// let folded = model.fold();
/// assert!((folded.logits(raw.view())? - mlp.logits(standard.view())?).iter().all(|difference| difference.abs() < 1e-5));
/// # Ok::<(), distill_models::ModelError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Standardized {
    model: Network,
    standardization: Option<Standardization>,
    /// Of the numbers that it gives.
    outputs: Option<Standardization>,
}

impl Standardized {
    /// A model that takes inputs as they are, and standardises them if it is said how.
    ///
    /// # Errors
    /// [`ModelError::Features`] if the numbers of features differ, [`ModelError::Config`] if the model has an embedding,
    /// whose inputs are not numbers.
    pub fn new(model: Network, standardization: Option<Standardization>) -> Result<Self, ModelError> {
        if let Some(Standardization { mean, .. }) = &standardization {
            if model.config().takes_numbers_of_rows() {
                let problem =
                    "has no meaning for a model with an embedding, whose inputs are bucket indices".to_owned();
                return Err(ModelError::Config { field: "standardize", problem });
            }
            let (expected, actual) = (model.spec().features(), mean.len());
            if expected != actual {
                return Err(ModelError::Features { expected, actual });
            }
            if model.standardize().is_some() {
                let problem = "is part of this model already".to_owned();
                return Err(ModelError::Config { field: "standardize", problem });
            }
        }
        Ok(Self { model, standardization, outputs: None })
    }

    /// The model that [`fold`](Self::fold) makes this perceptron of, up to rounding: it standardises, and is the same function of raw
    /// inputs, with `W = W' / scale` and `b = b' + W' mean`.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn unfold(model: Network, standardization: Option<Standardization>) -> Result<Self, ModelError> {
        // A network that has its standardisation beside its weights, or none, stays the function that it is.
        let standardization = standardization.filter(|_| model.first_matrix().is_some());
        let mut unfolded = Self::new(model, standardization)?;
        let Self { model, standardization: Some(Standardization { mean, scale }), .. } = &mut unfolded else {
            return Ok(unfolded);
        };
        let Some((weight, bias)) = model.first_matrix() else { return Ok(unfolded) };
        let params = model.params_mut();
        let mut shifts = vec![];
        for mut row in params.matrix_mut(weight).outer_iter_mut() {
            let mut shift = 0.0;
            for ((w, &mean), &scale) in row.iter_mut().zip(&*mean).zip(&*scale) {
                shift += f64::from(*w) * f64::from(mean);
                *w /= scale;
            }
            shifts.push(shift);
        }
        for (b, shift) in params.vector_mut(bias).iter_mut().zip(shifts) {
            #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
            let unfolded = (f64::from(*b) + shift) as f32;
            *b = unfolded;
        }
        Ok(unfolded)
    }

    /// The same function of raw inputs as a plain network; of a perceptron, `W z + b` with `W' = W / sd` and `b' = b - W' mean`.
    pub fn fold(mut self) -> Network {
        self.fold_outputs();
        let Self { mut model, standardization, .. } = self;
        let Some(Standardization { mean, scale }) = standardization else { return model };
        let Some((weight, bias)) = model.first_matrix() else { return in_front(model, &mean, &scale) };
        let params = model.params_mut();
        let mut shifts = vec![];
        for mut row in params.matrix_mut(weight).outer_iter_mut() {
            let mut shift = 0.0;
            for ((w, &mean), &scale) in row.iter_mut().zip(&mean).zip(&scale) {
                *w *= scale;
                shift += f64::from(*w) * f64::from(mean);
            }
            shifts.push(shift);
        }
        for (b, shift) in params.vector_mut(bias).iter_mut().zip(shifts) {
            #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
            let folded = (f64::from(*b) - shift) as f32;
            *b = folded;
        }
        model
    }

    /// How inputs of that width are standardised. The model itself says what is wrong with another width.
    fn standardization(&self, inputs: ArrayView2<'_, f32>) -> Option<&Standardization> {
        self.standardization.as_ref().filter(|standardization| standardization.mean.len() == inputs.ncols())
    }

    /// Gives the model inputs as it takes them, in a buffer of the tape.
    fn with_standard(
        &self,
        inputs: ArrayView2<'_, f32>,
        tape: &mut Tape,
        run: impl Fn(&Network, ArrayView2<'_, f32>, &mut Tape) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        let Some(standardization) = self.standardization(inputs) else { return run(&self.model, inputs, tape) };
        let mut buffer = std::mem::take(&mut tape.standard);
        let mut standard = matrix(&mut buffer, inputs.nrows(), inputs.ncols());
        standardization.write(inputs, standard.view_mut());
        let done = run(&self.model, standard.view(), tape);
        tape.standard = buffer;
        done
    }
}

impl Model for Standardized {
    fn spec(&self) -> &ModelSpec {
        self.model.spec()
    }

    fn logits_into(
        &self,
        inputs: ArrayView2<'_, f32>,
        scratch: &mut Scratch,
        mut out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), ModelError> {
        let Some(standardization) = self.standardization(inputs) else {
            self.model.logits_into(inputs, scratch, out.view_mut())?;
            self.write_outputs(out);
            return Ok(());
        };
        let mut buffer = scratch.take();
        let mut standard = matrix(&mut buffer, inputs.nrows(), inputs.ncols());
        standardization.write(inputs, standard.view_mut());
        let answered = self.model.logits_into(standard.view(), scratch, out.view_mut());
        scratch.give_back(buffer);
        answered?;
        self.write_outputs(out);
        Ok(())
    }

    fn inner_values(&self) -> Vec<(String, usize)> {
        self.model.inner_values()
    }

    fn inner_map(&self, name: &str) -> Option<MapShape> {
        self.model.inner_map(name)
    }

    fn record(&self, inputs: ArrayView2<'_, f32>, tape: &mut Tape) -> Result<(), ModelError> {
        self.with_standard(inputs, tape, |model, inputs, tape| model.record(inputs, tape))?;
        self.write_outputs_of(tape);
        Ok(())
    }
}

impl Trainable for Standardized {
    fn params(&self) -> &Params {
        self.model.params()
    }

    fn params_mut(&mut self) -> &mut Params {
        self.model.params_mut()
    }

    fn tape(&self) -> Tape {
        self.model.tape()
    }

    fn forward(&self, inputs: ArrayView2<'_, f32>, key: StepKey, tape: &mut Tape) -> Result<(), ModelError> {
        self.with_standard(inputs, tape, |model, inputs, tape| model.forward(inputs, key, tape))?;
        self.write_outputs_of(tape);
        Ok(())
    }

    fn backward(&self, grad_logits: ArrayView2<'_, f32>, tape: &mut Tape, grads: &mut Params) {
        match &self.outputs {
            None => self.model.backward(grad_logits, tape, grads),
            Some(outputs) => self.backward_through(outputs, grad_logits, tape, grads),
        }
    }

    fn takes_inner_gradients(&self) -> bool {
        self.model.takes_inner_gradients()
    }

    fn absorb(&mut self, grads: &Params) {
        self.model.absorb(grads);
    }

    fn constrain(&mut self) {
        self.model.constrain();
    }
}

/// The same network with the standardisation as its first node: what stands around a map is 0 after it, so no weight can take it in.
fn in_front(model: Network, mean: &[f32], scale: &[f32]) -> Network {
    let n_channels = model.spec().input_shape[0];
    let of_each = mean.len() / n_channels.max(1);
    let is_same =
        |numbers: &[f32]| numbers.chunks_exact(of_each).all(|channel| channel.iter().all(|n| n == &channel[0]));
    let firsts = |numbers: &[f32]| numbers.iter().step_by(of_each).copied().collect::<Vec<_>>();
    let standardized = if is_same(mean) && is_same(scale) {
        model.standardized(Standard::Channel, &firsts(mean), &firsts(scale))
    } else {
        model.standardized(Standard::Number, mean, scale)
    };
    standardized.expect("a network that was checked when it was wrapped")
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;
    use crate::{EmbeddingConfig, MlpConfig};

    fn mlp(hidden: &[usize]) -> Network {
        let config = MlpConfig { hidden: hidden.to_vec(), ..MlpConfig::default() };
        Network::new(config, vec![3], vec!["a".into(), "b".into()], 7).unwrap()
    }

    #[test]
    fn a_folded_model_is_the_same_function_of_raw_inputs() {
        let (mean, sd) = ([100.0, -0.5, 3.0], [25.0, 0.001, 0.0]);
        let inputs = Array2::from_shape_fn((40, 3), |(i, j)| {
            let z = ((i * 7 + j * 5) % 11) as f64 / 4.0 - 1.3;
            (mean[j] + z * sd[j]) as f32
        });
        for hidden in [&[][..], &[4], &[4, 5]] {
            let model = Standardized::new(mlp(hidden), Some(Standardization::new(&mean, &sd).unwrap())).unwrap();
            let expected = model.logits(inputs.view()).unwrap();
            let mut tape = model.tape();
            model.forward(inputs.view(), StepKey::new(1, 0), &mut tape).unwrap();
            assert!((&expected - &tape.logits()).iter().all(|difference| difference.abs() < 1e-5));
            let folded = model.fold();
            let found = folded.logits(inputs.view()).unwrap();
            assert!((&found - &expected).iter().all(|difference| difference.abs() < 2e-3), "{found} {expected}");
        }
        let plain = Standardized::new(mlp(&[4]), None).unwrap();
        assert_eq!(plain.logits(inputs.view()).unwrap(), mlp(&[4]).logits(inputs.view()).unwrap());
        assert_eq!(plain.fold().params(), mlp(&[4]).params());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(Standardization::new(&[0.0], &[1.0, 1.0]).is_err());
        for (mean, sd) in [(f64::NAN, 1.0), (0.0, -1.0), (f64::INFINITY, 1.0), (0.0, f64::NAN)] {
            assert!(Standardization::new(&[mean], &[sd]).is_err(), "{mean} {sd}");
        }
        let standardization = || Some(Standardization::new(&[0.0; 2], &[1.0; 2]).unwrap());
        assert!(matches!(Standardized::new(mlp(&[2]), standardization()), Err(ModelError::Features { actual: 2, .. })));
        let config =
            MlpConfig { hidden: vec![2], embedding: Some(EmbeddingConfig { buckets: 5 }), ..MlpConfig::default() };
        let text = Network::new(config, vec![2], vec!["a".into(), "b".into()], 1).unwrap();
        assert!(Standardized::new(text, standardization()).is_err());
        // Inputs of another width are refused as the model refuses them.
        let model = Standardized::new(mlp(&[2]), Some(Standardization::new(&[0.0; 3], &[1.0; 3]).unwrap())).unwrap();
        assert!(model.logits(array![[0.0, 1.0]].view()).is_err());
    }
}
