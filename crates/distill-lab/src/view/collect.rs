use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use distill_datasets::spread;
use distill_models::Task;
use distill_train::{
    Comparison, Evaluation, Measured, NumberEvaluation, Outcomes, Recipe, Role, compare, compare_losses,
};

use super::data::{CalibrationBin, Curve, CurvePoint, DataFacts, Gallery, KdFacts, ModelFacts, Report, RunFacts};
use super::places::Places;
use crate::evaluation_files::{Prediction, read_number_predictions, read_predictions};
use crate::folder::metrics::{self, Row, RowKind};
use crate::folder::{ModelResult, RESOLVED, RunResult, RunStatus};
use distill_recipe::Code;
use distill_recipe::Diagnostic;
use distill_recipe::recipe_file;
use distill_recipe::recipe_text;
use distill_recipe::words::shell;

/// The file of a run that holds its gallery.
pub(crate) const GALLERY: &str = "eval/gallery.json";

/// The bootstrap of a comparison starts from here, so that equal runs give equal reports.
const BOOTSTRAP_SEED: u64 = 1;

/// One run, as its files tell it.
struct RunFiles {
    path: PathBuf,
    status: RunStatus,
    recipe: Recipe,
    result: RunResult,
    rows: Vec<Row>,
    tests: BTreeMap<(String, u64), Measured>,
    gallery: Option<Gallery>,
}

/// A report, and the results that it is about.
pub struct Collected {
    /// What is shown.
    pub report: Report,
    /// The results of all runs together, with the comparison over all their seeds.
    pub result: RunResult,
}

/// Reads the files of runs of one recipe, which may differ in their seeds.
///
/// # Errors
/// If a file of a run cannot be read, no model is finished, or the runs are of different recipes, data or teachers.
pub fn collect(paths: &[PathBuf]) -> Result<Collected, Diagnostic> {
    let runs = paths.iter().map(|path| RunFiles::read(path)).collect::<Result<Vec<_>, _>>()?;
    let Some(first) = runs.first() else {
        return Err(Diagnostic::new(Code::NotResumable, "no run is named").help("name a run, such as `runs/mnist-001`"));
    };
    if let Some(other) = runs.iter().find(|run| run.status.recipe_sha256 != first.status.recipe_sha256) {
        return Err(Diagnostic::new(Code::RecipeChanged, "the runs are of different recipes")
            .at(other.path.display())
            .note(format!("the first is {}", first.path.display()))
            .note("a report combines the seeds of one recipe; results of different recipes cannot be pooled")
            .help("make a report of each"));
    }
    let differs = |run: &&RunFiles| {
        let known_by = |status: &RunStatus| {
            [Some(status.data_sha256.clone()), status.teacher_sha256.clone(), status.measured_on.clone()]
        };
        known_by(&run.status) != known_by(&first.status)
    };
    if let Some(other) = runs.iter().find(differs) {
        return Err(Diagnostic::new(Code::RecipeChanged, "the runs are on different data or of different teachers")
            .at(other.path.display())
            .note(format!("the first is {}", first.path.display()))
            .note("only models with the same teacher, training data and test data can be combined")
            .help("make a report of each"));
    }
    let mut models: Vec<(&RunFiles, &ModelResult)> = vec![];
    for run in &runs {
        for model in &run.result.models {
            let twice = models.iter().any(|(_, old)| (&old.role, old.seed) == (&model.role, model.seed));
            // The same seed gives the same model, so it would count one result twice.
            if !twice {
                models.push((run, model));
            }
        }
    }
    let recipe = &first.recipe;
    let classes = &first.result.data.classes;
    let facts = models.iter().map(|(run, model)| run.model_facts(model)).collect();
    let places = Places::of_the_user();
    let source = [Some(recipe.data.source.clone()), recipe.data.select.class_words()];
    let report = Report {
        title: recipe.name.clone(),
        runs: runs.iter().map(|run| run.facts(&places)).collect(),
        recipe: places.hide(&recipe_text(recipe)?),
        kd: KdFacts {
            method: recipe.method().describe(recipe.kd.temperature),
            temperature: recipe.kd.temperature,
            alpha: recipe.kd.alpha,
        },
        data: DataFacts {
            source: places.hide(&source.into_iter().flatten().collect::<Vec<_>>().join(", ")),
            train: first.result.data.train,
            validation: first.result.data.validation,
            transfer: first.result.data.transfer,
            labelled: first.result.data.labelled,
            test: first.result.data.test,
            classes: classes.clone(),
            are_numbers: first.result.data.task == Task::Numbers,
            input_shape: first.result.data.input_shape.clone(),
        },
        models: facts,
        comparison: comparison(&models),
        curves: models.iter().filter_map(|(run, model)| run.curve(model)).collect(),
        gallery: runs.iter().find_map(|run| run.gallery.clone()).unwrap_or_else(|| Gallery {
            image: None,
            temperature: recipe.kd.temperature,
            disagreements: vec![],
            dark_knowledge: vec![],
        }),
    };
    let result = RunResult {
        models: models.iter().map(|(_, model)| (*model).clone()).collect(),
        comparison: report.comparison.clone(),
        ..first.result.clone()
    };
    Ok(Collected { report, result })
}

/// What the test set says of distilled against alone, over the seeds that have both.
fn comparison(models: &[(&RunFiles, &ModelResult)]) -> Option<Comparison> {
    let test = |role: Role, seed: u64| {
        let (run, _) = models.iter().find(|(_, model)| model.role == role.name() && model.seed == seed)?;
        run.tests.get(&(role.name().to_owned(), seed))
    };
    let seeds = models.iter().filter(|(_, model)| model.role == Role::Student.name()).map(|(_, model)| model.seed);
    let pairs: Vec<_> =
        seeds.filter_map(|seed| Some((test(Role::Baseline, seed)?, test(Role::Student, seed)?))).collect();
    if pairs.iter().any(|(alone, _)| alone.numbers().is_some()) {
        let losses = |test: &Measured| test.numbers().map(NumberEvaluation::losses);
        let losses: Vec<_> =
            pairs.iter().filter_map(|(alone, distilled)| Some((losses(alone)?, losses(distilled)?))).collect();
        let lists: Vec<(&[f64], &[f64])> =
            losses.iter().map(|(alone, distilled)| (&alone[..], &distilled[..])).collect();
        return compare_losses(&lists, BOOTSTRAP_SEED).ok();
    }
    let right = |test: &Measured| test.classes().map(Evaluation::right);
    let rights: Vec<_> =
        pairs.iter().filter_map(|(alone, distilled)| Some((right(alone)?, right(distilled)?))).collect();
    let outcomes: Vec<_> = rights.iter().map(|(alone, distilled)| Outcomes { alone, distilled }).collect();
    compare(&outcomes, BOOTSTRAP_SEED).ok()
}

impl RunFiles {
    fn read(path: &Path) -> Result<Self, Diagnostic> {
        let status = RunStatus::read(path)?;
        let (_, recipe) = recipe_file::load(&path.join(RESOLVED), &[])?;
        let result = RunResult::read(path)?.ok_or_else(|| {
            Diagnostic::new(Code::RunFile, "the run has no finished model yet")
                .at(path.display())
                .note(format!("it is {}", status.status.name()))
                .help(format!("go on with it: `{}`", shell(["distill", "run", "--resume", &*path.to_string_lossy()])))
        })?;
        let mut tests = BTreeMap::new();
        for model in &result.models {
            let file = path.join(format!("eval/{}-seed{}/predictions.csv", model.role, model.seed));
            let bytes = std::fs::read(&file).map_err(|error| {
                Diagnostic::new(Code::RunFile, "the predictions of a model cannot be read")
                    .at(file.display())
                    .note(error.to_string())
                    .help("put the file back; the report is made from it")
            })?;
            let test = match result.data.task {
                Task::Classes => {
                    let predictions = read_predictions(&file, &bytes)?;
                    evaluation(model, &predictions, &result.data.classes).map(Measured::Classes)
                }
                Task::Numbers => {
                    let found = read_number_predictions(&file, &bytes)?;
                    found.and_then(|(names, found)| numbers(model, &names, found, &result.data.classes))
                }
            };
            let test = test.ok_or_else(|| {
                Diagnostic::new(Code::RunFile, "the predictions of a model are not those that were evaluated")
                    .at(file.display())
                    .help("put the file back; the report is made from it")
            })?;
            tests.insert((model.role.clone(), model.seed), test);
        }
        // Without it the report has no pictures and is a report all the same.
        let gallery = std::fs::read(path.join(GALLERY)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Ok(Self { path: path.to_owned(), status, recipe, result, rows: metrics::read(path), tests, gallery })
    }

    fn facts(&self, places: &Places) -> RunFacts {
        RunFacts {
            path: places.hide_path(&self.path),
            status: self.status.status.name().to_owned(),
            started: self.status.started.clone(),
            seconds: self.status.seconds,
            program: self.status.program.clone(),
            processor: self.status.processor.clone(),
            threads: self.status.threads,
            command: places.hide(&self.status.command),
        }
    }

    fn model_facts(&self, model: &ModelResult) -> ModelFacts {
        let test = self.tests.get(&(model.role.clone(), model.seed));
        ModelFacts {
            role: model.role.clone(),
            seed: model.seed,
            architecture: model.architecture.clone(),
            parameters: model.parameters,
            weights_bytes: model.weights_bytes,
            weights_sha256: model.weights_sha256.clone(),
            test_examples: model.test_examples,
            test_errors: model.test_errors,
            test_nll: model.test_nll,
            test_ece: model.test_ece,
            test_numbers: model.test_numbers.clone(),
            agreement: model.agreement,
            train_seconds: model.train_seconds,
            latency: model.latency,
            folds: model.folds,
            confusion: test.and_then(Measured::classes).map_or(vec![], counts),
            calibration: test
                .and_then(Measured::classes)
                .map_or(vec![], |test| test.calibration().iter().map(bin).collect()),
            pairs: test.and_then(Measured::numbers).map_or(vec![], some_pairs),
        }
    }

    fn curve(&self, model: &ModelResult) -> Option<Curve> {
        let is_of =
            |row: &&Row| row.kind == RowKind::Epoch && row.model.role == model.role && row.model.seed == model.seed;
        let points: Vec<_> = self.rows.iter().filter(is_of).map(point).collect();
        (!points.is_empty()).then(|| Curve { role: model.role.clone(), seed: model.seed, points })
    }
}

/// What was evaluated, from what was written of it.
fn evaluation(model: &ModelResult, predictions: &[Prediction], classes: &[String]) -> Option<Evaluation> {
    let index: BTreeMap<&str, u32> = classes.iter().map(String::as_str).zip(0..).collect();
    let column = |name: fn(&Prediction) -> &str| -> Option<Vec<u32>> {
        predictions.iter().map(|prediction| index.get(name(prediction)).copied()).collect()
    };
    let n_wrong = predictions.iter().filter(|prediction| prediction.label != prediction.predicted).count();
    if (predictions.len(), n_wrong) != (model.test_examples, model.test_errors) {
        return None;
    }
    Some(Evaluation {
        examples: predictions.len(),
        errors: model.test_errors,
        nll: model.test_nll,
        ece: model.test_ece,
        n_classes: classes.len(),
        top_k: 1,
        top_k_errors: model.test_errors,
        labels: column(|prediction| &prediction.label)?,
        predictions: column(|prediction| &prediction.predicted)?,
        confidences: predictions.iter().map(|prediction| prediction.confidence).collect(),
    })
}

/// What was evaluated, if it is that of the result.
fn numbers(model: &ModelResult, names: &[String], found: NumberEvaluation, classes: &[String]) -> Option<Measured> {
    let r2 = model.test_numbers.as_ref()?.r2;
    let is_same = names == classes && found.examples() == model.test_examples && (found.r2() - r2).abs() < 1e-9;
    is_same.then_some(Measured::Numbers(found))
}

/// Examples that a plot shows: more are a blot.
const SHOWN: usize = 400;

/// Of each number what is right and what the model says, for some examples.
fn some_pairs(test: &NumberEvaluation) -> Vec<Vec<[f32; 2]>> {
    let examples = spread(SHOWN, test.examples());
    let columns = test.targets().columns().into_iter().zip(test.predictions().columns());
    columns.map(|(y, s)| examples.iter().map(|&example| [y[example], s[example]]).collect()).collect()
}

fn counts(test: &Evaluation) -> Vec<Vec<u64>> {
    let confusion = test.confusion();
    confusion.outer_iter().map(|row| row.iter().map(|&count| count as u64).collect()).collect()
}

fn bin(bin: &distill_train::CalibrationBin) -> CalibrationBin {
    CalibrationBin {
        examples: bin.examples,
        confidence: bin.confidence().unwrap_or_default(),
        accuracy: bin.accuracy().unwrap_or_default(),
    }
}

fn point(row: &Row) -> CurvePoint {
    CurvePoint {
        epoch: row.epoch,
        step: row.step,
        loss: row.loss,
        hard: row.ce,
        soft: row.soft,
        kl: row.kl,
        lr: row.lr,
        validation_errors: row.validation.and_then(|v| v.errors),
        validation_examples: row.validation.map(|v| v.examples),
        validation_r2: row.validation.and_then(|v| v.r2),
        seconds: row.seconds.unwrap_or_default(),
    }
}
