//! CIFAR-10 for small convolutional networks.

mod few_labels;
mod frontier;
mod student;
mod teacher;

use distill_lab::jobs::{Stop, Teachers};

use crate::plan::{Row, Study};

pub(crate) const ROWS: &[Row] = &[
    Row { name: "teacher", about: "WRN-16-2, the one that all students learn from", run: teacher::run },
    Row { name: "distilled", about: "ResNet-8 with 78,042 parameters, alone and distilled", run: student::distilled },
    Row { name: "wide", about: "ResNet-8 with 481,170 parameters, alone and distilled", run: student::wide },
    Row { name: "few-labels", about: "10 % and 2 % of the labels, alone and distilled", run: few_labels::run },
    Row { name: "frontier", about: "errors over parameters and over multiplications", run: frontier::run },
];

/// The teacher of all students.
fn teacher(study: &Study<'_>) -> Result<Teachers, Stop> {
    let setup = study.setup("teacher")?;
    let first = setup.recipe.seeds.first().copied().unwrap_or(1);
    Ok(Teachers::one(setup.teacher(first)))
}
