use std::sync::Arc;

use distill_datasets::Dataset;
use distill_losses::{CrossEntropy, Distillation, SoftTerm, Temperature};
use distill_models::{Mlp, Model, ModelError, ModelSpec, Scratch, Trainable};
use distill_train::{Observer, Teacher, TrainConfig, Training, train};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis};

use crate::{DUSTBIN, SpecialistData, SpecialistError};

/// How a specialist is trained.
#[derive(Debug, Clone, PartialEq)]
pub struct SpecialistConfig {
    /// Epochs over its own examples, batch, optimizer, schedule.
    pub train: TrainConfig,
    /// Weight of the generalist's probabilities for the specialist's classes and the dustbin; the labels have the rest.
    /// 0 is labels alone. It keeps what the generalist knows, and the specialist from learning its few examples by heart.
    pub alpha: f64,
    /// Draws the examples of other classes, orders and dropout.
    pub seed: u64,
}

/// A network that tells some classes apart, and from all others (Hinton, Vinyals, Dean, 2015, section 5.1).
#[derive(Debug, Clone)]
pub struct Specialist {
    classes: Vec<u32>,
    model: Mlp,
}

impl Specialist {
    /// A network that is known to be one: its classes are `classes`, sorted places in the generalist's list, and last the
    /// dustbin.
    ///
    /// # Errors
    /// [`SpecialistError::Classes`] if they are not.
    pub fn new(number: usize, generalist: &ModelSpec, classes: Vec<u32>, model: Mlp) -> Result<Self, SpecialistError> {
        check_classes(number, &classes, generalist)?;
        let spec = model.spec();
        let names = classes.iter().map(|&class| generalist.classes[class as usize].as_str()).chain([DUSTBIN]);
        if !names.eq(spec.classes.iter().map(String::as_str)) || spec.input_shape != generalist.input_shape {
            let problem = format!("its network has the classes {:?} and inputs {:?}", spec.classes, spec.input_shape);
            return Err(SpecialistError::Classes { specialist: number, classes, problem });
        }
        Ok(Self { classes, model })
    }

    /// Trains a specialist for some classes of `data`, which start from the weights of the generalist.
    ///
    /// Its last layer has the generalist's rows for its classes, and for the dustbin the mean of all others, which is
    /// raised by the logarithm of their number. When it is trained, the bias of the dustbin is raised by the logarithm of
    /// how much more often it saw its classes than they occur.
    ///
    /// # Errors
    /// [`SpecialistError::Classes`] if `classes` are not some of the data's, in order; and as training.
    pub fn train(
        number: usize,
        generalist: &Mlp,
        data: &Arc<dyn Dataset>,
        classes: &[u32],
        config: &SpecialistConfig,
        observer: &mut dyn Observer,
    ) -> Result<Self, SpecialistError> {
        check_classes(number, classes, generalist.spec())?;
        let examples = SpecialistData::new(data.clone(), classes, config.seed)?;
        let mut model = initial(generalist, classes, &examples.spec().classes)?;
        let lift = examples.over_sampling().ln();
        let teacher = TowardsOwn::new(generalist, classes, examples.spec().classes.clone(), -lift);
        let soft = config.alpha > 0.0;
        let distillation = Temperature::new(1.0)
            .and_then(|one| Distillation::new(SoftTerm::Kd(one), config.alpha))
            .map_err(|error| SpecialistError::Setting { setting: "alpha", problem: error.to_string() })?;
        let training = Training {
            data: &examples,
            validation: None,
            loss: if soft { &distillation } else { &CrossEntropy },
            teacher: if soft { Teacher::Live(&teacher) } else { Teacher::None },
            config: &config.train,
            seed: config.seed,
        };
        let report = train(&mut model, &training, observer)?;
        if !report.completed {
            return Err(SpecialistError::Stopped { specialist: number });
        }
        raise_dustbin(&mut model, lift);
        Ok(Self { classes: classes.to_vec(), model })
    }

    /// Its classes, as places in the generalist's list.
    pub fn classes(&self) -> &[u32] {
        &self.classes
    }

    /// The network; its last class is the dustbin.
    pub fn model(&self) -> &Mlp {
        &self.model
    }
}

fn check_classes(specialist: usize, classes: &[u32], generalist: &ModelSpec) -> Result<(), SpecialistError> {
    let n = generalist.classes.len();
    let refused = |problem: &str| {
        Err(SpecialistError::Classes { specialist, classes: classes.to_vec(), problem: problem.to_owned() })
    };
    match classes {
        [] => refused("there are none"),
        _ if !classes.windows(2).all(|pair| pair[0] < pair[1]) => refused("they are not sorted, or one is there twice"),
        [.., last] if *last as usize >= n => refused(&format!("the generalist has {n}")),
        _ if classes.len() == n => refused("they are all that there are, nothing is left for the dustbin"),
        _ => Ok(()),
    }
}

/// The generalist with a last layer for the classes of a specialist.
fn initial(generalist: &Mlp, classes: &[u32], names: &[String]) -> Result<Mlp, ModelError> {
    let (weight, bias) = generalist.output();
    let own: Vec<usize> = classes.iter().map(|&class| class as usize).collect();
    let others: Vec<usize> = (0..weight.nrows()).filter(|class| own.binary_search(class).is_err()).collect();
    let bias = ArrayView1::from(bias);
    let (other_rows, other_bias) = (weight.select(Axis(0), &others), bias.select(Axis(0), &others));
    let mean = other_rows.mean_axis(Axis(0)).unwrap_or_else(|| Array1::zeros(weight.ncols()));
    let mut rows = weight.select(Axis(0), &own);
    let _ = rows.push_row(mean.view());
    let mut biases = bias.select(Axis(0), &own).to_vec();
    biases.push(other_bias.mean().unwrap_or_default() + (others.len() as f32).ln());
    generalist.with_output(names.to_vec(), rows.view(), &biases)
}

fn raise_dustbin(model: &mut Mlp, by: f64) {
    let bias = model.params().layout().iter().map(|(id, ..)| id).last();
    if let Some(bias) = bias
        && let Some(dustbin) = model.params_mut().vector_mut(bias).last_mut()
    {
        *dustbin += by as f32;
    }
}

/// A generalist as it answers to who knows only some classes: their logits, and that of all others together.
pub struct TowardsOwn<'a> {
    generalist: &'a dyn Model,
    classes: Vec<u32>,
    spec: ModelSpec,
    lift: f64,
}

impl<'a> TowardsOwn<'a> {
    /// `lift` is added to the logit of the dustbin.
    pub fn new(generalist: &'a dyn Model, classes: &[u32], names: Vec<String>, lift: f64) -> Self {
        let spec = ModelSpec { classes: names, ..generalist.spec().clone() };
        Self { generalist, classes: classes.to_vec(), spec, lift }
    }
}

impl Model for TowardsOwn<'_> {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn logits_into(
        &self,
        inputs: ArrayView2<'_, f32>,
        scratch: &mut Scratch,
        mut out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), ModelError> {
        let mut all = Array2::zeros((inputs.nrows(), self.generalist.spec().classes.len()));
        self.generalist.logits_into(inputs, scratch, all.view_mut())?;
        for (mut out, all) in out.outer_iter_mut().zip(all.outer_iter()) {
            let max = all.fold(f32::NEG_INFINITY, |max, &value| max.max(value));
            let mut others: f64 = 0.0;
            let mut next = 0;
            for (class, &value) in (0_u32..).zip(all) {
                if self.classes.get(next) == Some(&class) {
                    out[next] = value;
                    next += 1;
                } else {
                    others += f64::from(value - max).exp();
                }
            }
            // Of others that are all improbable nothing is left but a very small number.
            out[next] = (f64::from(max) + others.max(f64::MIN_POSITIVE).ln() + self.lift) as f32;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use distill_models::MlpConfig;

    use super::*;

    fn generalist() -> Mlp {
        let classes = (0..6).map(|class| format!("c{class}")).collect();
        Mlp::new(MlpConfig { hidden: vec![5], ..MlpConfig::default() }, vec![3], classes, 4).unwrap()
    }

    #[test]
    fn a_specialist_starts_from_the_generalist() {
        let generalist = generalist();
        let names: Vec<String> = ["c1", "c4", DUSTBIN].map(str::to_owned).to_vec();
        let start = initial(&generalist, &[1, 4], &names).unwrap();
        let inputs = Array2::from_shape_fn((7, 3), |(i, j)| (i as f32 - j as f32) * 0.3);
        let (all, own) = (generalist.logits(inputs.view()).unwrap(), start.logits(inputs.view()).unwrap());
        for (all, own) in all.outer_iter().zip(own.outer_iter()) {
            assert!((own[0] - all[1]).abs() < 1e-5 && (own[1] - all[4]).abs() < 1e-5);
            let mean = (all[0] + all[2] + all[3] + all[5]) / 4.0;
            assert!((own[2] - mean - 4.0_f32.ln()).abs() < 1e-5);
        }
    }

    #[test]
    fn all_others_together_have_their_mass() {
        let generalist = generalist();
        let names: Vec<String> = ["c0", "c5", DUSTBIN].map(str::to_owned).to_vec();
        let towards = TowardsOwn::new(&generalist, &[0, 5], names, 0.0);
        let inputs = Array2::from_shape_fn((4, 3), |(i, j)| (i * 3 + j) as f32 * 0.2 - 1.0);
        let p = |logits: Array2<f32>| {
            let mut p = logits.mapv(f32::exp);
            for mut row in p.outer_iter_mut() {
                let sum = row.sum();
                row /= sum;
            }
            p
        };
        let all = p(generalist.logits(inputs.view()).unwrap());
        let own = p(towards.logits(inputs.view()).unwrap());
        for (all, own) in all.outer_iter().zip(own.outer_iter()) {
            assert!((own[0] - all[0]).abs() < 1e-6 && (own[1] - all[5]).abs() < 1e-6);
            assert!((own[2] - all.slice(ndarray::s![1..5]).sum()).abs() < 1e-6);
        }
    }

    #[test]
    fn classes_that_are_none_are_refused() {
        let spec = generalist().spec().clone();
        for classes in [vec![], vec![2, 1], vec![1, 1], vec![1, 6], vec![0, 1, 2, 3, 4, 5]] {
            let error = check_classes(3, &classes, &spec).unwrap_err();
            assert!(error.to_string().starts_with("specialist 3 cannot have the classes"), "{error}");
        }
        assert!(Specialist::new(0, &spec, vec![1, 2], generalist()).is_err());
    }
}
