//! Studies: all experiments of a paper, each model trained once, paper and ours side by side.

mod job;
mod lab;
mod numbers;
mod page;
mod rows;
mod section;
mod store;
mod watch;

pub(crate) use lab::{Data, Lab};
pub(crate) use page::{Machine, page};
pub(crate) use rows::{HINTON_2015, RECIPES, Row, Study, setup};
pub(crate) use section::Section;
pub(crate) use store::Store;
pub(crate) use watch::Stop;
