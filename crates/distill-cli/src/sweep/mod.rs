//! Trying settings: the trials of a sweep, one student for each and seed, compared on the validation set.

mod axis;
mod difference;
mod halving;
mod plan;
mod record;
mod report;
mod score;
mod space;
mod status;
mod table;
mod teachers;
mod trials;
mod watch;

pub(crate) use difference::{BestAndNext, Difference};
pub(crate) use plan::Plan;
pub(crate) use record::{CSV, Record, Records};
pub(crate) use report::{SweepReport, html, markdown};
pub(crate) use score::Metric;
pub(crate) use status::{Definition, SweepStatus};
pub(crate) use table::{shell, text as table};
pub(crate) use teachers::{TARGETS_VERSION, Teachers};
pub(crate) use trials::{Sweep, event};
