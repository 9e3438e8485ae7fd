//! A run: its directory, and the models of a recipe one by one, from the start or from where an
//! earlier process left them.

mod advice;
mod course;
mod execute;
mod further;
mod keep;
mod teachers;
mod train;
mod watch;

pub use crate::event::Leg;
pub use crate::folder::{
    DataResult, Kind, ModelResult, RESOLVED, RunDir, RunResult, RunStatus, STATUS_FILE, Status, claim, find, processor,
    remove, remove_rest, resolved,
};
pub use crate::signals::{Signal, Signals};
pub use execute::{FinishedRun, all_roles};

pub(crate) use execute::{warn, warn_of_former};
pub(crate) use keep::provenance;
