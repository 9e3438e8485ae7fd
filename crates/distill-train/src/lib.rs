#![doc = include_str!("../README.md")]

mod clip;
mod config;
mod error;
mod evaluate;
mod experiment;
mod fit;
mod observer;
mod optimizer;
mod recipe;
mod schedule;
mod soft_targets;
mod step;
mod train;

pub use clip::clip_factor;
pub use config::{AugmentConfig, ConfigProblem, TrainConfig};
pub use error::TrainError;
pub use evaluate::{Evaluation, evaluate};
pub use experiment::{Experiment, Role, Trained};
pub use fit::{ClassMismatch, check_classes, check_fit};
pub use observer::{EpochReport, Observer, Silent, StepReport};
pub use optimizer::{Optimizer, OptimizerConfig, OptimizerKind};
pub use recipe::{
    BaselineConfig, DataConfig, KdConfig, KdMethod, Recipe, SelectConfig, StudentConfig, TargetsMode, TeacherConfig,
};
pub use schedule::{Schedule, ScheduleConfig, ScheduleKind};
pub use soft_targets::SoftTargets;
pub use step::{StepContext, Teacher, TrainingStep};
pub use train::{TrainReport, Training, train};
