//! A loss of one's own: a student learns from a function, on arrays in memory.
//!
//! `cargo run -p distill-train --example own_loss`
#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use std::ops::ControlFlow;

use distill_datasets::Table;
use distill_losses::{Loss, LossError, LossValue, Targets, Term};
use distill_models::{FnModel, MlpConfig, Network};
use distill_tensor::softmax;
use distill_train::{
    EpochReport, Hooks, Observer, SoftTargets, Teacher, TrainConfig, TrainError, Training, evaluate, train,
};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};

/// The squared distance of the probabilities of student and teacher, without labels.
///
/// ```text
/// L = 1/B Σ_b Σ_i (q_bi - p_bi)²       q = softmax(z), p = softmax(v)
/// ∂L/∂z_bj = 2/B q_bj (d_bj - Σ_i q_bi d_bi)        d = q - p
/// ```
struct Brier;

impl Loss for Brier {
    fn value_and_grad(
        &self,
        logits: ArrayView2<'_, f32>,
        targets: &Targets<'_>,
        mut grad: ArrayViewMut2<'_, f32>,
    ) -> Result<LossValue, LossError> {
        let teacher = targets.teacher_logits.ok_or(LossError::MissingTeacher)?;
        let n = logits.nrows() as f32;
        let (mut q, mut p) = (Array2::zeros(logits.dim()), Array2::zeros(logits.dim()));
        softmax(logits, 1.0, q.view_mut());
        softmax(teacher, 1.0, p.view_mut());
        let mut sum = 0.0;
        for ((q, p), mut grad) in q.outer_iter().zip(p.outer_iter()).zip(grad.outer_iter_mut()) {
            let d = &q - &p;
            let mean = q.dot(&d);
            grad.assign(&(&q * &(&d - mean) * (2.0 / n)));
            sum += f64::from(d.dot(&d));
        }
        let mean = sum / f64::from(n);
        Ok(LossValue::new(mean).with(Term::new("brier", mean)))
    }

    fn needs_teacher(&self) -> bool {
        true
    }
}

/// Prints every tenth epoch.
struct Progress;

impl Observer for Progress {
    fn epoch(&mut self, report: &EpochReport<'_>) -> ControlFlow<()> {
        if report.epoch.is_multiple_of(10) {
            println!(
                "epoch {:>2}: squared distance {:.5}",
                report.epoch,
                report.loss.terms.get("brier").unwrap_or(0.0)
            );
        }
        ControlFlow::Continue(())
    }
}

fn main() -> Result<(), TrainError> {
    const N: usize = 1000;
    let classes = vec!["left".to_owned(), "right".to_owned()];
    // Spread evenly over a square.
    let at = |i: usize, step: f32| (i as f32 * step).fract() * 4.0 - 2.0;
    let inputs: Vec<f32> = (0..N).flat_map(|i| [at(i, 0.754_877_7), at(i, 0.569_840_3)]).collect();
    let labels = inputs.chunks(2).map(|x| u32::from(x[1] > x[0].sin())).collect();
    let data = Table::new(vec![2], inputs, labels, classes.clone())?;

    // Surer of itself the farther a point is from the curve.
    let teacher = FnModel::new(vec![2], classes.clone(), |x, mut logits| {
        logits[1] = 4.0 * (x[1] - x[0].sin());
        logits[0] = -logits[1];
    });
    let targets = SoftTargets::compute(&teacher, &data)?;

    let mut student = Network::new(MlpConfig { hidden: vec![16], ..MlpConfig::default() }, vec![2], classes, 1)?;
    let config = TrainConfig { epochs: 40, batch: 50, ..TrainConfig::default() };
    let (teacher, hooks) = (Teacher::Cached(&targets), Hooks::default());
    let training = Training { data: &data, validation: None, loss: &Brier, teacher, config: &config, seed: 1, hooks };
    train(&mut student, &training, &mut Progress)?;
    println!("the student is right about {:.1} % of the points", 100.0 * evaluate(&student, &data)?.accuracy());
    Ok(())
}
