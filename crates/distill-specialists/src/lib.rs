#![doc = include_str!("../README.md")]

mod clusters;
mod data;
mod dustbin;
mod error;
mod folder;
mod report;
mod solver;
mod specialist;
mod system;

pub use clusters::{ClusterConfig, cluster_classes, covariance};
pub use data::SpecialistData;
pub use error::SpecialistError;
pub use folder::{SystemFiles, SystemFolder, SystemTraining};
pub use report::{Ask, ByCoverage, Conditional, Report, SolverUse};
pub use solver::{Answer, Solution, Solver, SolverConfig};
pub use specialist::{Specialist, SpecialistConfig};
pub use system::SpecialistSystem;
