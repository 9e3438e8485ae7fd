//! What every loss keeps, checked on ours and on copies with a planted bug that it must catch.

use distill_losses::{
    ClassWeights, CrossEntropy, Distillation, Loss, LossError, LossValue, SmoothedCrossEntropy, Smoothing, SoftTerm,
    Targets, Temperature, kd, logit_matching,
};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};

const LABELS: [u32; 6] = [0, 3, 1, 2, 2, 3];

fn logits(scale: f32, phase: f32) -> Array2<f32> {
    Array2::from_shape_fn((6, 4), |(b, c)| scale * ((4 * b + c) as f32 + phase).sin())
}

fn t(value: f64) -> Temperature {
    Temperature::new(value).unwrap()
}

fn evaluate(loss: &dyn Loss, student: &Array2<f32>, targets: &Targets<'_>) -> Result<(LossValue, Array2<f32>), String> {
    let mut grad = Array2::from_elem(student.dim(), f32::NAN);
    let value = loss.value_and_grad(student.view(), targets, grad.view_mut()).map_err(|error| error.to_string())?;
    Ok((value, grad))
}

/// The gradient is that of the value, the mean is over the examples, and a perfect student is at rest.
fn check(loss: &dyn Loss, with_labels: bool) -> Result<(), String> {
    let (student, teacher) = (logits(2.0, 0.5), logits(3.0, 7.0));
    let targets = Targets { labels: with_labels.then_some(LABELS.as_slice()), teacher_logits: Some(teacher.view()) };
    let (value, grad) = evaluate(loss, &student, &targets)?;

    // Finite differences. Inside the losses everything is f64, so the value is good to many digits, and the step can be so
    // small that at T = 0.05 the value does not bend within it.
    const STEP: f32 = 1e-3;
    for index in [(0, 0), (1, 3), (3, 2), (5, 1)] {
        let at = |h: f32| {
            let mut moved = student.clone();
            moved[index] += h;
            // The step that was made, after rounding.
            let made = f64::from(moved[index]) - f64::from(student[index]);
            evaluate(loss, &moved, &targets).map(|(value, _)| (value.total, made))
        };
        let ((up, step_up), (down, step_down)) = (at(STEP)?, at(-STEP)?);
        let numeric = (up - down) / (step_up - step_down);
        let analytic = f64::from(grad[index]);
        if (numeric - analytic).abs() > 1e-4 * (1.0 + analytic.abs()) {
            return Err(format!("gradient at {index:?} is {analytic}, finite differences say {numeric}"));
        }
    }

    // Twice the same examples: the same value, half the gradient for each.
    let twice = |a: &Array2<f32>| ndarray::concatenate![ndarray::Axis(0), a.view(), a.view()];
    let labels = [LABELS, LABELS].concat();
    let (two_teachers, two_students) = (twice(&teacher), twice(&student));
    let targets_twice =
        Targets { labels: with_labels.then_some(labels.as_slice()), teacher_logits: Some(two_teachers.view()) };
    let (value_twice, grad_twice) = evaluate(loss, &two_students, &targets_twice)?;
    if (value_twice.total - value.total).abs() > 1e-12 * value.total.abs() {
        return Err(format!("not a mean: {} for the examples, {} for them twice", value.total, value_twice.total));
    }
    if grad.iter().zip(&grad_twice).any(|(one, two)| (one - 2.0 * two).abs() > 1e-6) {
        return Err("the gradient of a mean over twice as many examples is not half of it".into());
    }

    // Extreme logits and temperatures.
    let wild = Array2::from_shape_fn((6, 4), |(b, c)| if (b + c) % 3 == 0 { 1e4 } else { -1e4 });
    for (student, teacher) in [(&wild, &teacher), (&student, &wild), (&wild, &wild)] {
        let targets = Targets { teacher_logits: Some(teacher.view()), ..targets };
        let (value, grad) = evaluate(loss, student, &targets)?;
        if !value.total.is_finite() || grad.iter().any(|g| !g.is_finite()) {
            return Err(format!("not finite: {value:?}"));
        }
    }
    Ok(())
}

/// What holds for a soft term at temperature `T`: its size does not shrink with `T`, and it leads to the teacher.
fn check_soft(at: &dyn Fn(f64) -> Box<dyn Loss>) -> Result<(), String> {
    let (student, teacher) = (logits(2.0, 0.5), logits(3.0, 7.0));
    let targets = Targets { labels: None, teacher_logits: Some(teacher.view()) };
    let norm = |t| evaluate(&*at(t), &student, &targets).map(|(_, grad)| grad.mapv(|g| g * g).sum().sqrt());
    let ratio = norm(100.0)? / norm(1000.0)?;
    if (ratio - 1.0).abs() > 0.05 {
        return Err(format!("the gradient changes by {ratio} from T = 100 to 1000: is T² there?"));
    }
    let (value, grad) = evaluate(&*at(4.0), &teacher, &targets)?;
    if value.total.abs() > 1e-9 || grad.iter().any(|g| g.abs() > 1e-9) {
        return Err(format!("a perfect student has loss {} and is not at rest", value.total));
    }
    // The direction of the divergence: a class that the teacher rules out costs nothing to leave out,
    // one that the student rules out costs much.
    let sure = ndarray::array![[0.0_f32, 40.0]];
    let unsure = ndarray::array![[0.0_f32, 0.0]];
    let cost = |student: &Array2<f32>, teacher: &Array2<f32>| {
        evaluate(&*at(1.0), student, &Targets { labels: None, teacher_logits: Some(teacher.view()) })
            .map(|(v, _)| v.total)
    };
    if cost(&unsure, &sure)? > 1.0 || cost(&sure, &unsure)? < 10.0 {
        return Err("the divergence is the wrong way round".into());
    }
    Ok(())
}

fn ours() -> Vec<(Box<dyn Loss>, bool)> {
    let mut losses: Vec<(Box<dyn Loss>, bool)> = vec![(Box::new(CrossEntropy), true)];
    for temperature in [0.05, 1.0, 4.0, 20.0, 1e4] {
        for soft in [SoftTerm::Kd(t(temperature)), SoftTerm::SoftCrossEntropy(t(temperature)), SoftTerm::LogitMatching]
        {
            for alpha in [0.0, 0.3, 1.0] {
                losses.push((Box::new(Distillation::new(soft, alpha).unwrap()), true));
                losses.push((Box::new(Distillation::new(soft, alpha).unwrap()), false));
            }
        }
    }
    for smoothing in [0.1, 0.9] {
        let smoothing = Smoothing::new(smoothing).unwrap();
        losses.push((Box::new(SmoothedCrossEntropy::new(smoothing, ClassWeights::default())), true));
        let weights = ClassWeights::new(&[0.5, 2.0, 0.0, 1.0]).unwrap();
        losses.push((Box::new(SmoothedCrossEntropy::new(smoothing, weights.clone())), true));
        let kd = Distillation::new(SoftTerm::Kd(t(4.0)), 0.3).unwrap().with_smoothing(smoothing);
        losses.push((Box::new(kd.clone()), true));
        losses.push((Box::new(kd.with_class_weights(weights)), true));
    }
    losses
}

#[test]
fn every_loss_keeps_the_contract() {
    for (i, (loss, with_labels)) in ours().iter().enumerate() {
        assert_eq!(check(&**loss, *with_labels), Ok(()), "loss {i}, labels {with_labels}");
    }
    check_soft(&|temperature| Box::new(Distillation::new(SoftTerm::Kd(t(temperature)), 1.0).unwrap())).unwrap();
}

#[test]
fn alpha_0_is_cross_entropy_to_the_bit_and_all_equal_logits_are_fine() {
    let (student, teacher) = (logits(2.0, 0.5), logits(3.0, 7.0));
    let targets = Targets { labels: Some(&LABELS), teacher_logits: Some(teacher.view()) };
    let labels_only = Distillation::new(SoftTerm::Kd(t(20.0)), 0.0).unwrap();
    let (a, grad_a) = evaluate(&labels_only, &student, &targets).unwrap();
    let (b, grad_b) = evaluate(&CrossEntropy, &student, &targets).unwrap();
    assert_eq!((a.total.to_bits(), grad_a), (b.total.to_bits(), grad_b));

    let equal = Array2::from_elem((6, 4), -1e4);
    for (loss, with_labels) in ours() {
        let labels = with_labels.then_some(LABELS.as_slice());
        let targets = Targets { labels, teacher_logits: Some(equal.view()) };
        let (value, grad) = evaluate(&*loss, &equal, &targets).unwrap();
        assert!(value.total.is_finite() && grad.iter().all(|g| g.is_finite()));
    }
}

#[test]
fn targets_that_do_not_fit_are_refused() {
    let (student, teacher) = (logits(2.0, 0.5), logits(3.0, 7.0));
    let loss = Distillation::new(SoftTerm::Kd(t(4.0)), 0.5).unwrap();
    let refuse = |labels: Option<&[u32]>, teacher: Option<ArrayView2<'_, f32>>, message: &str| {
        let targets = Targets { labels, teacher_logits: teacher };
        assert_eq!(evaluate(&loss, &student, &targets).unwrap_err(), message);
    };
    refuse(Some(&[0, 1, 2, 3, 4, 0]), Some(teacher.view()), "logits have 4 classes but row 4 has label 4");
    refuse(Some(&[0, 1]), Some(teacher.view()), "logits have 6 rows but there are 2 labels");
    refuse(Some(&LABELS), None, "this loss needs the teacher's logits but the targets have none");
    let wide = Array2::zeros((6, 5));
    refuse(Some(&LABELS), Some(wide.view()), "logits have shape (6, 4) but the teacher's logits have shape (6, 5)");
    // Also where a term has no weight.
    for alpha in [0.0, 1.0] {
        let loss = Distillation::new(SoftTerm::Kd(t(4.0)), alpha).unwrap();
        let refuse = |labels: &[u32], teacher: ArrayView2<'_, f32>, message: &str| {
            let targets = Targets { labels: Some(labels), teacher_logits: Some(teacher) };
            assert_eq!(evaluate(&loss, &student, &targets).unwrap_err(), message, "{alpha}");
        };
        refuse(&[0, 1, 2, 3, 4, 0], teacher.view(), "logits have 4 classes but row 4 has label 4");
        refuse(&[0, 1], teacher.view(), "logits have 6 rows but there are 2 labels");
        let message = "logits have shape (6, 4) but the teacher's logits have shape (6, 5)";
        refuse(&LABELS, wide.view(), message);
    }
    for value in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(Temperature::new(value).is_err(), "{value}");
        let alpha = Distillation::new(SoftTerm::LogitMatching, if value == 0.0 { 1.01 } else { value });
        assert!(alpha.is_err(), "{value}");
        assert!(Smoothing::new(if value == 0.0 { 1.0 } else { value }).is_err(), "{value}");
    }
}

#[test]
fn a_loss_that_needs_no_teacher_needs_one_without_labels() {
    let (student, teacher) = (logits(2.0, 0.5), logits(3.0, 7.0));
    let [labels_only, soft_only] = [0.0, 1.0].map(|alpha| Distillation::new(SoftTerm::Kd(t(4.0)), alpha).unwrap());
    assert!(!labels_only.needs_teacher() && soft_only.needs_teacher());
    assert!(evaluate(&labels_only, &student, &Targets { labels: Some(&LABELS), teacher_logits: None }).is_ok());
    let error = evaluate(&labels_only, &student, &Targets::default()).unwrap_err();
    assert_eq!(error, LossError::MissingTeacher.to_string());
    // The soft term then stands alone.
    let unlabelled = Targets { labels: None, teacher_logits: Some(teacher.view()) };
    let value = |loss| evaluate(loss, &student, &unlabelled).unwrap();
    assert_eq!(value(&labels_only), value(&soft_only));
}

/// Bugs that distillation code has had, planted in a copy of `kd`.
#[derive(Clone, Copy, Debug)]
enum Bug {
    NoTSquared,
    TSquaredInTheValueOnly,
    NoInverseT,
    MeanOverClasses,
    SumOverExamples,
    SwappedDivergence,
    StaleGradient,
}

struct Buggy(Bug, f64);

impl Loss for Buggy {
    fn value_and_grad(
        &self,
        logits: ArrayView2<'_, f32>,
        targets: &Targets<'_>,
        mut grad: ArrayViewMut2<'_, f32>,
    ) -> Result<LossValue, LossError> {
        let teacher = targets.teacher_logits.ok_or(LossError::MissingTeacher)?;
        let Self(bug, temperature) = *self;
        if matches!(bug, Bug::StaleGradient) {
            // The gradient of the matching is close to that of a high temperature, but not it.
            let value = kd(logits, teacher, t(temperature), grad.view_mut())?;
            logit_matching(logits, teacher, grad)?;
            return Ok(LossValue::new(value.loss));
        }
        let value = match bug {
            Bug::SwappedDivergence => {
                let value = kd(teacher, logits, t(temperature), grad.view_mut())?;
                // Its gradient by the student is not the negative one; take it numerically right for T = 1.
                grad.mapv_inplace(|g| -g);
                value
            }
            _ => kd(logits, teacher, t(temperature), grad.view_mut())?,
        };
        let (rows, classes) = (logits.nrows() as f64, logits.ncols() as f64);
        let (of_value, of_grad) = match bug {
            Bug::NoTSquared => (temperature.powi(-2), temperature.powi(-2)),
            Bug::TSquaredInTheValueOnly => (1.0, temperature.powi(-2)),
            Bug::NoInverseT => (1.0, temperature),
            Bug::MeanOverClasses => (1.0, classes.recip()),
            Bug::SumOverExamples => (rows, rows),
            Bug::SwappedDivergence | Bug::StaleGradient => (1.0, 1.0),
        };
        grad.mapv_inplace(|g| (f64::from(g) * of_grad) as f32);
        Ok(LossValue::new(value.loss * of_value))
    }

    fn needs_teacher(&self) -> bool {
        true
    }
}

#[test]
fn every_planted_bug_is_caught() {
    use Bug::*;
    for bug in [
        NoTSquared,
        TSquaredInTheValueOnly,
        NoInverseT,
        MeanOverClasses,
        SumOverExamples,
        SwappedDivergence,
        StaleGradient,
    ] {
        let contract = check(&Buggy(bug, 4.0), false);
        let soft = check_soft(&|temperature| Box::new(Buggy(bug, temperature)));
        assert!(contract.is_err() || soft.is_err(), "{bug:?} was not caught");
    }
}
