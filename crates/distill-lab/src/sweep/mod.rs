//! Trying settings: the trials of a sweep, one student for each and seed, compared on the validation set.

mod execute;
mod sweeping;
mod teachers;
mod training;

pub use crate::trials::{
    BestAndNext, CSV, Definition, Difference, Metric, Plan, Record, Records, SHOWN, Score, SeedResult, SweepStatus,
    errors, event, ranking, table, value,
};
pub use execute::{Conclude, FinishedSweep, SweepEnd};
pub use teachers::settings_of_trained;

pub(crate) use sweeping::Sweep;
pub(crate) use teachers::{TARGETS_VERSION, Teachers};
