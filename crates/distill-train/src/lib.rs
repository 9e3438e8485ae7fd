#![doc = include_str!("../README.md")]

mod augment;
mod average;
mod batch;
mod checkpoint;
mod class_weights;
mod clip;
mod compatible;
mod config;
mod context;
mod error;
mod evaluate;
mod exchange;
mod experiment;
mod feature_terms;
mod features;
mod fingerprint;
mod logit_table;
mod mixup;
mod observer;
mod optimizer;
mod out_of_fold;
mod parts;
mod precision;
mod problem;
mod recipe;
mod role;
mod schedule;
mod sets;
mod soft_targets;
mod standardize;
mod state;
mod statistics;
mod step;
mod storage;
mod target_file;
mod target_storage;
mod teacher_check;
mod train;

pub use augment::{AugmentConfig, PaddingConfig};
pub use average::move_average;
pub use checkpoint::{Checkpoint, CheckpointConfig, CheckpointContext, CheckpointStore, Found};
pub use class_weights::{Balance, ClassWeightsConfig};
pub use clip::clip_factor;
pub use compatible::{TeacherClasses, align_classes, check_classes, check_compatible};
pub use config::{Keep, TrainConfig};
pub use context::{StepContext, Teacher};
pub use error::{CheckpointError, ClassMismatch, TrainError};
pub use evaluate::{
    CalibrationBin, ClassResult, Evaluation, Measured, NumberEvaluation, NumberResult, evaluate, evaluate_numbers,
    measure,
};
pub use exchange::{Alone, Exchange};
pub use experiment::{Experiment, TeacherSignal, Trained};
pub use feature_terms::FeatureTerms;
pub use features::{FeatureLoss, Hooks};
pub use fingerprint::Fingerprint;
pub use logit_table::{LogitTable, TeacherOutputs};
pub use observer::{EpochReport, NullObserver, Observer, StepReport};
pub use optimizer::{Optimizer, OptimizerConfig, OptimizerKind};
pub use out_of_fold::{Folds, OutOfFold};
pub use precision::PrecisionConfig;
pub use problem::ConfigProblem;
pub use recipe::{
    BaselineConfig, ClassNames, ColumnConfig, DataConfig, FeatureConfig, FeatureKind, ImageConfig, ImageLayout,
    KdConfig, KdMethod, MungeConfig, OnnxConfig, Paths, Recipe, SelectConfig, SoundConfig, Standardize, StudentConfig,
    Taps, TargetsMode, TeacherConfig, TextConfig, TextFeatures, Together, Weighting, is_onnx,
};
pub use role::Role;
pub use schedule::{Schedule, ScheduleConfig, ScheduleKind};
pub use sets::Sets;
pub use soft_targets::SoftTargets;
pub use state::{Best, Snapshot, TrainState};
pub use statistics::{
    Comparison, Estimate, McNemar, Outcomes, PairedDifference, PartOfGain, Verdict, auroc, bootstrap_interval, compare,
    compare_losses, holm, mean_and_sd, part_of_gain, passing,
};
pub use step::TrainingStep;
pub use storage::{Disk, Storage, StorageFile, TEMPORARY, write_atomic};
pub use target_file::SoftTargetFile;
pub use target_storage::{TargetStorage, kl_between};
pub use teacher_check::{Asked, Confidence, Leak, Renamed, Rescaled, TeacherCheck};
pub use train::{TrainReport, Training, train, train_from};
