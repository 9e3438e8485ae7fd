//! Section 3 of the paper and what belongs to it.

mod bias;
mod ensemble;
mod frontier;
mod logit_matching;
mod missing_classes;
mod student;
mod teacher;
mod temperature;

use super::fractions;
use crate::plan::Row;

pub(crate) const ROWS: &[Row] = &[
    Row { name: "teacher", about: "784-1200-1200-10 with dropout, max norm and jitter", run: teacher::run },
    Row {
        name: "distilled",
        about: "784-800-800-10 on labels alone, and distilled at T = 20",
        run: student::distilled,
    },
    Row { name: "best", about: "the same student, from ten teachers on jittered images", run: student::best },
    Row { name: "temperature", about: "ten temperatures, four widths", run: temperature::run },
    Row { name: "no-threes", about: "no 3 in the transfer set", run: missing_classes::no_threes },
    Row {
        name: "sevens-and-eights",
        about: "only 7s and 8s in the transfer set",
        run: missing_classes::sevens_and_eights,
    },
    Row { name: "logit-matching", about: "the limit of high temperatures", run: logit_matching::run },
    Row { name: "fractions", about: "3 %, 10 % and 100 % of the data, hard and soft targets", run: fractions::run },
    Row { name: "ensemble", about: "ten teachers as one, and distilled into one network", run: ensemble::run },
    Row { name: "frontier", about: "errors over the size of the student", run: frontier::run },
];
