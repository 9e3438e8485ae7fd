#![doc = include_str!("../README.md")]

mod answers;
mod array_rows;
mod batch;
mod confidences;
mod csv_rows;
mod folder;
mod idx_rows;
mod json_rows;
mod lines;
mod pictures;
mod predictor;
mod reading;
mod sounds;
mod source;
mod spreadsheet;
mod table_rows;
mod texts;
mod wrong;

pub use answers::{Answers, Format};
pub use confidences::confidences;
pub use folder::{Files, files};
pub use pictures::Seen;
pub use predictor::{Predictor, predict_rows};
pub use reading::Reading;
pub use source::{Kind, STDIN, Source};
pub use spreadsheet::safe_cell;
pub use wrong::bad_row;

#[cfg(test)]
mod tests;
