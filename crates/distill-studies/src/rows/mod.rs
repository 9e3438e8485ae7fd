//! The rows of the studies: what each trains, and what it says of that.

pub(crate) mod adult;
pub(crate) mod california;
pub(crate) mod cifar;
pub(crate) mod clinc;
pub(crate) mod forest;
mod fractions;
pub(crate) mod mnist;
mod seeds;
pub(crate) mod specialists;
pub(crate) mod speech;
mod trees;

use std::sync::Arc;

use distill_lab::jobs::{Setup, Stop, Teachers};
use distill_recipe::{Code, Diagnostic};

use crate::plan::Study;
use seeds::{Measure, by_seed, measures_by_seed};

/// The teacher of a recipe, which is a file of somebody: what it holds, and what it is called beside the data.
fn given(study: &mut Study<'_>, setup: &Arc<Setup>, [what, file]: [&str; 2]) -> Result<Teachers, Stop> {
    study.lab.given(setup)?.ok_or_else(|| {
        let problem = format!("the study distils from {what} in a file, and the recipe names none");
        let source = &setup.recipe.data.source;
        let help = format!("name the file of the {what}: `teacher.weights={source}/{file}`");
        Diagnostic::new(Code::Value, problem).at("teacher.weights").help(help).into()
    })
}
