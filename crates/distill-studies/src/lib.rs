#![doc = include_str!("../README.md")]

mod beside;
mod folder;
mod goal;
mod numbers;
mod page;
mod plan;
mod plans;
mod rows;
mod section;
mod study;

pub use beside::Beside;
pub use folder::Folder;
pub use goal::Reached;
pub use page::{BEGIN, END, kept, page};
pub use plan::{Plan, Row, Study, setup};
pub use plans::PLANS;
pub use section::Section;
pub use study::{Show, StudyEnd};
