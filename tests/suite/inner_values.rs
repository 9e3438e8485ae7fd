//! Inner values: read from a teacher, compared with a student's, and trained on.

use std::sync::Arc;

use distill_losses::{CrossEntropy, Loss, LossError, LossValue, Targets, Term};
use distill_models::{
    Activation, CnnConfig, Described, EmbeddingConfig, FnModel, MlpConfig, Model, ModelConfig, ModelError, Network,
    SelectedLogits, Standardization, Standardized, StepKey, Tape, Trainable, WithoutZeros, Zeros,
};
use distill_tensor::Params;
use distill_train::{
    FeatureConfig, FeatureKind, FeatureLoss, FeatureTerms, Hooks, NullObserver, SoftTargets, Teacher, TrainConfig,
    TrainError, TrainReport, Training, train,
};
use ndarray::{Array2, s};

use crate::training::{digits, model};

const KEY: StepKey = StepKey { seed: 5, step: 3, first_row: 0 };
const LABELS: [u32; 7] = [0, 1, 2, 0, 1, 2, 0];

fn mlp(config: &MlpConfig) -> Network {
    Network::new(config.clone(), vec![6], vec!["a".into(), "b".into(), "c".into()], 11).unwrap()
}

fn inputs(rows: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, 6), |(i, j)| ((i * 6 + j) as f32 * 0.7).sin())
}

fn buckets(rows: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, 6), |(i, j)| ((i * 7 + j * 11) % 30) as f32)
}

#[test]
fn what_is_recorded_leads_to_the_same_logits() {
    let plain = MlpConfig { hidden: vec![8, 5], dropout: 0.5, activation: Activation::Gelu, ..MlpConfig::default() };
    let embedding = MlpConfig { embedding: Some(EmbeddingConfig { buckets: 30 }), ..plain.clone() };
    let linear = MlpConfig { hidden: vec![], ..plain.clone() };
    let standardization = Standardization::new(&[0.3; 6], &[2.0; 6]).unwrap();
    let standardized = Standardized::new(mlp(&plain), Some(standardization)).unwrap();
    let models: [(&dyn Model, Array2<f32>); 4] = [
        (&mlp(&plain), inputs(40)),
        (&mlp(&embedding), buckets(40)),
        (&mlp(&linear), inputs(40)),
        (&standardized, inputs(40)),
    ];
    for (model, inputs) in models {
        let mut tape = Tape::new(model.inner_values());
        // A used tape is as good as a new one.
        for rows in [40, 3] {
            let x = inputs.slice(s![..rows, ..]);
            model.record(x, &mut tape).unwrap();
            assert_eq!(tape.logits(), model.logits(x).unwrap(), "{}", model.spec().architecture);
            assert_eq!(tape.rows(), rows);
        }
    }
    let names = |model: &dyn Model| model.inner_values().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(&standardized), ["input", "hidden.0", "hidden.1", "logits"]);
    let mut tape = Tape::new(standardized.inner_values());
    standardized.record(inputs(4).view(), &mut tape).unwrap();
    assert_eq!(tape.activation("input").unwrap(), inputs(4).mapv(|x| (x - 0.3) * 0.5));

    let closed = FnModel::new(vec![6], vec!["a".into()], |_, _| {});
    assert!(names(&closed).is_empty());
    let refused = closed.record(inputs(1).view(), &mut Tape::new([]));
    assert!(matches!(refused, Err(ModelError::NoInnerValues { .. })));
}

/// The mean square of what these slots have, with another weight in each.
const WEIGHTS: [(&str, f32); 3] = [("hidden.0", 0.7), ("hidden.1", -0.4), ("logits", 0.3)];

/// A loss on the labels and on inner values; the gradient of the latter enters on the tape.
fn loss(model: &dyn Trainable, inputs: &Array2<f32>, tape: &mut Tape, inner: bool) -> (f64, Array2<f32>) {
    model.forward(inputs.view(), KEY, tape).unwrap();
    let mut grad = Array2::zeros(tape.logits().dim());
    let targets = Targets { labels: Some(&LABELS), teacher_logits: None };
    let mut total = CrossEntropy.value_and_grad(tape.logits(), &targets, grad.view_mut()).unwrap().total;
    // Twice, so that what enters must add up.
    for (name, weight) in WEIGHTS.iter().chain(&WEIGHTS).filter(|_| inner) {
        let Some((value, mut entering)) = tape.activation_and_gradient(name) else { continue };
        total += f64::from(*weight) * value.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>();
        entering.scaled_add(2.0 * weight, &value);
    }
    (total, grad)
}

#[test]
fn gradients_that_enter_inside_are_those_of_finite_differences() {
    let plain =
        |hidden: &[usize], activation| MlpConfig { hidden: hidden.to_vec(), activation, ..MlpConfig::default() };
    let mut cases = vec![plain(&[], Activation::Tanh)];
    for activation in [Activation::Tanh, Activation::Gelu] {
        cases.push(plain(&[9], activation));
        cases.push(MlpConfig { dropout: 0.4, input_dropout: 0.2, ..plain(&[12, 7], activation) });
        cases.push(MlpConfig { embedding: Some(EmbeddingConfig { buckets: 30 }), ..plain(&[9, 7], activation) });
    }
    for config in cases {
        let mut model = mlp(&config);
        let x = if config.embedding.is_some() { buckets(7) } else { inputs(7) };
        let (mut tape, mut grads) = (model.tape(), Params::zeros(model.params().layout().clone()));
        let (_, grad_logits) = loss(&model, &x, &mut tape, true);
        model.backward(grad_logits.view(), &mut tape, &mut grads);
        let slices: Vec<_> = model.params().layout().iter().map(|(id, name, _)| (id, name.to_owned())).collect();
        for (n, (id, name)) in slices.into_iter().enumerate() {
            let direction: Vec<f32> = (0..grads.vector(id).len()).map(|i| ((i * 7 + n) as f32 * 1.3).cos()).collect();
            let pairs = grads.vector(id).iter().zip(&direction);
            let analytic: f64 = pairs.map(|(g, d)| f64::from(*g) * f64::from(*d)).sum();
            let before = model.params().vector(id).to_vec();
            let mut moved = |h: f32| {
                let params = model.params_mut().vector_mut(id);
                params.iter_mut().zip(&before).zip(&direction).for_each(|((p, b), d)| *p = b + h * d);
                let value = loss(&model, &x, &mut model.tape(), true).0;
                model.params_mut().vector_mut(id).copy_from_slice(&before);
                value
            };
            let h = 2e-3;
            let numeric = (moved(h) - moved(-h)) / (2.0 * f64::from(h));
            let near = (numeric - analytic).abs() < 2e-3 * (1.0 + analytic.abs());
            assert!(near, "{config:?} {name}: the gradient says {analytic}, finite differences {numeric}");
        }

        // What entered belongs to one pass: the next has the bits of a tape where nothing ever has.
        let gradient = |tape: &mut Tape| {
            let (_, grad_logits) = loss(&model, &x, tape, false);
            let mut grads = Params::zeros(model.params().layout().clone());
            model.backward(grad_logits.view(), tape, &mut grads);
            grads
        };
        assert_eq!(gradient(&mut tape), gradient(&mut model.tape()));
        assert_ne!(gradient(&mut tape), grads);
    }
}

/// Mean squared difference of one inner value of student and teacher.
struct SameHidden(f64);

impl FeatureLoss for SameHidden {
    fn value_and_grad(&self, student: &mut Tape, teacher: Option<&Tape>) -> Result<LossValue, LossError> {
        let name = "hidden.0";
        let missing = || LossError::MissingValue { name: name.to_owned() };
        let of_teacher = teacher.and_then(|tape| tape.activation(name)).ok_or_else(missing)?;
        let (of_student, mut grad) = student.activation_and_gradient(name).ok_or_else(missing)?;
        let difference = &of_student - &of_teacher;
        let n = difference.len() as f64;
        grad.scaled_add((2.0 * self.0 / n) as f32, &difference);
        let mean = difference.iter().map(|d| f64::from(d * d)).sum::<f64>() / n;
        Ok(LossValue::new(self.0 * mean).with(Term::new("hidden.0", mean)))
    }
}

fn fit(student: &mut dyn Trainable, teacher: Teacher<'_>, weight: f64) -> Result<TrainReport, TrainError> {
    let data = digits(0..300);
    let config = TrainConfig { epochs: 8, batch: 50, ..TrainConfig::default() };
    let features = SameHidden(weight);
    let hooks = Hooks { features: Some(&features), ..Hooks::default() };
    let loss = &CrossEntropy;
    let training = Training { data: &data, validation: None, loss, teacher, config: &config, seed: 3, hooks };
    train(student, &training, &mut NullObserver)
}

#[test]
fn a_student_comes_near_the_inner_values_of_its_teacher() {
    let data = digits(0..300);
    let teacher = model(&data, &[20, 30], 1);
    let trained = |weight: f64| {
        let mut student = model(&data, &[20], 2);
        let report = fit(&mut student, Teacher::Live(&teacher), weight).unwrap();
        (report.loss, student.params().clone())
    };
    let (with, without) = (trained(2.0), trained(0.0));
    let [near, far] = [with.0, without.0].map(|loss| loss.terms.get("hidden.0").unwrap());
    assert!(near < 0.25 * far, "{near} {far}");
    assert!(with.0.hard().unwrap() < 1.0, "and it learns from labels: {:?}", with.0);
    assert!((with.0.total - (with.0.hard().unwrap() + 2.0 * near)).abs() < 1e-9);

    // Without weight it is the plain training, to the bit.
    let mut plain = model(&data, &[20], 2);
    let config = TrainConfig { epochs: 8, batch: 50, ..TrainConfig::default() };
    let (loss, teacher, hooks) = (&CrossEntropy, Teacher::Live(&teacher), Hooks::default());
    let training = Training { data: &data, validation: None, loss, teacher, config: &config, seed: 3, hooks };
    train(&mut plain, &training, &mut NullObserver).unwrap();
    assert!(*plain.params() == without.1);
}

#[test]
fn whoever_has_no_such_value_is_refused() {
    let data = digits(0..300);
    let student = || model(&data, &[20], 2);
    let refused = |teacher: Teacher<'_>| fit(&mut student(), teacher, 1.0).unwrap_err().to_string();
    let targets = SoftTargets::compute(&student(), &data).unwrap();
    assert!(refused(Teacher::Cached(&targets)).starts_with("kd.targets are stored"));
    let missing = "this loss needs the inner value `hidden.0` but the model has no inner value of that name";
    assert_eq!(refused(Teacher::Live(&model(&data, &[], 1))), missing);
    assert_eq!(refused(Teacher::None), missing);
    let closed = FnModel::new(data_shape(), (0..10).map(|class| class.to_string()).collect(), |_, _| {});
    assert_eq!(refused(Teacher::Live(&closed)), "the model function has no inner values to record");
}

fn data_shape() -> Vec<usize> {
    vec![1, 28, 28]
}

fn feature(kind: FeatureKind, student: &str, teacher: &str) -> FeatureConfig {
    FeatureConfig { kind, student: student.to_owned(), teacher: teacher.to_owned(), weight: 3.0 }
}

fn cnn(channels: usize, seed: u64) -> Network {
    let config: ModelConfig =
        CnnConfig { channels: vec![channels], activation: Activation::Tanh, ..CnnConfig::default() }.into();
    Network::new(config, vec![2, 6, 4], vec!["a".into(), "b".into(), "c".into()], seed).unwrap()
}

/// All on the way from a recipe to the gradient of a weight: names, maps, what enters, the weight of a loss.
#[test]
fn gradients_of_losses_on_inner_values_are_those_of_finite_differences() {
    let (teacher, mut student) = (cnn(5, 1), cnn(3, 2));
    let x = Array2::from_shape_fn((7, 48), |(i, j)| ((i * 48 + j) as f32 * 0.7).sin());
    let mut of_teacher = Tape::new(teacher.inner_values());
    teacher.record(x.view(), &mut of_teacher).unwrap();
    for (config, step) in [
        (feature(FeatureKind::Similarity, "pool.0", "stage.0"), 2e-3),
        (feature(FeatureKind::RelationalDistance, "stage.0", "logits"), 2e-3),
        (feature(FeatureKind::Attention, "stage.0", "pool.0"), 2e-3),
        // The input lies channel by channel, what is inside pixel by pixel.
        (feature(FeatureKind::Attention, "stage.0", "input"), 2e-3),
    ] {
        let terms = FeatureTerms::new(std::slice::from_ref(&config), &student, &teacher).unwrap();
        let value = |student: &Network, tape: &mut Tape| {
            student.forward(x.view(), KEY, tape).unwrap();
            terms.value_and_grad(tape, Some(&of_teacher)).unwrap()
        };
        let (mut tape, mut grads) = (student.tape(), Params::zeros(student.params().layout().clone()));
        let found = value(&student, &mut tape);
        let term = found.terms.get(config.kind.name()).unwrap();
        assert!((found.total - 3.0 * term).abs() < 1e-12 && term > 0.0, "{found:?}");
        student.backward(Array2::zeros((7, 3)).view(), &mut tape, &mut grads);
        let weights: Vec<_> = student.params().layout().iter().map(|(id, name, _)| (id, name.to_owned())).collect();
        for (n, (id, name)) in weights.into_iter().enumerate().filter(|(_, (_, name))| name.ends_with("weight")) {
            let direction: Vec<f32> = (0..grads.vector(id).len()).map(|i| ((i * 7 + n) as f32 * 1.3).cos()).collect();
            let pairs = grads.vector(id).iter().zip(&direction);
            let analytic: f64 = pairs.map(|(g, d)| f64::from(*g) * f64::from(*d)).sum();
            let before = student.params().vector(id).to_vec();
            let mut moved = |h: f32| {
                let params = student.params_mut().vector_mut(id);
                params.iter_mut().zip(&before).zip(&direction).for_each(|((p, b), d)| *p = b + h * d);
                let total = value(&student, &mut student.tape()).total;
                student.params_mut().vector_mut(id).copy_from_slice(&before);
                total
            };
            let numeric = (moved(step) - moved(-step)) / (2.0 * f64::from(step));
            let near = (numeric - analytic).abs() < 2e-2 * analytic.abs() + 2e-4;
            assert!(near, "{config:?} {name}: the gradient says {analytic}, finite differences {numeric}");
        }
    }
}

#[test]
fn maps_say_how_their_numbers_lie() {
    let network = cnn(3, 1);
    let x = Array2::from_shape_fn((2, 48), |(i, j)| ((i * 48 + j) as f32 * 0.7).sin());
    let mut tape = Tape::new(network.inner_values());
    network.record(x.view(), &mut tape).unwrap();
    let view = |name: &str| network.inner_map(name).unwrap().view(tape.activation(name).unwrap()).unwrap();
    // What is made pixel by pixel for the convolution is the same map as the input.
    assert_eq!(view("input"), view("input.by_pixel"));
    assert_eq!(
        (view("input").dim(), view("stage.0").dim(), view("pool.0").dim()),
        ((2, 2, 6, 4), (2, 3, 6, 4), (2, 3, 3, 2))
    );
    let [stage, pool] = ["stage.0", "pool.0"].map(view);
    let largest = stage.slice(s![1, 2, 2..4, 2..4]).iter().copied().fold(f32::MIN, f32::max);
    assert_eq!(pool[[1, 2, 1, 1]], largest);
    assert!(network.inner_map("logits").is_none() && network.inner_map("none").is_none());
}

/// What stands between a teacher and those that ask it passes on what is inside.
#[test]
fn models_around_others_record_the_logits_that_they_answer() {
    let x = inputs(9);
    let network: Arc<dyn Model> = Arc::new(mlp(&MlpConfig { hidden: vec![5], ..MlpConfig::default() }));
    let zeros = Zeros::of([0.0, 1.0], 3, Some(0.3));
    let described = Described::new(network.clone(), vec![2, 3], vec!["x".into(), "y".into(), "z".into()]).unwrap();
    let around: [Arc<dyn Model>; 3] = [
        Arc::new(SelectedLogits::new(network.clone(), &["c".into(), "a".into()]).unwrap()),
        Arc::new(WithoutZeros::new(network.clone(), zeros)),
        Arc::new(described),
    ];
    let mut plain = Tape::new(network.inner_values());
    network.record(x.view(), &mut plain).unwrap();
    for model in around {
        let mut tape = Tape::new(model.inner_values());
        for rows in [9, 4, 9] {
            model.record(x.slice(s![..rows, ..]), &mut tape).unwrap();
            assert_eq!(tape.logits(), model.logits(x.slice(s![..rows, ..])).unwrap());
        }
        assert_eq!(tape.activation("hidden.0"), plain.activation("hidden.0"));
        assert_eq!(tape.activation("logits").unwrap().ncols(), model.spec().classes.len());
    }
}

#[test]
fn losses_of_a_recipe_say_what_does_not_fit() {
    let (teacher, student) = (cnn(5, 1), cnn(3, 2));
    let closed = FnModel::new(vec![2, 6, 4], vec!["a".into(), "b".into(), "c".into()], |_, _| {});
    let kind = FeatureKind::Attention;
    let refused = |config: FeatureConfig, teacher: &dyn Model| {
        FeatureTerms::new(&[feature(kind, "stage.0", "input"), config], &student, teacher).map(|_| ()).unwrap_err()
    };
    let problem = refused(feature(kind, "stage.0", "pol.0"), &teacher);
    assert_eq!(problem.to_string(), "features[1].teacher is `pol.0`, which the teacher does not have");
    assert!(problem.help.starts_with("did you mean `pool.0`?"), "{}", problem.help);
    assert_eq!(
        problem.note.unwrap(),
        "the teacher has input, input.by_pixel, conv.0, stage.0, pool.0, flatten, logits"
    );
    let problem = refused(feature(kind, "logits", "pool.0"), &teacher);
    assert_eq!(problem.to_string(), "features[1].student is `logits`, which is not a map of channels and pixels");
    let problem = FeatureTerms::new(&[feature(kind, "stage.0", "pool.0")], &student, &closed).map(|_| ()).unwrap_err();
    assert_eq!(problem.to_string(), "features[0].teacher is set, but the teacher, function, shows no inner values");
    let terms = FeatureTerms::new(&[feature(kind, "stage.0", "pool.0")], &student, &teacher).unwrap();
    let missing = terms.value_and_grad(&mut student.tape(), None).unwrap_err();
    assert!(matches!(missing, LossError::MissingValue { name } if name == "pool.0"));
    assert_eq!(FeatureTerms::names(&[kind, kind].map(|kind| feature(kind, "a", "b"))), ["attention", "attention.2"]);
}
