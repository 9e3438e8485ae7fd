use std::path::Path;

use distill_train::{Comparison, Evaluation, Leak, Role, TrainReport};
use serde::{Deserialize, Deserializer, Serialize};

use super::dir::RunDir;
use crate::latency::Latency;
use crate::roles::heading;
use distill_recipe::Code;
use distill_recipe::Diagnostic;
use distill_recipe::words::shell;

/// `result.json`: what a run found, one entry for each model and seed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunResult {
    /// Of the format; 1.
    pub version: u32,
    /// The name of the recipe.
    pub recipe: String,
    /// What the models learned from and were tested on.
    pub data: DataResult,
    /// Those that are finished, in the order in which they were.
    pub models: Vec<ModelResult>,
    /// The distilled student against the student alone, once both are there for every seed.
    pub comparison: Option<Comparison>,
}

/// How many examples there were, and of what.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DataResult {
    /// Examples that the teacher learns from.
    pub train: usize,
    /// Examples that training is watched on; 0 where there is no such set.
    pub validation: usize,
    /// Examples that students with a teacher learn from, with labels or without.
    pub transfer: usize,
    /// Those of them whose labels students see, where `data.labelled` hides the labels of others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labelled: Option<usize>,
    /// Examples that the models are compared on.
    pub test: usize,
    /// Their names, in the order of a model's outputs.
    pub classes: Vec<String>,
    /// The sides of an input, such as `[1, 28, 28]`: channels, height, width.
    pub input_shape: Vec<usize>,
    /// Columns of a table that look as if they counted its rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counters: Vec<String>,
}

/// One model: what it is, how it does, where it lies.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ModelResult {
    /// `teacher`, `member` (one of several teachers), `baseline` (the student on labels alone) or `student`.
    pub role: String,
    /// Such as `784-30-10`.
    pub architecture: String,
    /// Numbers that training sets; 0 for a table of answers.
    pub parameters: usize,
    /// Which of the recipe's seeds it was trained with.
    pub seed: u64,
    /// Examples that it was tested on.
    pub test_examples: usize,
    /// How many of them it gets wrong.
    pub test_errors: usize,
    /// Mean negative log-likelihood on the test set, in nats. NaN, `null` in the file, for a model that is trained but not
    /// measured.
    #[serde(deserialize_with = "number_or_null")]
    pub test_nll: f64,
    /// Expected calibration error on the test set, from 0 to 1. NaN as [`ModelResult::test_nll`] is.
    #[serde(deserialize_with = "number_or_null")]
    pub test_ece: f64,
    /// Part of the test set on which it gives the teacher's class; nothing for the teacher.
    pub agreement: Option<f64>,
    /// Of several teachers that teach together: the mean part of the test set on which two of them differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diversity: Option<f64>,
    /// Of the teachers of folds: what they say of training examples that they have not seen, and of those that they have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folds: Option<Leak>,
    /// Epoch with the fewest errors on the validation set.
    pub best_epoch: Option<u32>,
    /// The epoch after which training ended early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_early: Option<u32>,
    /// Nothing for a teacher that came from a file.
    pub train_seconds: Option<f64>,
    /// Over the whole training, without validation; nothing for a teacher from a file.
    pub train_examples_per_second: Option<f64>,
    /// What the products of its hidden layers were computed in, while it was trained.
    pub precision: Option<String>,
    /// Time for one example at a time.
    pub latency: Option<Latency>,
    /// The absolute path of its file.
    pub weights: String,
    /// Bytes of that file.
    pub weights_bytes: usize,
    /// SHA-256 of that file, in hexadecimal.
    pub weights_sha256: String,
}

/// What is known of a model's file.
pub(crate) struct WeightsFile<'a> {
    pub(crate) path: &'a Path,
    pub(crate) n_bytes: usize,
    pub(crate) sha256: String,
}

/// A number, or `null` where there is none.
fn number_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

impl ModelResult {
    /// A model that is not measured yet.
    pub(crate) fn new(
        role: Role,
        seed: u64,
        spec: &distill_models::ModelSpec,
        weights: &WeightsFile<'_>,
        report: Option<&TrainReport>,
    ) -> Self {
        Self {
            role: role.name().to_owned(),
            architecture: spec.architecture.clone(),
            parameters: spec.parameters,
            seed,
            test_examples: 0,
            test_errors: 0,
            test_nll: f64::NAN,
            test_ece: f64::NAN,
            agreement: None,
            diversity: None,
            folds: None,
            stopped_early: report.and_then(|report| report.stopped_early),
            best_epoch: report.and_then(|report| Some(report.best.as_ref()?.epoch)),
            train_seconds: report.map(|report| report.seconds),
            train_examples_per_second: report.map(|report| report.examples as f64 / report.seconds),
            precision: report.map(|report| report.precision.name().to_owned()),
            latency: None,
            weights: std::path::absolute(weights.path)
                .unwrap_or_else(|_| weights.path.to_owned())
                .display()
                .to_string(),
            weights_bytes: weights.n_bytes,
            weights_sha256: weights.sha256.clone(),
        }
    }

    /// The same with what was found on the test set.
    pub(crate) fn measured(self, test: &Evaluation, teacher: Option<&Evaluation>) -> Self {
        Self {
            test_examples: test.examples,
            test_errors: test.errors,
            test_nll: test.nll,
            test_ece: test.ece,
            agreement: teacher.map(|teacher| test.agreement(teacher)),
            ..self
        }
    }

    /// Whether it was tested: one that is trained, but answered some test example with no finite number, was not.
    pub fn is_measured(&self) -> bool {
        self.test_nll.is_finite() && self.test_ece.is_finite()
    }
}

impl RunResult {
    /// Writes it into the directory of its run.
    pub(crate) fn write(&self, dir: &RunDir) -> Result<(), Diagnostic> {
        let json = serde_json::to_string_pretty(self)
            .map_err(|error| Diagnostic::io("cannot write the result as JSON", None, error))?;
        dir.write("result.json", format!("{json}\n").as_bytes())?;
        Ok(())
    }

    /// Reads the result of a run in which every model is measured; `None` where no model was finished.
    ///
    /// # Errors
    /// [`Code::RunFile`] if the file cannot be read, or a model was not measured on the test set.
    pub fn read(run: &Path) -> Result<Option<Self>, Diagnostic> {
        let result = Self::read_partly(run)?;
        let unmeasured = result.iter().flat_map(|result| &result.models).find(|model| !model.is_measured());
        unmeasured.map_or(Ok(result.clone()), |model| {
            let ModelResult { role, seed, .. } = model;
            let resume = shell(["distill", "run", "--resume", &*run.to_string_lossy()]);
            let role = Role::ALL.into_iter().find(|known| known.name() == role).map_or(&**role, |role| heading(role));
            Err(Diagnostic::new(Code::RunFile, format!("the {role} of seed {seed} was not measured on the test set"))
                .at(run.join("result.json").display())
                .note("it is trained, but its answer to some test example was NaN or infinite")
                .help(format!("correct the test data where they are to blame, then measure it: `{resume}`")))
        })
    }

    /// Reads the result of a run that goes on, where models may not be measured.
    pub(crate) fn read_partly(run: &Path) -> Result<Option<Self>, Diagnostic> {
        let path = run.join("result.json");
        let unreadable = |note: String| {
            Diagnostic::new(Code::RunFile, "the result of the run cannot be read")
                .at(path.display())
                .note(note)
                .help("remove the file and resume the run, which then goes through its models again")
        };
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error.to_string())),
        };
        serde_json::from_slice(&bytes).map(Some).map_err(|error| unreadable(error.to_string()))
    }

    /// The models of a role, in the order of the seeds.
    pub fn of(&self, role: Role) -> impl Iterator<Item = &ModelResult> {
        self.models.iter().filter(move |model| model.role == role.name())
    }

    /// The model of a role and a seed, if it is trained and measured.
    pub fn find(&self, role: Role, seed: u64) -> Option<&ModelResult> {
        self.of(role).find(|model| model.seed == seed && model.is_measured())
    }

    /// The model of a role and a seed that is trained, but not measured.
    pub(crate) fn unmeasured(&self, role: Role, seed: u64) -> Option<&ModelResult> {
        self.of(role).find(|model| model.seed == seed && !model.is_measured())
    }

    /// The test set is another one: what was found on the old one does not count.
    pub(crate) fn forget_tests(&mut self, n_test: usize) {
        self.data.test = n_test;
        self.models.iter_mut().for_each(|model| model.test_nll = f64::NAN);
    }

    /// Adds a model, or replaces what was known of it.
    pub(crate) fn put(&mut self, model: ModelResult) {
        match self.models.iter_mut().find(|known| (&known.role, known.seed) == (&model.role, model.seed)) {
            Some(known) => *known = model,
            None => self.models.push(model),
        }
    }
}
