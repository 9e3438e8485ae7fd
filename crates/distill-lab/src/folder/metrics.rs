use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use distill_losses::LossValue;
use distill_train::{Measured, NumberEvaluation};
use serde::{Deserialize, Serialize};

use super::dir::RunDir;
use crate::tensorboard;
use distill_recipe::Diagnostic;

/// Which model a row is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct ModelId {
    /// `teacher`, `member`, `baseline` or `student`.
    pub role: String,
    /// Which of the seeds of the recipe.
    pub seed: u64,
}

/// One line of `metrics.jsonl`: a step, or an epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// What the row is the end of.
    pub kind: RowKind,
    /// The model that was trained.
    #[serde(flatten)]
    pub model: ModelId,
    /// Counted from 1.
    pub epoch: u32,
    /// Counted from 1, over all epochs.
    pub step: u32,
    /// What is minimised; of an epoch the mean over its examples, as those below.
    pub loss: f64,
    /// Cross entropy with the labels at `T = 1`, in nats, before its weight.
    pub ce: Option<f64>,
    /// The soft term with its factor `T²`, before its weight.
    pub soft: Option<f64>,
    /// `KL(teacher ‖ student)` at the temperature, in nats, without `T²`.
    pub kl: Option<f64>,
    /// Other terms of the loss, by name, before their weights.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub terms: BTreeMap<String, f64>,
    /// Learning rate of the last step.
    pub lr: f64,
    /// Seconds since 1970.
    pub time: f64,
    /// Of epochs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examples: Option<u64>,
    /// Of epochs: time without validation and what is written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Of epochs, where there is a validation set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
}

/// What a row is the end of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RowKind {
    /// A step; at most about 200 of a model are written down.
    Step,
    /// An epoch.
    Epoch,
}

/// How a model does on the validation set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Validation {
    /// Examples of the set.
    pub examples: usize,
    /// How many it gets wrong. Nothing, as below, for numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<usize>,
    /// Mean negative log-likelihood, in nats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nll: Option<f64>,
    /// The part of the variance that is explained, of numbers to predict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r2: Option<f64>,
}

impl Validation {
    pub(crate) fn of(found: &Measured) -> Self {
        let (examples, classes) = (found.examples(), found.classes());
        Self {
            examples,
            errors: classes.map(|found| found.errors),
            nll: classes.map(|found| found.nll),
            r2: found.numbers().map(NumberEvaluation::r2),
        }
    }
}

impl Row {
    pub(crate) fn new(kind: RowKind, model: &ModelId, epoch: u32, step: u32, loss: &LossValue, lr: f64) -> Self {
        Self {
            kind,
            model: model.clone(),
            epoch,
            step,
            loss: loss.total,
            ce: loss.hard(),
            soft: loss.soft(),
            kl: loss.kl(),
            terms: loss.other_terms().map(|term| (term.name().to_owned(), term.value)).collect(),
            lr,
            time: super::status::unix_time(),
            examples: None,
            seconds: None,
            validation: None,
        }
    }

    /// The line of `metrics.csv`, with the terms of these names at its end.
    fn csv(&self, terms: &[String]) -> String {
        let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
        let count = |value: Option<usize>| value.map_or(String::new(), |value| value.to_string());
        let fields = [
            self.model.role.clone(),
            self.model.seed.to_string(),
            self.epoch.to_string(),
            self.step.to_string(),
            self.loss.to_string(),
            number(self.ce),
            number(self.soft),
            number(self.kl),
            self.lr.to_string(),
            count(self.validation.map(|v| v.examples)),
            count(self.validation.and_then(|v| v.errors)),
            number(self.validation.and_then(|v| v.nll)),
            self.examples.map_or(String::new(), |n| n.to_string()),
            number(self.seconds),
        ];
        let r2 = |name: &String| self.validation.and_then(|v| v.r2).filter(|_| name == VALIDATION_R2);
        let terms = terms.iter().map(|name| number(self.terms.get(name).copied().or_else(|| r2(name))));
        fields.into_iter().chain(terms).collect::<Vec<_>>().join(",")
    }

    fn events(&self) -> Vec<u8> {
        let prefix = if self.kind == RowKind::Step { "step" } else { "epoch" };
        let mut scalars = vec![(format!("{prefix}/loss"), self.loss), (format!("{prefix}/lr"), self.lr)];
        let terms = [("cross_entropy", self.ce), ("soft", self.soft), ("kl", self.kl)];
        scalars.extend(terms.iter().filter_map(|&(name, term)| Some((format!("{prefix}/{name}"), term?))));
        scalars.extend(self.terms.iter().map(|(name, &term)| (format!("{prefix}/{name}"), term)));
        if let Some(Validation { examples, errors, nll, r2 }) = self.validation {
            let accuracy = errors.map(|errors| 1.0 - errors as f64 / examples as f64);
            let found = [("validation/accuracy", accuracy), ("validation/nll", nll), ("validation/r2", r2)];
            scalars.extend(found.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        }
        let scalar =
            |(tag, value): (String, f64)| tensorboard::scalar(self.time, u64::from(self.step), &tag, value as f32);
        scalars.into_iter().flat_map(scalar).collect()
    }
}

/// The column, behind those of terms, of how numbers are predicted.
pub(crate) const VALIDATION_R2: &str = "validation_r2";

const CSV_HEADER: &str =
    "role,seed,epoch,step,loss,ce,soft,kl,lr,validation_examples,validation_errors,validation_nll,examples,seconds";

/// The numbers of a run as they come: `metrics.jsonl`, its epochs in `metrics.csv`, and TensorBoard's
/// event files. `metrics.jsonl` is the one that the others are made from when a run goes on.
#[derive(Debug)]
pub(crate) struct Metrics {
    dir: PathBuf,
    jsonl: File,
    csv: File,
    /// Terms that have a column of their own.
    terms: Vec<String>,
    events: BTreeMap<ModelId, File>,
}

/// The rows of a run so far. What was cut off in the middle of a line is left out.
pub(crate) fn read(run: &Path) -> Vec<Row> {
    let text = fs::read(run.join("metrics.jsonl")).unwrap_or_default();
    text.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

impl Metrics {
    /// Opens the files with the rows that still hold: after a checkpoint was gone back to, those
    /// of later steps are made anew. `terms` are the names of those that the recipe has besides the usual ones.
    pub(crate) fn open(dir: &RunDir, terms: Vec<String>, keep: impl Fn(&Row) -> bool) -> Result<Self, Diagnostic> {
        let rows: Vec<Row> = read(dir.path()).into_iter().filter(keep).collect();
        let lines = |line: &dyn Fn(&Row) -> Option<String>| -> String {
            rows.iter().filter_map(line).map(|line| line + "\n").collect()
        };
        let jsonl = lines(&|row| serde_json::to_string(row).ok());
        let csv = lines(&|row| (row.kind == RowKind::Epoch).then(|| row.csv(&terms)));
        let jsonl = dir.write("metrics.jsonl", jsonl.as_bytes())?;
        let more: String = terms.iter().map(|name| format!(",{name}")).collect();
        let csv = dir.write("metrics.csv", format!("{CSV_HEADER}{more}\n{csv}").as_bytes())?;
        let append = |path: &Path| OpenOptions::new().append(true).open(path).map_err(|error| unwritable(path, error));
        let [jsonl, csv] = [append(&jsonl)?, append(&csv)?];
        let mut metrics = Self { dir: dir.path().to_owned(), jsonl, csv, terms, events: BTreeMap::new() };
        // Whatever is there belongs to rows that no longer hold.
        let _ = fs::remove_dir_all(metrics.dir.join("tensorboard"));
        for row in &rows {
            metrics.add_events(row)?;
        }
        Ok(metrics)
    }

    pub(crate) fn add(&mut self, row: &Row) -> Result<(), Diagnostic> {
        let line = serde_json::to_string(row).unwrap_or_default() + "\n";
        self.jsonl.write_all(line.as_bytes()).map_err(|error| unwritable(&self.dir.join("metrics.jsonl"), error))?;
        if row.kind == RowKind::Epoch {
            let line = row.csv(&self.terms) + "\n";
            self.csv.write_all(line.as_bytes()).map_err(|error| unwritable(&self.dir.join("metrics.csv"), error))?;
        }
        self.add_events(row)
    }

    fn add_events(&mut self, row: &Row) -> Result<(), Diagnostic> {
        let folder = self.dir.join("tensorboard").join(format!("{}-seed{}", row.model.role, row.model.seed));
        let path = folder.join("events.out.tfevents.distill");
        let result = match self.events.get_mut(&row.model) {
            Some(file) => file.write_all(&row.events()),
            None => new_events(&folder, &path, row).map(|file| {
                self.events.insert(row.model.clone(), file);
            }),
        };
        result.map_err(|error| unwritable(&path, error))
    }
}

fn new_events(folder: &Path, path: &Path, row: &Row) -> io::Result<File> {
    fs::create_dir_all(folder)?;
    let mut file = File::create(path)?;
    file.write_all(&tensorboard::header(row.time))?;
    file.write_all(&row.events())?;
    Ok(file)
}

fn unwritable(path: &Path, error: io::Error) -> Diagnostic {
    let advice = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space, then resume the run",
        _ => "check the run directory and its permissions, then resume the run",
    };
    Diagnostic::io("cannot write the metrics of the run", Some(path), error).help(advice)
}
