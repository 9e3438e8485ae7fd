//! NaN and infinity end training before they change a weight or teach a student.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use distill_losses::{CrossEntropy, Loss, LossError, LossValue, Targets};
use distill_models::{Model, ModelError, ModelSpec, Scratch, Trainable as _};
use distill_tensor::Params;
use distill_train::{
    Hooks, Observer, OptimizerConfig, OptimizerKind, Snapshot, SoftTargets, StepReport, TargetStorage, Teacher,
    TrainConfig, TrainError, Training, train,
};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};

use crate::training::{digits, model};

/// Keeps the weights after every step.
struct LastWeights(Option<Params>);

impl Observer for LastWeights {
    fn step(&mut self, _: &StepReport, snapshot: Snapshot<'_>) -> ControlFlow<()> {
        self.0 = Some(snapshot.params.clone());
        ControlFlow::Continue(())
    }
}

/// Trains until it fails, which leaves the weights of the step before.
fn fail(config: &TrainConfig, loss: &dyn Loss) -> TrainError {
    let data = digits(0..100);
    let training = Training {
        data: &data,
        validation: None,
        loss,
        teacher: Teacher::None,
        config,
        seed: 1,
        hooks: Hooks::default(),
    };
    let mut student = model(&data, &[10], 1);
    let mut last = LastWeights(Some(student.params().clone()));
    let error = train(&mut student, &training, &mut last).unwrap_err();
    assert!(student.params().as_slice().iter().all(|weight| weight.is_finite()), "{error}");
    assert_eq!(Some(student.params()), last.0.as_ref(), "{error}");
    error
}

#[test]
fn a_loss_that_is_no_number_stops_before_the_weights_change() {
    let config = TrainConfig {
        epochs: 50,
        batch: 50,
        optimizer: OptimizerConfig { lr: 1e30, ..OptimizerConfig::default() },
        ..TrainConfig::default()
    };
    let error = fail(&config, &CrossEntropy);
    assert!(matches!(error, TrainError::NonFinite { epoch: 1.., step: 2.., .. }), "{error}");
}

/// Cross entropy whose gradient is not a number for one logit from some call on.
struct Steep(f32, AtomicUsize);

impl Loss for Steep {
    fn value_and_grad(
        &self,
        logits: ArrayView2<'_, f32>,
        targets: &Targets<'_>,
        mut grad: ArrayViewMut2<'_, f32>,
    ) -> Result<LossValue, LossError> {
        let value = CrossEntropy.value_and_grad(logits, targets, grad.view_mut())?;
        if self.1.fetch_add(1, Ordering::Relaxed) == 3 {
            grad[(7, 2)] = self.0;
        }
        Ok(value)
    }

    fn needs_teacher(&self) -> bool {
        false
    }
}

#[test]
fn a_gradient_that_is_no_number_stops_before_the_weights_change() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for clip_grad_norm in [None, Some(1.0)] {
            for kind in [OptimizerKind::Sgd, OptimizerKind::AdamW] {
                let optimizer = OptimizerConfig { kind, lr: 0.01, ..OptimizerConfig::default() };
                let config = TrainConfig { epochs: 5, batch: 50, clip_grad_norm, optimizer, ..TrainConfig::default() };
                let error = fail(&config, &Steep(bad, AtomicUsize::new(0)));
                let what = "the norm of the gradient";
                let expected = matches!(error, TrainError::NonFinite { what: it, epoch: 2, step: 4, .. } if it == what);
                assert!(expected, "{error}");
            }
        }
    }
}

/// Says the same of every input.
struct Constant(ModelSpec, Vec<f32>);

impl Model for Constant {
    fn spec(&self) -> &ModelSpec {
        &self.0
    }

    fn logits_into(
        &self,
        _: ArrayView2<'_, f32>,
        _: &mut Scratch,
        mut out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), ModelError> {
        out.outer_iter_mut().for_each(|mut row| row.iter_mut().zip(&self.1).for_each(|(out, &logit)| *out = logit));
        Ok(())
    }
}

#[test]
fn a_teacher_whose_answers_became_infinite_differs_from_what_is_stored() {
    let data = digits(0..6);
    let spec = model(&data, &[3], 1).spec().clone();
    let stored = SoftTargets::new(Array2::from_shape_fn((6, 10), |(_, class)| -(class as f32)));
    let differing = |storage: TargetStorage, logits: Vec<f32>| {
        let stored = SoftTargets::new(storage.round(stored.logits()));
        stored.differing(storage, &Constant(spec.clone(), logits), &data, 6).unwrap().len()
    };
    for storage in [TargetStorage::F32, TargetStorage::F16, TargetStorage::TopK(3)] {
        let same: Vec<f32> = (0..10).map(|class| -(class as f32)).collect();
        assert_eq!(differing(storage, same.clone()), 0, "{storage}");
        for bad in [f32::NAN, f32::INFINITY] {
            for class in [0, 9] {
                let mut logits = same.clone();
                logits[class] = bad;
                assert_eq!(differing(storage, logits), 6, "{storage} {bad} for class {class}");
            }
        }
    }
}
