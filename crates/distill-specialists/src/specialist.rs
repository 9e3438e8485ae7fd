use std::sync::Arc;

use distill_datasets::Dataset;
use distill_losses::{ClassWeights, Distillation, Loss, SmoothedCrossEntropy, SoftTerm, Temperature};
use distill_models::{Model, ModelError, ModelSpec, Network, Scratch, Trainable};
use distill_train::{Hooks, Observer, Teacher, TrainConfig, TrainError, Training, train};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};

use crate::dustbin::{Dustbin, DustbinLoss};
use crate::{SpecialistData, SpecialistError};

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
///
/// It has all classes of the generalist, and what it says of the others is taken together as the dustbin. So it is the
/// generalist before it has learned anything, where a dustbin with weights of its own would have to learn first
/// what the generalist knows of the others.
#[derive(Debug, Clone)]
pub struct Specialist {
    dustbin: Dustbin,
    model: Network,
}

impl Specialist {
    /// A network that is known to be one: its classes are those of the generalist, and `classes` are sorted places in that list.
    ///
    /// # Errors
    /// [`SpecialistError::Classes`] if they are not.
    pub fn new(
        number: usize,
        generalist: &ModelSpec,
        classes: &[u32],
        model: Network,
    ) -> Result<Self, SpecialistError> {
        let dustbin = Dustbin::new(number, classes, generalist)?;
        let spec = model.spec();
        if spec.classes != generalist.classes || spec.input_shape != generalist.input_shape {
            let problem = format!(
                "its network has {} classes and inputs {:?}, or other names of classes than the generalist",
                spec.classes.len(),
                spec.input_shape
            );
            return Err(SpecialistError::Classes { specialist: number, classes: classes.to_vec(), problem });
        }
        Ok(Self { dustbin, model })
    }

    /// Trains a specialist for some classes of `data`, which starts from the generalist.
    ///
    /// It sees its classes more often than they occur, and for that time the other classes are less probable by that: their biases
    /// are lowered before, and raised after it by the logarithm of how much more often that was.
    ///
    /// # Errors
    /// [`SpecialistError::Classes`] if `classes` are not some of the data's, in order; and as training.
    pub fn train(
        number: usize,
        generalist: &Network,
        data: &Arc<dyn Dataset>,
        classes: &[u32],
        config: &SpecialistConfig,
        observer: &mut dyn Observer,
    ) -> Result<Self, SpecialistError> {
        let dustbin = Dustbin::new(number, classes, generalist.spec())?;
        let examples = SpecialistData::new(data.clone(), classes, config.seed)?;
        let lift = examples.over_sampling().ln();
        let mut model = generalist.clone();
        raise_others(&mut model, &dustbin, -lift);
        let distillation = Temperature::new(1.0)
            .and_then(|one| Distillation::new(SoftTerm::Kd(one), config.alpha))
            .map_err(|error| SpecialistError::Setting { setting: "alpha", problem: error.to_string() })?;
        if config.train.class_weights.is_some() {
            let problem = "weights of classes do not belong to the classes of a specialist".to_owned();
            return Err(SpecialistError::Setting { setting: "train.class_weights", problem });
        }
        let soft = config.alpha > 0.0;
        let smoothing = config.train.smoothing().map_err(TrainError::from)?;
        let (distillation, labels) =
            (distillation.with_smoothing(smoothing), SmoothedCrossEntropy::new(smoothing, ClassWeights::default()));
        let loss: &dyn Loss = if soft { &distillation } else { &labels };
        let training = Training {
            data: &examples,
            validation: None,
            loss: &DustbinLoss { dustbin: &dustbin, loss, teacher_lift: -lift },
            teacher: if soft { Teacher::Live(generalist) } else { Teacher::None },
            config: &config.train,
            seed: config.seed,
            hooks: Hooks::default(),
        };
        let report = train(&mut model, &training, observer)?;
        if !report.completed {
            return Err(SpecialistError::Stopped { specialist: number });
        }
        raise_others(&mut model, &dustbin, lift);
        Ok(Self { dustbin, model })
    }

    /// Its classes, as places in the generalist's list.
    pub fn classes(&self) -> &[u32] {
        self.dustbin.classes()
    }

    /// The network, with all classes.
    pub fn model(&self) -> &Network {
        &self.model
    }

    /// Logits of its classes and, in the last column, of the dustbin: shape `(examples, classes + 1)`.
    ///
    /// # Errors
    /// As [`Model::logits_into`].
    pub fn answer_into(
        &self,
        inputs: ArrayView2<'_, f32>,
        scratch: &mut Scratch,
        mut out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), ModelError> {
        let mut all = Array2::zeros((inputs.nrows(), self.model.spec().classes.len()));
        self.model.logits_into(inputs, scratch, all.view_mut())?;
        let mut shares = vec![0.0; all.ncols()];
        for (all, out) in all.outer_iter().zip(out.outer_iter_mut()) {
            self.dustbin.reduce(all, &mut shares, out);
        }
        Ok(())
    }
}

/// Changes the logits of all classes in the dustbin.
fn raise_others(model: &mut Network, dustbin: &Dustbin, by: f64) {
    let bias = model.params().layout().iter().map(|(id, ..)| id).last();
    if let Some(bias) = bias.map(|id| model.params_mut().vector_mut(id)) {
        dustbin.others().for_each(|class| bias[class] += by as f32);
    }
}

#[cfg(test)]
mod tests {
    use distill_datasets::Images;
    use distill_models::MlpConfig;
    use distill_train::{NullObserver, OptimizerConfig};

    use super::*;

    fn generalist() -> Network {
        let classes = (0..6).map(|class| format!("c{class}")).collect();
        Network::new(MlpConfig { hidden: vec![5], ..MlpConfig::default() }, vec![3], classes, 4).unwrap()
    }

    #[test]
    fn a_specialist_that_has_learned_nothing_says_what_the_generalist_says() {
        let generalist = generalist();
        let labels: Vec<u32> = (0..90).map(|i| i % 6).collect();
        let classes = generalist.spec().classes.clone();
        let data: Arc<dyn Dataset> =
            Arc::new(Images::new(vec![3], (0..=255).cycle().take(270).collect(), labels, classes).unwrap());
        let at_rate = |lr| {
            let optimizer = OptimizerConfig { lr, ..OptimizerConfig::default() };
            let config = SpecialistConfig {
                train: TrainConfig { epochs: 1, batch: 10, optimizer, ..TrainConfig::default() },
                alpha: 0.5,
                seed: 1,
            };
            Specialist::train(0, &generalist, &data, &[1, 4], &config, &mut NullObserver).unwrap()
        };
        let inputs = Array2::from_shape_fn((7, 3), |(i, j)| (i as f32 - j as f32) * 0.3);
        let all = generalist.logits(inputs.view()).unwrap();
        let mut own = Array2::zeros((7, 3));
        at_rate(1e-12).answer_into(inputs.view(), &mut Scratch::default(), own.view_mut()).unwrap();
        for (all, own) in all.outer_iter().zip(own.outer_iter()) {
            let others: f32 = [0, 2, 3, 5].map(|class: usize| all[class].exp()).iter().sum();
            assert!((own[0] - all[1]).abs() < 1e-5 && (own[1] - all[4]).abs() < 1e-5);
            assert!((own[2] - others.ln()).abs() < 1e-5);
        }
        let learned = at_rate(0.1);
        assert_eq!(learned.classes(), [1, 4]);
        let before = own.clone();
        learned.answer_into(inputs.view(), &mut Scratch::default(), own.view_mut()).unwrap();
        assert_ne!(own, before);
    }

    #[test]
    fn a_network_with_other_classes_is_none() {
        let generalist = generalist();
        let names = ["a", "b", "c", "d", "e", "f"].map(str::to_owned).to_vec();
        let other = Network::new(MlpConfig { hidden: vec![5], ..MlpConfig::default() }, vec![3], names, 4).unwrap();
        assert!(Specialist::new(0, generalist.spec(), &[1, 2], other).is_err());
        assert!(Specialist::new(0, generalist.spec(), &[1, 2], generalist.clone()).is_ok());
    }
}
