//! Optimizers and schedules against PyTorch, and the loop on real images.

use std::ops::ControlFlow;
use std::sync::Arc;

use distill_datasets::{Chain, Dataset, Images, Split, Subset, Unlabelled, mnist};
use distill_losses::{CrossEntropy, Distillation, Loss, LossError, LossValue, SoftTerm, Targets, Temperature, Term};
use distill_models::{MlpConfig, Network, StepKey, Trainable};
use distill_tensor::{LayoutBuilder, Params, SliceKind};
use distill_train::{
    AugmentConfig, EpochReport, Hooks, NullObserver, Observer, Optimizer, OptimizerConfig, OptimizerKind, Schedule,
    ScheduleConfig, ScheduleKind, Snapshot, SoftTargets, StepContext, StepReport, Teacher, TrainConfig, TrainError,
    Training, TrainingStep, evaluate, train,
};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};

/// Ten steps on `Σ (w - target)²` from `w = [1, -2]` at a rate of 0.1, with state between the two that must stay.
fn descend(config: OptimizerConfig, second: SliceKind) -> [f32; 2] {
    let mut builder = LayoutBuilder::new();
    builder.push("w", &[1]).unwrap();
    builder.push_as("state", &[2], SliceKind::State).unwrap();
    builder.push_as("v", &[1], second).unwrap();
    let mut params = Params::from_vec(builder.build(), vec![1.0, 7.0, 8.0, -2.0]).unwrap();
    let mut optimizer = Optimizer::new(config, &params);
    for _ in 0..10 {
        let [w, .., v] = *params.as_slice() else { unreachable!() };
        let grads = vec![2.0 * (w - 0.5), 100.0, -100.0, 2.0 * (v - 3.0)];
        let grads = Params::from_vec(params.layout().clone(), grads).unwrap();
        optimizer.step(&mut params, &grads, 0.1, 1.0);
    }
    let [w, 7.0, 8.0, v] = *params.as_slice() else { panic!("state has changed: {params:?}") };
    [w, v]
}

#[test]
fn optimizers_equal_pytorch() {
    // golden/optimizers.py
    let sgd =
        |momentum, nesterov| OptimizerConfig { momentum, nesterov, weight_decay: 0.01, ..OptimizerConfig::default() };
    let adamw = OptimizerConfig { kind: OptimizerKind::AdamW, weight_decay: 0.1, ..OptimizerConfig::default() };
    for (i, (name, config)) in
        [("sgd", sgd(0.0, false)), ("momentum", sgd(0.9, false)), ("nesterov", sgd(0.9, true)), ("adamw", adamw)]
            .into_iter()
            .enumerate()
    {
        for (second, expected) in [(SliceKind::Weight, GOLDEN[i]), (SliceKind::NoDecay, GOLDEN_BY_GROUP[i])] {
            let actual = descend(config.clone(), second);
            for (a, e) in actual.iter().zip(expected) {
                assert!((a - e).abs() < 2e-6, "{name}, {second:?}: {actual:?} {expected:?}");
            }
        }
    }
}

include!("../golden/optimizers.rs");

#[test]
fn schedules_by_hand() {
    let factors = |kind, warmup_epochs| {
        let config = ScheduleConfig {
            kind,
            warmup_epochs,
            min_lr_ratio: 0.1,
            every_epochs: 2,
            gamma: 0.5,
            ..ScheduleConfig::default()
        };
        let schedule = Schedule::new(config, 10, 100);
        move |step| schedule.factor(step)
    };
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");

    let constant = factors(ScheduleKind::Constant, 0.5);
    for (at, factor) in [(0, 0.2), (1, 0.4), (4, 1.0), (99, 1.0)] {
        near(constant(at), factor);
    }
    let step = factors(ScheduleKind::Step, 0.0);
    for (at, factor) in [(0, 1.0), (19, 1.0), (20, 0.5), (40, 0.25)] {
        near(step(at), factor);
    }
    let cosine = factors(ScheduleKind::Cosine, 0.0);
    for (at, factor) in [(0, 1.0), (50, 0.55), (100, 0.1)] {
        near(cosine(at), factor);
    }
    let one_cycle = factors(ScheduleKind::OneCycle, 0.0);
    for (at, factor) in [(0, 0.04), (15, 0.52), (30, 1.0), (65, 0.55), (100, 0.1)] {
        near(one_cycle(at), factor);
    }
}

pub(crate) fn digits(range: std::ops::Range<usize>) -> Subset {
    let test: Arc<dyn Dataset> = Arc::new(mnist(Split::Test).unwrap());
    Subset::new(test, range.collect()).unwrap()
}

pub(crate) fn model(data: &dyn Dataset, hidden: &[usize], seed: u64) -> Network {
    let config = MlpConfig { hidden: hidden.to_vec(), ..MlpConfig::default() };
    Network::new(config, data.spec().input_shape.clone(), data.spec().classes.clone(), seed).unwrap()
}

#[test]
fn a_student_learns_from_the_teacher_without_a_label() {
    let (data, rest) = (digits(0..4000), digits(4000..6000));
    let config = TrainConfig { epochs: 6, batch: 64, ..TrainConfig::default() };
    let mut teacher = model(&data, &[100], 1);
    let training = Training {
        data: &data,
        validation: None,
        loss: &CrossEntropy,
        teacher: Teacher::None,
        config: &config,
        seed: 1,
        hooks: Hooks::default(),
    };
    train(&mut teacher, &training, &mut NullObserver).unwrap();
    let of_teacher = evaluate(&teacher, &rest).unwrap();
    assert!(of_teacher.accuracy() > 0.9, "{}", of_teacher.accuracy());

    let targets = SoftTargets::compute(&teacher, &data).unwrap();
    assert_eq!(targets.logits().dim(), (4000, 10));
    let loss = Distillation::new(SoftTerm::Kd(Temperature::new(4.0).unwrap()), 1.0).unwrap();
    let mut student = model(&data, &[20], 2);
    let before = teacher.params().clone();
    let training = Training { loss: &loss, teacher: Teacher::Cached(&targets), ..training };
    let report = train(&mut student, &training, &mut NullObserver).unwrap();
    assert_eq!(report.loss.hard(), None, "labels have no part in it");
    assert_eq!(teacher.params(), &before, "the teacher is a constant");
    let of_student = evaluate(&student, &rest).unwrap();
    assert!(of_student.accuracy() > 0.88, "{}", of_student.accuracy());
    assert!(of_student.agreement(&of_teacher) > 0.9);

    // The live teacher says the same as the cache, to the bit.
    let mut live = model(&data, &[20], 2);
    let training = Training { teacher: Teacher::Live(&teacher), ..training };
    train(&mut live, &training, &mut NullObserver).unwrap();
    assert_eq!(live.params(), student.params());
}

#[test]
fn an_example_without_a_label_has_the_soft_term_alone() {
    let (labelled, other) = (digits(0..24), digits(24..40));
    let mixed: Arc<dyn Dataset> =
        Arc::new(Chain::new(Arc::new(labelled), Arc::new(Unlabelled::new(Arc::new(other)))).unwrap());
    let teacher = model(&*mixed, &[30], 1);
    let loss = Distillation::new(SoftTerm::Kd(Temperature::new(2.0).unwrap()), 0.3).unwrap();
    let plain = OptimizerConfig { momentum: 0.0, nesterov: false, ..OptimizerConfig::default() };
    let context = StepContext {
        data: &*mixed,
        loss: &loss,
        teacher: Teacher::Live(&teacher),
        augment: None,
        mixup: 0.0,
        clip_grad_norm: None,
        hooks: Hooks::default(),
    };
    // What a step adds to the weights of one and the same student.
    let step = |indices: &[usize]| {
        let mut student = model(&*mixed, &[12], 2);
        let before = student.params().as_slice().to_vec();
        let mut optimizer = Optimizer::new(plain.clone(), student.params());
        let mut buffers = TrainingStep::new(&student, 40);
        let loss = buffers.run(&mut student, &mut optimizer, indices, StepKey::new(1, 0), 1.0, &context).unwrap();
        let change: Vec<f32> = student.params().as_slice().iter().zip(&before).map(|(a, b)| a - b).collect();
        (loss, change)
    };
    // They stand between each other.
    let both: Vec<usize> = (0..24).flat_map(|i| if i < 16 { vec![i, 24 + i] } else { vec![i] }).collect();
    let (of_both, change) = step(&both);
    let (first, second) = (step(&(0..24).collect::<Vec<_>>()), step(&(24..40).collect::<Vec<_>>()));
    assert_eq!((of_both.hard(), second.0.hard()), (first.0.hard(), None));
    assert!((of_both.total - (0.6 * first.0.total + 0.4 * second.0.total)).abs() < 1e-9);
    let expected = first.1.iter().zip(&second.1).map(|(first, second)| 0.6 * first + 0.4 * second);
    for (found, expected) in change.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    }
}

struct Watch {
    epochs: Vec<(u32, u32, u64, bool)>,
    stop_after: u32,
}

impl Observer for Watch {
    fn step(&mut self, report: &StepReport, _: Snapshot<'_>) -> ControlFlow<()> {
        if report.step == self.stop_after { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn epoch(&mut self, report: &EpochReport<'_>) -> ControlFlow<()> {
        self.epochs.push((report.epoch, report.step, report.examples, report.validation.is_some()));
        ControlFlow::Continue(())
    }
}

#[test]
fn observers_see_every_epoch_and_can_stop() {
    let data = digits(0..130);
    let config = TrainConfig { epochs: 3, batch: 50, ..TrainConfig::default() };
    let training = Training {
        data: &data,
        validation: Some(&data),
        loss: &CrossEntropy,
        teacher: Teacher::None,
        config: &config,
        seed: 1,
        hooks: Hooks::default(),
    };
    let run = |stop_after| {
        let mut watch = Watch { epochs: vec![], stop_after };
        let report = train(&mut model(&data, &[10], 1), &training, &mut watch).unwrap();
        (report.steps, report.examples, watch.epochs)
    };
    let (steps, examples, epochs) = run(u32::MAX);
    assert_eq!((steps, examples), (9, 390));
    assert_eq!(epochs, [(1, 3, 130, true), (2, 6, 130, true), (3, 9, 130, true)]);
    assert_eq!(run(4), (4, 180, vec![(1, 3, 130, true)]));
}

/// Of each example a number of its own for a loss, and no gradient.
struct Numbers;

impl Loss for Numbers {
    fn value_and_grad(
        &self,
        logits: ArrayView2<'_, f32>,
        targets: &Targets<'_>,
        mut grad: ArrayViewMut2<'_, f32>,
    ) -> Result<LossValue, LossError> {
        grad.fill(0.0);
        let mean = |labels: &[u32]| labels.iter().map(|&label| f64::from(label)).sum::<f64>() / logits.nrows() as f64;
        let hard = targets.labels.map(mean);
        let value = LossValue::new(1.0).with(Term::new("soft", 2.0));
        Ok(hard.map_or(value, |hard| value.with(Term::of_labelled("hard", hard))))
    }

    fn needs_teacher(&self) -> bool {
        true
    }
}

#[test]
fn the_hard_term_of_an_epoch_is_the_mean_over_labelled_examples() {
    let (labelled, other) = (digits(0..13), digits(13..40));
    let expected = (0..13).map(|index| f64::from(labelled.label(index).unwrap())).sum::<f64>() / 13.0;
    let data = Chain::new(Arc::new(labelled), Arc::new(Unlabelled::new(Arc::new(other)))).unwrap();
    let teacher = model(&data, &[3], 1);
    // With few in a batch, some have no labelled example.
    for batch in [4, 7, 40] {
        let config = TrainConfig { epochs: 2, batch, ..TrainConfig::default() };
        let training = Training {
            data: &data,
            validation: None,
            loss: &Numbers,
            teacher: Teacher::Live(&teacher),
            config: &config,
            seed: 1,
            hooks: Hooks::default(),
        };
        let loss = train(&mut model(&data, &[3], 2), &training, &mut NullObserver).unwrap().loss;
        assert!((loss.hard().unwrap() - expected).abs() < 1e-12, "{batch}: {loss:?} {expected}");
        assert!((loss.total - 1.0).abs() < 1e-12 && (loss.soft().unwrap() - 2.0).abs() < 1e-12, "{batch}: {loss:?}");
    }
}

#[test]
fn soft_targets_of_other_views_are_refused() {
    // As many rows as the data has examples, but of five examples in nine views.
    let data = digits(0..45);
    let targets = SoftTargets::with_views(Array2::zeros((45, 10)), 9).unwrap();
    let loss = Distillation::new(SoftTerm::LogitMatching, 1.0).unwrap();
    let run = |data: &dyn Dataset, targets: &SoftTargets, shift: usize| {
        let augment = AugmentConfig { shift, ..AugmentConfig::default() };
        let config = TrainConfig { epochs: 1, augment, ..TrainConfig::default() };
        let teacher = Teacher::Cached(targets);
        let training = Training {
            data,
            validation: None,
            loss: &loss,
            teacher,
            config: &config,
            seed: 1,
            hooks: Hooks::default(),
        };
        train(&mut model(data, &[3], 2), &training, &mut NullObserver).map(|_| ()).map_err(|error| error.to_string())
    };
    let expected = "the soft targets have 9 views of each example, training shows 1";
    assert_eq!(run(&data, &targets, 0), Err(expected.to_owned()));
    let expected = "the soft targets have 1 views of each example, training shows 9";
    assert_eq!(run(&digits(0..5), &SoftTargets::new(Array2::zeros((45, 10))), 1), Err(expected.to_owned()));
    assert_eq!(run(&digits(0..5), &targets, 1), Ok(()));
}

#[test]
fn an_unlabelled_or_empty_set_cannot_be_evaluated() {
    let images = Images::new(vec![1, 1, 2], vec![0; 8], vec![0; 4], vec!["a".into(), "b".into()]).unwrap();
    let data = Unlabelled::new(Arc::new(images));
    let teacher = model(&data, &[3], 1);
    assert!(matches!(evaluate(&teacher, &data), Err(TrainError::Unlabelled { index: 0, .. })));
    // But a student can learn on it.
    let targets = SoftTargets::compute(&teacher, &data).unwrap();
    let loss = Distillation::new(SoftTerm::Kd(Temperature::new(2.0).unwrap()), 0.5).unwrap();
    let config = TrainConfig { epochs: 2, ..TrainConfig::default() };
    let training = Training {
        data: &data,
        validation: None,
        loss: &loss,
        teacher: Teacher::Cached(&targets),
        config: &config,
        seed: 1,
        hooks: Hooks::default(),
    };
    let report = train(&mut model(&data, &[3], 2), &training, &mut NullObserver).unwrap();
    assert_eq!(report.loss.total, report.loss.soft().unwrap(), "without labels the soft term has weight 1");
}
