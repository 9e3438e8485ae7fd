//! Studies: all experiments of a paper, each model trained once, paper and ours side by side.

mod answers;
mod data;
mod goal;
mod job;
mod lab;
mod numbers;
mod outcomes;
mod page;
mod plans;
mod rows;
mod section;
mod store;
mod systems;
mod watch;

pub(crate) use data::Data;
pub(crate) use goal::Reached;
pub(crate) use lab::Lab;
pub(crate) use page::{BEGIN, END, kept, page};
pub(crate) use plans::Plan;
pub(crate) use rows::{Row, Study, setup};
pub(crate) use section::Section;
pub(crate) use store::Store;
pub(crate) use watch::Stop;
