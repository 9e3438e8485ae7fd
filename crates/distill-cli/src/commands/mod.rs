mod eval;
mod preflight;
mod run;

pub(crate) use eval::eval;
pub(crate) use run::run;
