//! What a sweep tries, and what it found.

mod axis;
mod difference;
mod halving;
mod plan;
mod record;
mod score;
mod space;
mod status;
mod table;

pub use difference::{BestAndNext, Difference};
pub use plan::Plan;
pub use record::{CSV, Record, Records, SeedResult, event};
pub use score::{Metric, Score, ranking};
pub use status::{Definition, SweepStatus};
pub use table::{SHOWN, errors, text as table, value};

pub(crate) use halving::n_survivors;
pub(crate) use space::Settings;
