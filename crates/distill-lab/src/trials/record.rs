use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::plan::Plan;
use super::score::Score;
use super::space::Settings;
use super::table;
use crate::folder::RunDir;
use distill_recipe::Code;
use distill_recipe::Diagnostic;

const JSONL: &str = "trials.jsonl";
/// The file of a sweep with one line for each record.
pub const CSV: &str = "sweep.csv";

/// A trial that has ended, on one budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Counted from 1.
    pub trial: usize,
    /// Counted from 1.
    pub rung: usize,
    /// Epochs of this rung.
    pub epochs: u32,
    /// What was set, as it would be typed.
    pub settings: Settings,
    /// One for each seed, or none where it failed.
    pub seeds: Vec<SeedResult>,
    /// Examples that the errors are of.
    pub validation_examples: usize,
    /// Seconds of training, over all seeds, without validation and teachers.
    pub seconds: f64,
    /// Why it failed.
    pub error: Option<String>,
}

/// The kept weights of a student on the validation set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeedResult {
    /// Which of the recipe's seeds it was trained with.
    pub seed: u64,
    /// Validation examples that it gets wrong; 0 where it predicts numbers.
    pub errors: usize,
    /// Mean negative log-likelihood, in nats; of numbers the part of the variance that is left unexplained.
    pub nll: f64,
    /// Of numbers: the part of the variance that is explained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r2: Option<f64>,
    /// Which validation examples are the errors. Earlier versions did not write them down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong: Option<Vec<usize>>,
}

impl SeedResult {
    /// Whether each of `n` validation examples is right, where that is known.
    pub(super) fn right(&self, n: usize) -> Option<Vec<bool>> {
        let mut right = vec![true; n];
        for &at in self.wrong.as_ref()? {
            *right.get_mut(at)? = false;
        }
        Some(right)
    }
}

impl Record {
    /// Whether its students predict numbers.
    pub fn predicts_numbers(&self) -> bool {
        self.seeds.iter().any(|seed| seed.r2.is_some())
    }

    /// Nothing for a trial that failed.
    pub fn score(&self) -> Option<Score> {
        if self.error.is_none() { Score::of(&self.seeds) } else { None }
    }
}

/// All trials that have ended, as they are written down: `trials.jsonl` grows by a line after each,
/// `sweep.csv` is made from them.
#[derive(Debug)]
pub struct Records<'a> {
    dir: &'a RunDir,
    keys: Vec<String>,
    records: Vec<Record>,
}

impl<'a> Records<'a> {
    /// Reads what an earlier process has left. A last line that was cut off does not count.
    ///
    /// # Errors
    /// If a line is damaged, or of another sweep.
    pub(crate) fn open(dir: &'a RunDir, plan: &Plan) -> Result<Self, Diagnostic> {
        let (records, cut) = Self::read(dir.path(), plan)?;
        if let Some(whole) = cut {
            dir.write(JSONL, &whole)?;
        }
        let records = Self { dir, keys: plan.keys(), records };
        records.write_csv()?;
        Ok(records)
    }

    /// The trials that are written down in the directory of a sweep, and the whole lines of the file if its last one
    /// was cut off.
    ///
    /// # Errors
    /// If a line is damaged, or of another sweep.
    pub fn read(sweep: &Path, plan: &Plan) -> Result<(Vec<Record>, Option<Vec<u8>>), Diagnostic> {
        let path = sweep.join(JSONL);
        let mut bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => vec![],
            Err(error) => return Err(Diagnostic::io("cannot read the trials of the sweep", Some(&path), error)),
        };
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let mut records = vec![];
        for (number, line) in (1..).zip(bytes[..whole].split_inclusive(|&byte| byte == b'\n')) {
            let unusable = |note: String| {
                Diagnostic::new(Code::RunFile, "a trial of the sweep cannot be read")
                    .at(format!("{}:{number}", path.display()))
                    .note(note)
                    .help("remove the line and resume the sweep, which then repeats the trial")
            };
            let record: Record = serde_json::from_slice(line).map_err(|error| unusable(error.to_string()))?;
            let planned = record.trial.checked_sub(1).and_then(|at| plan.trials.get(at));
            if planned != Some(&record.settings) {
                return Err(unusable(format!("the sweep has no trial {} with these settings", record.trial)));
            }
            records.push(record);
        }
        let is_cut = whole < bytes.len();
        bytes.truncate(whole);
        Ok((records, is_cut.then_some(bytes)))
    }

    /// Writes a trial down.
    pub(crate) fn add(&mut self, record: Record) -> Result<(), Diagnostic> {
        let path = self.dir.path().join(JSONL);
        let failed = |error| {
            Diagnostic::io("cannot write a trial of the sweep", Some(&path), error)
                .help("check the free space and the permissions, then resume the sweep")
        };
        let line = serde_json::to_string(&record).map_err(|error| failed(error.into()))? + "\n";
        let mut file = OpenOptions::new().append(true).create(true).open(&path).map_err(failed)?;
        file.write_all(line.as_bytes()).and_then(|()| file.sync_data()).map_err(failed)?;
        self.records.push(record);
        self.write_csv()
    }

    fn write_csv(&self) -> Result<(), Diagnostic> {
        self.dir.write(CSV, table::csv(&self.keys, &self.records).as_bytes()).map(|_| ())
    }

    pub(crate) fn all(&self) -> &[Record] {
        &self.records
    }

    /// The record of a trial on a rung, both counted from 1.
    pub(crate) fn find(&self, trial: usize, rung: usize) -> Option<&Record> {
        self.records.iter().find(|record| (record.trial, record.rung) == (trial, rung))
    }
}

/// A trial as the fields of an event.
pub fn event(record: &Record) -> Value {
    let score = record.score();
    let mut fields = serde_json::to_value(record).unwrap_or_default();
    for seed in fields["seeds"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        seed.remove("wrong");
    }
    fields["validation_errors"] = json!(score.map(|score| score.errors));
    fields["validation_errors_sd"] = json!(score.and_then(|score| score.errors_sd));
    fields["validation_nll"] = json!(score.map(|score| score.nll));
    if let Some((r2, sd)) = score.and_then(|score| score.r2) {
        for field in ["validation_errors", "validation_errors_sd", "validation_nll"] {
            fields[field] = Value::Null;
        }
        fields["validation_r2"] = json!(r2);
        fields["validation_r2_sd"] = json!(sd);
    }
    fields
}
