//! The rows of the studies: what each trains, and what it says of that.

mod fractions;
pub(crate) mod mnist;
pub(crate) mod specialists;
pub(crate) mod speech;
