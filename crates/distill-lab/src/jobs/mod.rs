//! Models that are each trained once and kept by what they depend on, several at a time.

mod answers;
mod asking;
mod data;
mod job;
mod outcomes;
mod store;
mod systems;
mod trainer;
mod watch;

pub use crate::facts::Facts;
pub use crate::stop::Stop;
pub use data::{Data, DataKey};
pub use job::{Job, Setup, Specialists, Teachers, Training};
pub use outcomes::{Loss, Outcome, Outcomes};
pub use store::{Store, TargetFacts};
pub use trainer::{Sizes, Trainer};
