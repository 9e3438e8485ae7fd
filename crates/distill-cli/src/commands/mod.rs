mod check;
mod eval;
mod run;
mod teach;
mod train;

pub(crate) use check::check;
pub(crate) use eval::eval;
pub(crate) use run::run;
pub(crate) use teach::teach;
pub(crate) use train::train;
