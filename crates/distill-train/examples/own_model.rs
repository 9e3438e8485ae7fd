//! A model of one's own: one linear layer, written by hand with public items alone, learns from a perceptron.
//!
//! `cargo run -p distill-train --example own_model`
#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use distill_datasets::{Dataset, Table};
use distill_losses::{CrossEntropy, Distillation, SoftTerm, Temperature};
use distill_models::{MlpConfig, Model, ModelError, ModelSpec, Network, Scratch, StepKey, Tape, Task, Trainable};
use distill_tensor::{LayoutBuilder, ParamId, Params};
use distill_train::{Hooks, NullObserver, Teacher, TrainConfig, TrainError, Training, evaluate, train};
use ndarray::{ArrayView2, ArrayViewMut2, Axis};

/// `logits = x · wᵀ + b`.
struct Linear {
    spec: ModelSpec,
    params: Params,
    weight: ParamId,
    bias: ParamId,
}

impl Linear {
    fn new(features: usize, classes: Vec<String>) -> Result<Self, ModelError> {
        let mut layout = LayoutBuilder::new();
        let weight = layout.push("weight", &[classes.len(), features])?;
        let bias = layout.push("bias", &[classes.len()])?;
        let params = Params::zeros(layout.build());
        let (architecture, parameters) = (format!("{features}-{}", classes.len()), params.as_slice().len());
        let spec = ModelSpec { architecture, input_shape: vec![features], classes, parameters, task: Task::Classes };
        Ok(Self { spec, params, weight, bias })
    }

    fn write(&self, inputs: ArrayView2<'_, f32>, mut logits: ArrayViewMut2<'_, f32>) {
        let bias = ArrayView2::from_shape((1, self.spec.classes.len()), self.params.vector(self.bias));
        logits.assign(&inputs.dot(&self.params.matrix(self.weight).t()));
        logits += &bias.expect("one bias for each class");
    }

    fn check(&self, inputs: ArrayView2<'_, f32>) -> Result<(), ModelError> {
        let (expected, actual) = (self.spec.features(), inputs.ncols());
        if expected == actual { Ok(()) } else { Err(ModelError::Features { expected, actual }) }
    }
}

impl Model for Linear {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn logits_into(
        &self,
        inputs: ArrayView2<'_, f32>,
        _: &mut Scratch,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), ModelError> {
        self.check(inputs)?;
        self.write(inputs, out);
        Ok(())
    }
}

impl Trainable for Linear {
    fn params(&self) -> &Params {
        &self.params
    }

    fn params_mut(&mut self) -> &mut Params {
        &mut self.params
    }

    fn tape(&self) -> Tape {
        let widths = [("input", self.spec.features()), ("logits", self.spec.classes.len())];
        Tape::new(widths.map(|(name, width)| (name.to_owned(), width)))
    }

    fn forward(&self, inputs: ArrayView2<'_, f32>, _: StepKey, tape: &mut Tape) -> Result<(), ModelError> {
        self.check(inputs)?;
        tape.begin(inputs.nrows());
        let [input, logits] = tape.slots_mut() else { unreachable!("the tape of this model has two slots") };
        input.value_mut().assign(&inputs);
        self.write(inputs, logits.value_mut());
        Ok(())
    }

    fn backward(&self, grad_logits: ArrayView2<'_, f32>, tape: &mut Tape, grads: &mut Params) {
        let [input, logits] = tape.slots_mut() else { unreachable!("the tape of this model has two slots") };
        let dz = logits.with_entered(grad_logits);
        grads.matrix_mut(self.weight).assign(&dz.t().dot(&input.value()));
        grads.vector_mut(self.bias).iter_mut().zip(&dz.sum_axis(Axis(0))).for_each(|(grad, &sum)| *grad = sum);
    }

    fn takes_inner_gradients(&self) -> bool {
        true
    }
}

/// Points in a plane: those within a ring have one class, those within an ellipse in it another, the rest a third.
fn points(n: usize) -> Result<Table, TrainError> {
    let mut inputs = Vec::with_capacity(5 * n);
    let mut labels = Vec::with_capacity(n);
    for i in 0..n {
        let (radius, angle) = (1.5 * (i as f32 / n as f32).sqrt(), i as f32 * 2.399_963);
        let (x, y) = (radius * angle.cos(), radius * angle.sin());
        labels.push(if x * x + 4.0 * y * y < 0.5 { 0 } else { u32::from(radius > 1.0) + 1 });
        // A linear model of these five is one of second degree in the plane.
        inputs.extend([x, y, x * x, x * y, y * y]);
    }
    Ok(Table::new(vec![5], inputs, labels, ["inside", "ring", "outside"].map(str::to_owned).to_vec())?)
}

fn main() -> Result<(), TrainError> {
    let data = points(1500)?;
    let classes = data.spec().classes.clone();
    let config = TrainConfig { epochs: 30, batch: 50, ..TrainConfig::default() };
    let (loss, teacher, hooks) = (&CrossEntropy, Teacher::None, Hooks::default());
    let alone = Training { data: &data, validation: None, loss, teacher, config: &config, seed: 1, hooks };

    let hidden = MlpConfig { hidden: vec![64], ..MlpConfig::default() };
    let mut perceptron = Network::new(hidden, vec![5], classes.clone(), 1)?;
    train(&mut perceptron, &alone, &mut NullObserver)?;

    let kd = Distillation::new(SoftTerm::Kd(Temperature::new(2.0)?), 0.9)?;
    let taught = Training { loss: &kd, teacher: Teacher::Live(&perceptron), ..alone };
    let mut linear = Linear::new(5, classes)?;
    let before = evaluate(&linear, &data)?.accuracy();
    train(&mut linear, &taught, &mut NullObserver)?;

    let of_teacher = evaluate(&perceptron, &data)?;
    let after = evaluate(&linear, &data)?;
    println!("teacher {}: accuracy {:.3}", perceptron.spec().architecture, of_teacher.accuracy());
    println!("linear model {}: accuracy {before:.3} before training", linear.spec().architecture);
    println!("linear model {}: accuracy {:.3} after it", linear.spec().architecture, after.accuracy());
    println!("it agrees with its teacher on {:.1} % of the points", 100.0 * after.agreement(&of_teacher));
    Ok(())
}
