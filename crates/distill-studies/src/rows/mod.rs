//! The rows of the studies: what each trains, and what it says of that.

pub(crate) mod adult;
pub(crate) mod california;
pub(crate) mod cifar;
pub(crate) mod clinc;
mod fractions;
pub(crate) mod mnist;
mod seeds;
pub(crate) mod specialists;
pub(crate) mod speech;
mod trees;

use seeds::{Measure, by_seed, measures_by_seed};
