//! Trying settings: the trials of a sweep, one student for each and seed, compared on the validation set.

mod axis;
mod difference;
mod execute;
mod halving;
mod plan;
mod record;
mod score;
mod space;
mod status;
mod table;
mod teachers;
mod trials;
mod watch;

pub use difference::{BestAndNext, Difference};
pub use execute::{Conclude, FinishedSweep, SweepEnd};
pub use plan::Plan;
pub use record::{CSV, Record, Records, SeedResult};
pub use score::{Metric, Score, ranking};
pub use status::{Definition, SweepStatus};
pub use table::{SHOWN, errors, text as table, value};
pub use teachers::settings_of_trained;
pub use trials::event;

pub(crate) use teachers::{TARGETS_VERSION, Teachers};
pub(crate) use trials::Sweep;
