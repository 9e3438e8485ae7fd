use std::path::Path;

use distill_models::Task;
use distill_train::{Comparison, Leak, Measured, NumberEvaluation, Role, TrainReport, mean_and_sd};
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
    /// Their names, in the order of a model's outputs; of a regression those of the numbers.
    pub classes: Vec<String>,
    /// What models say of an example: left out where it is a class.
    #[serde(default, skip_serializing_if = "is_classes")]
    pub task: Task,
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
    /// How many of them it gets wrong; 0 where it predicts numbers.
    pub test_errors: usize,
    /// Mean negative log-likelihood on the test set, in nats. NaN, `null` in the file, for a model that is trained but not
    /// measured, and where it predicts numbers.
    #[serde(deserialize_with = "number_or_null")]
    pub test_nll: f64,
    /// Expected calibration error on the test set, from 0 to 1. NaN as [`ModelResult::test_nll`] is.
    #[serde(deserialize_with = "number_or_null")]
    pub test_ece: f64,
    /// Of a model that predicts numbers: how far they are from those of the test set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_numbers: Option<NumberScores>,
    /// Part of the test set on which it gives the teacher's class; nothing for the teacher. Of numbers one less the mean squared
    /// distance from the teacher's, in units of the variance.
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

/// How a model does that predicts numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NumberScores {
    /// The part of the variance of the set that it explains, mean over the numbers.
    pub r2: f64,
    /// Each number, in their order.
    pub numbers: Vec<NumberScore>,
}

/// The same of one number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NumberScore {
    /// What it is.
    pub name: String,
    /// Root of the mean squared error, in its unit.
    pub rmse: f64,
    /// Mean absolute error, in its unit.
    pub mae: f64,
    /// Mean of the predictions less that of the numbers.
    pub bias: f64,
    /// The part of its variance that is explained; nothing where it does not vary.
    pub r2: Option<f64>,
}

impl NumberScores {
    /// Of what was found, for numbers of these names.
    pub fn of(found: &NumberEvaluation, names: &[String]) -> Self {
        let score = |(name, found): (&String, distill_train::NumberResult)| NumberScore {
            name: name.clone(),
            rmse: found.rmse,
            mae: found.mae,
            bias: found.bias,
            r2: found.r2,
        };
        Self { r2: found.r2(), numbers: names.iter().zip(found.numbers()).map(score).collect() }
    }

    /// The number, where there is one alone: several have no unit in common.
    pub fn only(&self) -> Option<&NumberScore> {
        match self.numbers.as_slice() {
            [number] => Some(number),
            _ => None,
        }
    }

    /// The root mean squared error of that number.
    pub fn rmse(&self) -> Option<f64> {
        self.only().map(|number| number.rmse)
    }
}

fn is_classes(task: &Task) -> bool {
    *task == Task::Classes
}

/// What is known of a model's file.
pub(crate) struct WeightsFile<'a> {
    pub(crate) path: &'a Path,
    pub(crate) n_bytes: usize,
    pub(crate) sha256: String,
}

/// A number, or `null` where there is none.
pub(crate) fn number_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
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
            test_numbers: None,
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
    pub(crate) fn measured(self, test: &Measured, names: &[String], teacher: Option<&Measured>) -> Self {
        let (test_examples, agreement) = (test.examples(), teacher.map(|teacher| test.agreement(teacher)));
        match test {
            Measured::Classes(test) => Self {
                test_examples,
                test_errors: test.errors,
                test_nll: test.nll,
                test_ece: test.ece,
                agreement,
                ..self
            },
            Measured::Numbers(test) => {
                Self { test_examples, test_numbers: Some(NumberScores::of(test, names)), agreement, ..self }
            }
        }
    }

    /// The part of the test set that it gets wrong, or of the variance that it leaves unexplained.
    pub fn loss(&self) -> f64 {
        match &self.test_numbers {
            Some(numbers) => 1.0 - numbers.r2,
            None => self.test_errors as f64 / self.test_examples as f64,
        }
    }

    /// Whether it was tested: one that is trained, but answered some test example with no finite number, was not.
    pub fn is_measured(&self) -> bool {
        self.test_numbers.is_some() || (self.test_nll.is_finite() && self.test_ece.is_finite())
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

    /// [`ModelResult::loss`] of the models of a role that are measured, mean over the seeds, and the standard deviation.
    pub fn mean_loss(&self, role: Role) -> Option<(f64, Option<f64>)> {
        let losses: Vec<f64> = self.of(role).filter(|model| model.is_measured()).map(ModelResult::loss).collect();
        mean_and_sd(&losses)
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
        self.models.iter_mut().for_each(|model| (model.test_nll, model.test_numbers) = (f64::NAN, None));
    }

    /// Adds a model, or replaces what was known of it.
    pub(crate) fn put(&mut self, model: ModelResult) {
        match self.models.iter_mut().find(|known| (&known.role, known.seed) == (&model.role, model.seed)) {
            Some(known) => *known = model,
            None => self.models.push(model),
        }
    }
}
