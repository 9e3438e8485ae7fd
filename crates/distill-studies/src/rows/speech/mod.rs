//! Sections 4 and 6 of the paper, on speech.

mod ensemble;
mod mixtures;
mod networks;
mod phones;
mod single;

use super::fractions;
use crate::plan::Row;
use distill_recipe::Diagnostic;

pub(crate) const ROWS: &[Row] = &[
    Row { name: "single", about: "one network with four hidden layers, ten times", run: single::run },
    Row {
        name: "ensemble",
        about: "the ten as one, and distilled into one network at four temperatures",
        run: ensemble::run,
    },
    Row { name: "mixtures", about: "one distilled from the ten on mixtures of frames, too", run: mixtures::run },
    Row {
        name: "mixup",
        about: "the same with ten that were trained on mixtures of frames and their labels",
        run: mixtures::with_labels,
    },
    Row { name: "fractions", about: "3 %, 10 % and 100 % of the frames, hard and soft targets", run: fractions::run },
];

/// Examples of each test utterance; nothing where the data is not speech.
pub(super) fn test_utterances(source: &str) -> Result<Vec<usize>, Diagnostic> {
    Ok(phones::Phones::open(source)?.map_or(vec![], |phones| phones.test_utterances()))
}
