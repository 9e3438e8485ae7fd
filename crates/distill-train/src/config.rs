use distill_losses::Smoothing;
use serde::{Deserialize, Serialize};

use crate::problem::{ConfigProblem, not_in_parts, positive};
use crate::{AugmentConfig, ClassWeightsConfig, OptimizerConfig, PrecisionConfig, ScheduleConfig};

/// How a model is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Passes over the training set.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1_000_000)))]
    pub epochs: u32,
    /// Examples in a step.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub batch: usize,
    /// Parts in which a batch is computed, one after the other, so that it takes less memory: their gradients are summed up
    /// before the step, which is that of the whole batch up to rounding. Terms of a loss that compare the examples of a batch
    /// with each other see those of a part.
    #[serde(skip_serializing_if = "is_one")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub accumulate: usize,
    /// What part of a label's probability all classes share alike, in the loss on labels: 0 leaves labels as they are, 0.1 is
    /// usual.
    ///
    /// Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, *Rethinking the Inception Architecture for Computer Vision*, 2016.
    #[serde(skip_serializing_if = "is_zero")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0)))]
    pub label_smoothing: f64,
    /// How much an example of each class counts in the loss on labels: `"balanced"`, all classes alike however many examples they
    /// have, or a table of weights by the names of classes, of which others have 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["balanced"])))]
    pub class_weights: Option<ClassWeightsConfig>,
    /// Gradients with a larger Euclidean norm are scaled down to this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0.0)))]
    pub clip_grad_norm: Option<f64>,
    /// Training ends after so many epochs in which the validation set found nothing better, see [`Best`](crate::Best).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1), extend("examples" = [5])))]
    pub early_stopping: Option<u32>,
    /// The exponential moving average of the weights with this decay is evaluated and kept in place of the weights themselves. In the
    /// first steps it forgets faster, see [`move_average`](crate::move_average).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0, "examples" = [0.999]))
    )]
    pub ema: Option<f64>,
    /// Which weights are the result.
    pub keep: Keep,
    /// What the products and convolutions of the hidden layers are computed in, while training.
    pub precision: PrecisionConfig,
    /// How gradients change the weights.
    pub optimizer: OptimizerConfig,
    /// How the learning rate changes over the steps.
    pub schedule: ScheduleConfig,
    /// How inputs are varied from epoch to epoch.
    pub augment: AugmentConfig,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: 10,
            batch: 128,
            accumulate: 1,
            label_smoothing: 0.0,
            class_weights: None,
            clip_grad_norm: None,
            early_stopping: None,
            ema: None,
            keep: Keep::Last,
            precision: PrecisionConfig::F32,
            optimizer: OptimizerConfig::default(),
            schedule: ScheduleConfig::default(),
            augment: AugmentConfig::default(),
        }
    }
}

/// Which weights are the result of training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Keep {
    /// Those after the last step.
    #[default]
    Last,
    /// Those with the fewest errors on the validation set.
    Best,
}

fn is_one(value: &usize) -> bool {
    *value == 1
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

impl TrainConfig {
    /// How labels are smoothed.
    ///
    /// # Errors
    /// If the part that all classes share has no meaning.
    pub fn smoothing(&self) -> Result<Smoothing, ConfigProblem> {
        Smoothing::new(self.label_smoothing).map_err(|_| {
            let problem = format!("must be at least 0 and below 1, got {}", self.label_smoothing);
            ConfigProblem::new("label_smoothing", problem, "set `label_smoothing = 0.1`, or leave the key out")
                .note("it is the share of a label's probability spread over all classes")
        })
    }

    /// Numbers that training keeps of each parameter besides itself and its gradient: those of the optimizer, and the average.
    pub fn n_slots(&self) -> usize {
        self.optimizer.kind.n_slots() + usize::from(self.ema.is_some())
    }

    /// Checks that every number has a meaning.
    ///
    /// # Errors
    /// The first one that has none.
    pub fn validate(&self) -> Result<(), ConfigProblem> {
        if self.epochs == 0 {
            return Err(ConfigProblem::new("epochs", "must be at least 1, got 0", "set `epochs = 10`")
                .note("with 0 epochs the model would keep its random weights"));
        }
        if self.epochs > 1_000_000 {
            return Err(ConfigProblem::new(
                "epochs",
                format!("must be at most 1000000, got {}", self.epochs),
                "set a smaller number of epochs",
            ));
        }
        if self.batch == 0 {
            return Err(ConfigProblem::new("batch", "must be at least 1, got 0", "set `batch = 128`"));
        }
        if !(1..=self.batch).contains(&self.accumulate) {
            let problem = format!("must be from 1 to `batch`, {}, got {}", self.batch, self.accumulate);
            let help = "set `accumulate = 2`, or leave the key out";
            return Err(ConfigProblem::new("accumulate", problem, help)
                .note("it is the number of parts that a batch is cut into"));
        }
        self.smoothing()?;
        self.class_weights
            .iter()
            .try_for_each(ClassWeightsConfig::validate)
            .map_err(|problem| problem.under("class_weights"))?;
        if let Some(norm) = self.clip_grad_norm.filter(|&norm| !positive(norm)) {
            return Err(ConfigProblem::new(
                "clip_grad_norm",
                format!("must be a finite number greater than 0, got {norm}"),
                "set `clip_grad_norm = 1.0`, or leave the key out to clip nothing",
            ));
        }
        if self.early_stopping == Some(0) {
            let help = "set `early_stopping = 5`, or leave the key out to train for all epochs";
            return Err(ConfigProblem::new("early_stopping", "must be at least 1, got 0", help)
                .note("training stops after this many epochs without improvement"));
        }
        if let Some(ema) = self.ema.filter(|&ema| !(ema > 0.0 && ema < 1.0)) {
            let problem = format!("must be greater than 0 and below 1, got {ema}");
            return Err(ConfigProblem::new(
                "ema",
                problem,
                "set `ema = 0.999`, or leave the key out to average nothing",
            )
            .note("it is the share of the average that a step keeps"));
        }
        self.augment.validate().map_err(|problem| problem.under("augment"))?;
        if self.accumulate > 1 && self.augment.mixup > 0.0 {
            return Err(not_in_parts("augment.mixup", "a row is mixed with one that may belong to another part"));
        }
        self.optimizer.validate().map_err(|problem| problem.under("optimizer"))?;
        self.schedule.validate().map_err(|problem| problem.under("schedule"))?;
        let (epochs, warmup) = (self.epochs, self.schedule.warmup_epochs);
        if warmup > f64::from(epochs) {
            return Err(ConfigProblem::new(
                "schedule.warmup_epochs",
                format!("must be at most `epochs`, {epochs}, got {warmup}"),
                format!("set `warmup_epochs` to at most {epochs}, or `epochs` to at least {}", warmup.ceil()),
            )
            .note("training would end while the rate still grows"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of kept models are hashes of it.
    #[test]
    fn the_default_is_written_as_it_always_was() {
        let written = serde_json::to_string(&TrainConfig::default()).unwrap();
        let first = r#"{"epochs":10,"batch":128,"keep":"last","precision":"f32","optimizer":{"kind":"sgd","#;
        assert!(written.starts_with(first), "{written}");
        assert!(written.ends_with(r#""gamma":0.1},"augment":{"shift":0}}"#), "{written}");
    }

    #[test]
    fn smoothing_leaves_something_of_a_label() {
        let config = |label_smoothing| TrainConfig { label_smoothing, ..TrainConfig::default() };
        assert_eq!(config(0.999).validate(), Ok(()));
        for bad in [1.0, -0.1, f64::NAN] {
            let problem = config(bad).validate().unwrap_err();
            assert_eq!(problem.to_string(), format!("label_smoothing must be at least 0 and below 1, got {bad}"));
        }
    }

    #[test]
    fn an_average_has_a_part_of_both() {
        let config = |ema| TrainConfig { ema: Some(ema), ..TrainConfig::default() };
        assert_eq!((config(0.999).validate(), config(0.999).n_slots()), (Ok(()), 2));
        for bad in [0.0, 1.0, -0.1, f64::NAN] {
            let problem = config(bad).validate().unwrap_err();
            assert_eq!(problem.to_string(), format!("ema must be greater than 0 and below 1, got {bad}"));
        }
    }

    #[test]
    fn a_warm_up_is_no_longer_than_training() {
        let config = |epochs, warmup_epochs| {
            let schedule = ScheduleConfig { warmup_epochs, ..ScheduleConfig::default() };
            TrainConfig { epochs, schedule, ..TrainConfig::default() }
        };
        assert_eq!(config(2, 2.0).validate(), Ok(()));
        let problem = config(2, 2.5).validate().unwrap_err();
        assert_eq!(problem.to_string(), "schedule.warmup_epochs must be at most `epochs`, 2, got 2.5");
        assert_eq!(problem.help, "set `warmup_epochs` to at most 2, or `epochs` to at least 3");
    }

    #[test]
    fn what_is_zero_in_a_step_is_refused() {
        let config =
            |eps| TrainConfig { optimizer: OptimizerConfig { eps, ..Default::default() }, ..Default::default() };
        assert_eq!(config(1e-30).validate(), Ok(()));
        for eps in [0.0, -1e-8, 1e-60, 1e60, f64::NAN] {
            assert_eq!(config(eps).validate().unwrap_err().path, "optimizer.eps", "{eps}");
        }
    }
}
