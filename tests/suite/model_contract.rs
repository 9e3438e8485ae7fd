//! What every `Model` and every `Trainable` keeps, and copies with planted bugs that must be caught.

use distill_losses::{CrossEntropy, Loss, Targets};
use distill_models::{
    Activation, EmbeddingConfig, MlpConfig, Model, ModelError, ModelSpec, Network, Provenance, Scratch, StepKey, Tape,
    Trainable, from_safetensors, to_safetensors,
};
use distill_tensor::Params;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, s};

const KEY: StepKey = StepKey { seed: 5, step: 3, first_row: 0 };
const LABELS: [u32; 7] = [0, 1, 2, 0, 1, 2, 0];

fn mlp(config: MlpConfig) -> Network {
    Network::new(config, vec![2, 3], vec!["a".into(), "b".into(), "c".into()], 11).unwrap()
}

fn configs() -> Vec<MlpConfig> {
    let plain =
        |hidden: &[usize], activation| MlpConfig { hidden: hidden.to_vec(), activation, ..MlpConfig::default() };
    let mut configs = vec![plain(&[], Activation::Relu)];
    for activation in [Activation::Relu, Activation::Tanh, Activation::Gelu] {
        configs.push(plain(&[9], activation));
        configs.push(plain(&[8, 5], activation));
        configs.push(MlpConfig { dropout: 0.4, input_dropout: 0.2, ..plain(&[12, 7], activation) });
    }
    configs.push(MlpConfig { max_norm: Some(1.0), ..plain(&[6, 6], Activation::Relu) });
    for activation in [Activation::Relu, Activation::Tanh, Activation::Gelu] {
        let embedding = Some(EmbeddingConfig { buckets: 30 });
        configs.push(MlpConfig { embedding, ..plain(&[9], activation) });
        configs.push(MlpConfig { embedding, dropout: 0.4, max_norm: Some(1.0), ..plain(&[12, 7], activation) });
    }
    configs
}

/// Inputs that a model can read, so many rows of them.
type Inputs = fn(usize) -> Array2<f32>;

fn inputs_of(config: &MlpConfig) -> Inputs {
    match (config.embedding, config.activation) {
        (None, _) => inputs,
        // Without a bucket a unit stands at the kink of the rectifier, where it has no derivative.
        (Some(_), Activation::Relu) => |rows| {
            let mut numbers = numbers(rows);
            numbers.column_mut(0).iter_mut().enumerate().for_each(|(i, number)| *number = (i % 30) as f32);
            numbers
        },
        (Some(_), _) => numbers,
    }
}

/// Numbers of buckets, some twice, and padding; all of it in some rows.
fn numbers(rows: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, 6), |(i, j)| {
        let is_padding = i % 5 == 3 || (i + j * j) % 4 == 0;
        if is_padding { -1.0 } else { (i * 7 + j / 2 * 11) as f32 % 30.0 }
    })
}

fn inputs(rows: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, 6), |(i, j)| ((i * 6 + j) as f32 * 0.7).sin())
}

/// Rows do not know of each other, and the same inputs give the same logits.
fn check_model(model: &dyn Model, inputs: Inputs) -> Result<(), String> {
    const ROWS: usize = 40;
    let x = inputs(ROWS);
    let logits = model.logits(x.view()).map_err(|error| error.to_string())?;
    if logits.dim() != (ROWS, model.spec().classes.len()) {
        return Err(format!("logits have shape {:?}", logits.dim()));
    }
    let mut scratch = Scratch::default();
    for rows in [0..ROWS, 2..3, 4..7, 0..1, 3..30] {
        let mut out = Array2::from_elem((rows.len(), logits.ncols()), f32::NAN);
        model.logits_into(x.slice(s![rows.clone(), ..]), &mut scratch, out.view_mut()).map_err(|e| e.to_string())?;
        if out.iter().zip(logits.slice(s![rows.clone(), ..])).any(|(a, b)| a.to_bits() != b.to_bits()) {
            return Err(format!("rows {rows:?} have other bits in a smaller batch"));
        }
    }
    if model.logits(x.view()).map_err(|error| error.to_string())? != logits {
        return Err("evaluation is not deterministic".into());
    }
    match model.logits(Array2::zeros((2, 5)).view()) {
        Err(ModelError::Features { expected: 6, actual: 5 }) => Ok(()),
        other => Err(format!("inputs of the wrong width gave {other:?}")),
    }
}

/// What evaluation has made of the weights must not outlive them.
#[test]
fn evaluation_sees_changed_weights() {
    let config = MlpConfig { hidden: vec![5], max_norm: Some(0.5), ..MlpConfig::default() };
    let mut model = Network::new(config, vec![6], vec!["a".into(), "b".into()], 1).unwrap();
    let before = model.logits(inputs(3).view()).unwrap();
    model.params_mut().as_mut_slice().iter_mut().for_each(|w| *w *= 2.0);
    let doubled = model.logits(inputs(3).view()).unwrap();
    assert!(before != doubled);
    model.constrain();
    assert!(doubled != model.logits(inputs(3).view()).unwrap());
}

fn loss(model: &dyn Trainable, inputs: Inputs, tape: &mut Tape) -> (f64, Array2<f32>) {
    model.forward(inputs(7).view(), KEY, tape).unwrap();
    let mut grad = Array2::zeros(tape.logits().dim());
    let targets = Targets { labels: Some(&LABELS), teacher_logits: None };
    let value = CrossEntropy.value_and_grad(tape.logits(), &targets, grad.view_mut()).unwrap();
    (value.total, grad)
}

/// Gradients equal finite differences, steps repeat, and a used tape is as good as a new one.
fn check_trainable(model: &mut dyn Trainable, inputs: Inputs) -> Result<(), String> {
    let mut tape = model.tape();
    let mut grads = Params::zeros(model.params().layout().clone());
    let (value, grad_logits) = loss(model, inputs, &mut tape);
    model.backward(grad_logits.view(), &mut tape, &mut grads);

    // Directions at random: each tests all parameters of a slice at once.
    let slices: Vec<_> = model.params().layout().iter().map(|(id, name, _)| (id, name.to_owned())).collect();
    for (n, (id, name)) in slices.into_iter().enumerate() {
        let direction: Vec<f32> = (0..grads.vector(id).len()).map(|i| ((i * 7 + n) as f32 * 1.3).cos()).collect();
        let analytic: f64 = grads.vector(id).iter().zip(&direction).map(|(g, d)| f64::from(*g) * f64::from(*d)).sum();
        let before = model.params().vector(id).to_vec();
        let mut moved = |h: f32| {
            let params = model.params_mut().vector_mut(id);
            params.iter_mut().zip(&before).zip(&direction).for_each(|((p, b), d)| *p = b + h * d);
            let value = loss(model, inputs, &mut tape).0;
            model.params_mut().vector_mut(id).copy_from_slice(&before);
            value
        };
        let h = 2e-3;
        let numeric = (moved(h) - moved(-h)) / (2.0 * f64::from(h));
        if (numeric - analytic).abs() > 2e-3 * (1.0 + analytic.abs()) {
            return Err(format!("{name}: the gradient says {analytic}, finite differences {numeric}"));
        }
    }

    // A tape that has seen a larger batch, and gradients that are not empty.
    let mut used = model.tape();
    let mut dirty = Params::zeros(model.params().layout().clone());
    dirty.as_mut_slice().fill(7.0);
    model.forward(inputs(20).view(), StepKey::new(1, 1), &mut used).unwrap();
    let (again, grad_again) = loss(model, inputs, &mut used);
    model.backward(grad_again.view(), &mut used, &mut dirty);
    if again.to_bits() != value.to_bits() || dirty != grads {
        return Err("a used tape gives another gradient than a new one".into());
    }
    Ok(())
}

#[test]
fn every_mlp_keeps_the_contract() {
    for config in configs() {
        let mut model = mlp(config.clone());
        let inputs = inputs_of(&config);
        check_model(&model, inputs).unwrap_or_else(|why| panic!("{config:?}: {why}"));
        check_trainable(&mut model, inputs).unwrap_or_else(|why| panic!("{config:?}: {why}"));

        let bytes = to_safetensors(&model, &Provenance::new()).unwrap();
        let (loaded, _) = from_safetensors(&bytes).unwrap();
        assert_eq!(loaded.logits(inputs(7).view()).unwrap(), model.logits(inputs(7).view()).unwrap());
    }
}

#[test]
fn training_and_evaluation_agree_without_dropout() {
    let model = mlp(MlpConfig { hidden: vec![8, 5], activation: Activation::Gelu, ..MlpConfig::default() });
    let mut tape = model.tape();
    model.forward(inputs(7).view(), KEY, &mut tape).unwrap();
    assert_eq!(tape.logits(), model.logits(inputs(7).view()).unwrap());
    assert_eq!(tape.activation("input").unwrap(), inputs(7));
    assert_eq!(tape.activation("hidden.1").unwrap().dim(), (7, 5));
    assert_eq!(tape.activation("hidden.2"), None);
}

#[test]
fn the_constraint_holds_for_hidden_units_only() {
    let mut model = mlp(MlpConfig { hidden: vec![8], max_norm: Some(0.5), ..MlpConfig::default() });
    model.params_mut().as_mut_slice().fill(1.0);
    model.constrain();
    for (name, shape, values) in model.params().iter().filter(|(name, ..)| name.ends_with("weight")) {
        for row in values.chunks(shape[1]) {
            let norm = row.iter().map(|w| w * w).sum::<f32>().sqrt();
            let expected = if name == "output.weight" { 8.0_f32.sqrt() } else { 0.5 };
            assert!((norm - expected).abs() < 1e-6, "{name} {norm}");
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Bug {
    StaleTape,
    AddsToGradients,
    ForgetsBias,
    DropoutInEvaluation,
    ScaledGradient,
}

/// A model with a bug planted around a sound one.
struct Buggy(Network, Bug);

impl Model for Buggy {
    fn spec(&self) -> &ModelSpec {
        self.0.spec()
    }

    fn logits_into(
        &self,
        x: ArrayView2<'_, f32>,
        scratch: &mut Scratch,
        mut out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), ModelError> {
        self.0.logits_into(x, scratch, out.view_mut())?;
        if let Bug::DropoutInEvaluation = self.1 {
            // The mask depends on the place in the batch.
            out.rows_mut().into_iter().enumerate().for_each(|(i, mut row)| row[i % 3] = 0.0);
        }
        Ok(())
    }
}

impl Trainable for Buggy {
    fn params(&self) -> &Params {
        self.0.params()
    }

    fn params_mut(&mut self) -> &mut Params {
        self.0.params_mut()
    }

    fn tape(&self) -> Tape {
        self.0.tape()
    }

    fn forward(&self, x: ArrayView2<'_, f32>, key: StepKey, tape: &mut Tape) -> Result<(), ModelError> {
        // A stale tape keeps what an earlier, larger batch has left.
        if matches!(self.1, Bug::StaleTape) && tape.rows() > x.nrows() {
            return Ok(());
        }
        self.0.forward(x, key, tape)
    }

    fn backward(&self, grad: ArrayView2<'_, f32>, tape: &mut Tape, grads: &mut Params) {
        let before = grads.clone();
        if tape.rows() != grad.nrows() {
            return;
        }
        self.0.backward(grad, tape, grads);
        let ids: Vec<_> = grads.layout().iter().map(|(id, name, _)| (id, name.to_owned())).collect();
        match self.1 {
            Bug::AddsToGradients => grads.as_mut_slice().iter_mut().zip(before.as_slice()).for_each(|(g, b)| *g += b),
            Bug::ForgetsBias => ids
                .iter()
                .filter(|(_, name)| name.ends_with("bias"))
                .for_each(|(id, _)| grads.vector_mut(*id).fill(0.0)),
            Bug::ScaledGradient => grads.vector_mut(ids[0].0).iter_mut().for_each(|g| *g *= 1.05),
            Bug::StaleTape | Bug::DropoutInEvaluation => {}
        }
    }
}

#[test]
fn every_planted_bug_is_caught() {
    for bug in [Bug::StaleTape, Bug::AddsToGradients, Bug::ForgetsBias, Bug::DropoutInEvaluation, Bug::ScaledGradient] {
        let config = MlpConfig { hidden: vec![9], ..MlpConfig::default() };
        let mut model = Buggy(mlp(config), bug);
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            check_model(&model, inputs).and_then(|()| check_trainable(&mut model, inputs))
        }));
        assert!(!matches!(caught, Ok(Ok(()))), "{bug:?} was not caught");
    }
}
