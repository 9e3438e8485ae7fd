use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::ConfigProblem;

/// The shape of the learning rate over the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleKind {
    /// The same rate throughout.
    Constant,
    /// Multiplied by `gamma` every `every_epochs` epochs.
    Step,
    /// Half a cosine from the rate down to `min_lr_ratio` of it.
    #[default]
    Cosine,
    /// Up from a 25th of the rate in the first `pct_start` of the steps, then down to `min_lr_ratio` of it,
    /// both along half a cosine (Smith and Topin, 2018).
    OneCycle,
}

/// The schedule and its settings. Settings of the other shapes are ignored.
///
/// Keys that were renamed are written under their first names, by which models are known (adr/0082).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleConfig {
    /// The shape.
    pub kind: ScheduleKind,
    /// Epochs of linear warm-up from zero; may be a fraction. Must be 0 with `one-cycle`, which has its own warm-up.
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0)))]
    pub warmup_epochs: f64,
    /// For `cosine` and `one-cycle`: the final rate as a fraction of the maximum.
    #[serde(rename(serialize = "min_factor", deserialize = "min_lr_ratio"), alias = "min_factor")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0.0, max = 1.0)))]
    pub min_lr_ratio: f64,
    /// For `one-cycle`: the fraction of the steps in which the rate rises, as `pct_start` of PyTorch's `OneCycleLR`.
    #[serde(rename(serialize = "peak", deserialize = "pct_start"), alias = "peak")]
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0)))]
    pub pct_start: f64,
    /// For `step`: epochs between two changes.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub every_epochs: u32,
    /// For `step`: the factor of each change.
    #[cfg_attr(feature = "schema", schemars(range(max = 1.0), extend("exclusiveMinimum" = 0.0)))]
    pub gamma: f64,
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        Self {
            kind: ScheduleKind::Cosine,
            warmup_epochs: 0.0,
            min_lr_ratio: 0.0,
            pct_start: 0.3,
            every_epochs: 10,
            gamma: 0.1,
        }
    }
}

impl ScheduleConfig {
    pub(crate) fn validate(&self) -> Result<(), ConfigProblem> {
        if !(self.warmup_epochs.is_finite() && self.warmup_epochs >= 0.0) {
            return Err(ConfigProblem::new(
                "warmup_epochs",
                format!("must be a finite number of at least 0, got {}", self.warmup_epochs),
                "set `warmup_epochs = 0.0`",
            ));
        }
        if self.kind == ScheduleKind::OneCycle && self.warmup_epochs > 0.0 {
            return Err(ConfigProblem::new(
                "warmup_epochs",
                format!("must be 0 with `kind = \"one-cycle\"`, got {}", self.warmup_epochs),
                "leave the key out and set `pct_start`, the part of the steps in which the rate rises, or set `kind = \"cosine\"`",
            )
            .note("the rate of one cycle grows slowly by itself; after a warm-up it would fall to a 25th and grow again"));
        }
        if !(0.0..=1.0).contains(&self.min_lr_ratio) {
            return Err(ConfigProblem::new(
                "min_lr_ratio",
                format!("must be between 0 and 1, got {}", self.min_lr_ratio),
                "set `min_lr_ratio = 0.0`",
            ));
        }
        if !(self.pct_start > 0.0 && self.pct_start < 1.0) {
            return Err(ConfigProblem::new(
                "pct_start",
                format!("must be greater than 0 and below 1, got {}", self.pct_start),
                "set `pct_start = 0.3`",
            ));
        }
        if self.every_epochs == 0 {
            return Err(ConfigProblem::new("every_epochs", "must be at least 1, got 0", "set `every_epochs = 10`"));
        }
        if !(self.gamma > 0.0 && self.gamma <= 1.0) {
            return Err(ConfigProblem::new(
                "gamma",
                format!("must be greater than 0 and at most 1, got {}", self.gamma),
                "set `gamma = 0.1`",
            ));
        }
        Ok(())
    }
}

/// The learning rate as a pure function of the step.
///
/// # Examples
/// ```
/// use distill_train::{Schedule, ScheduleConfig, ScheduleKind};
/// let config = ScheduleConfig { kind: ScheduleKind::Cosine, ..ScheduleConfig::default() };
/// // 4 epochs of 25 steps.
/// let schedule = Schedule::new(config, 25, 100);
/// assert_eq!(schedule.factor(0), 1.0);
/// assert!((schedule.factor(50) - 0.5).abs() < 1e-12);
/// assert!(schedule.factor(99) < 0.001);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    config: ScheduleConfig,
    steps_per_epoch: u32,
    total: u32,
}

impl Schedule {
    /// A schedule over `total` steps.
    pub fn new(config: ScheduleConfig, steps_per_epoch: u32, total: u32) -> Self {
        Self { config, steps_per_epoch: steps_per_epoch.max(1), total: total.max(1) }
    }

    /// What the learning rate is multiplied with in a step, counted from 0.
    pub fn factor(&self, step: u32) -> f64 {
        let config = &self.config;
        let warmup = config.warmup_epochs * f64::from(self.steps_per_epoch);
        // The first step is the first part of the way up, not a step of size zero.
        let done = f64::from(step) + 1.0;
        if done < warmup {
            return done / warmup;
        }
        let progress = (f64::from(step) - warmup).max(0.0) / (f64::from(self.total) - warmup).max(1.0);
        match config.kind {
            ScheduleKind::Constant => 1.0,
            ScheduleKind::Step => {
                let epoch = step / self.steps_per_epoch;
                config.gamma.powf(f64::from(epoch / config.every_epochs.max(1)))
            }
            ScheduleKind::Cosine => half_cosine(1.0, config.min_lr_ratio, progress),
            ScheduleKind::OneCycle if progress < config.pct_start => {
                half_cosine(1.0 / 25.0, 1.0, progress / config.pct_start)
            }
            ScheduleKind::OneCycle => {
                half_cosine(1.0, config.min_lr_ratio, (progress - config.pct_start) / (1.0 - config.pct_start))
            }
        }
    }
}

/// From `start` to `end` as `progress` goes from 0 to 1, flat at both.
fn half_cosine(start: f64, end: f64, progress: f64) -> f64 {
    end + (start - end) * 0.5 * (1.0 + (PI * progress.min(1.0)).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_cycle_is_its_own_warm_up() {
        let config = |kind, warmup_epochs| ScheduleConfig { kind, warmup_epochs, ..ScheduleConfig::default() };
        let problem = config(ScheduleKind::OneCycle, 0.5).validate().unwrap_err();
        assert_eq!(problem.to_string(), "warmup_epochs must be 0 with `kind = \"one-cycle\"`, got 0.5");
        assert!(problem.help.contains("`pct_start`"), "{}", problem.help);
        assert_eq!(config(ScheduleKind::OneCycle, 0.0).validate(), Ok(()));
        assert_eq!(config(ScheduleKind::Cosine, 0.5).validate(), Ok(()));
    }

    #[test]
    fn no_epochs_between_two_changes_are_one() {
        let config = ScheduleConfig { kind: ScheduleKind::Step, every_epochs: 0, gamma: 0.5, ..Default::default() };
        let schedule = Schedule::new(config, 10, 30);
        assert_eq!([0, 10, 20].map(|step| schedule.factor(step)), [1.0, 0.5, 0.25]);
    }
}
