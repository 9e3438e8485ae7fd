use std::path::{Path, PathBuf};

use distill_models::{Mlp, Model, ModelSpec, Provenance, to_safetensors};
use distill_train::{Evaluation, Experiment, Recipe, Role, TrainError, Trained, check_fit, evaluate};
use serde_json::json;

use crate::args::RunArgs;
use crate::commands::preflight::{key_of, preflight};
use crate::data_source::DataSource;
use crate::diagnostic::Diagnostic;
use crate::model_file::{self, LoadedModel, sha256};
use crate::output::Output;
use crate::progress::{Progress, thousands};
use crate::recipe_file::{self, RecipeFile};
use crate::run_dir::RunDir;
use crate::summary::{DataResult, ModelResult, RunResult, summary};

/// `distill run RECIPE [KEY=VALUE ...]`
pub(crate) fn run(args: &RunArgs, output: &Output) -> Result<(), Diagnostic> {
    let _span = tracing::info_span!("run", recipe = %args.recipe.display()).entered();
    let (file, recipe) = recipe_file::load(&args.recipe, &args.overrides)?;
    let located = |error| locate(&file, &recipe, error);
    let read = |source: &str| DataSource::open(source)?.load_both(&recipe.data.classes);
    let [train, test] = read(&recipe.data.source).map_err(|error| located(error.into()))?;
    let experiment = Experiment::new(&recipe, train, test).map_err(located)?;
    preflight(&file, &experiment)?;
    let given = recipe.teacher.weights.as_ref().map(|path| given_teacher(Path::new(path), &experiment)).transpose()?;

    let dir = RunDir::create(&args.runs_dir, &recipe.name)?;
    dir.write("recipe.toml", file.text().as_bytes())?;
    dir.write("recipe.resolved.toml", resolved(&recipe)?.as_bytes())?;
    let mut run = Run::new(&experiment, &dir, output);
    run.announce(&args.recipe)?;
    for &seed in &recipe.seeds {
        run.seed(seed, given.as_ref()).map_err(|error| match error {
            Failure::Training(error @ TrainError::NonFinite { .. }) => {
                file.locate(error.into(), &format!("{}.optimizer.lr", run.training())).note(run.saved())
            }
            Failure::Training(error) => located(error).note(run.saved()),
            Failure::Writing(diagnostic) => diagnostic.note(run.saved()),
        })?;
    }
    output.result(&format!("\n{}", summary(&run.result)))?;
    output.progress(&format!("\nsaved  {}", dir.path().display()));
    output.event("run_end", json!({ "run": dir.path().display().to_string(), "result": run.result, "exit": 0 }))
}

/// A teacher from a file, looked at before anything is trained.
fn given_teacher(path: &Path, experiment: &Experiment<'_>) -> Result<(LoadedModel, PathBuf), Diagnostic> {
    let loaded = model_file::load(path)?;
    check_fit("teacher", loaded.model.spec(), experiment.test_set().spec())
        .map_err(|error| Diagnostic::from(error).at(path.display()))?;
    Ok((loaded, path.to_owned()))
}

fn locate(file: &RecipeFile, recipe: &Recipe, error: TrainError) -> Diagnostic {
    let key = key_of(&error, recipe);
    match (error, key) {
        (TrainError::Config(problem), _) => file.problem(&problem),
        (other, Some(key)) => file.locate(other.into(), key),
        (other, None) => other.into(),
    }
}

enum Failure {
    Training(TrainError),
    Writing(Diagnostic),
}

impl From<TrainError> for Failure {
    fn from(error: TrainError) -> Self {
        Self::Training(error)
    }
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Writing(diagnostic)
    }
}

/// A run in progress: what is found is written down after every model.
struct Run<'a> {
    experiment: &'a Experiment<'a>,
    dir: &'a RunDir,
    output: &'a Output,
    recipe_sha256: String,
    result: RunResult,
    /// The model that is being trained.
    role: Role,
}

impl<'a> Run<'a> {
    fn new(experiment: &'a Experiment<'a>, dir: &'a RunDir, output: &'a Output) -> Self {
        let recipe = experiment.recipe();
        let data = DataResult {
            train: experiment.train_set().len(),
            validation: experiment.validation_set().map_or(0, |set| set.len()),
            transfer: experiment.transfer_set().len(),
            test: experiment.test_set().len(),
            classes: experiment.test_set().spec().classes.clone(),
        };
        let result = RunResult { version: 1, recipe: recipe.name.clone(), data, models: vec![] };
        Self { experiment, dir, output, recipe_sha256: recipe_sha256(recipe), result, role: Role::Teacher }
    }

    fn announce(&self, recipe: &Path) -> Result<(), Diagnostic> {
        let data = &self.result.data;
        let count = |n: usize| thousands(n as u64);
        let shape = self.experiment.test_set().spec().input_shape.iter().map(ToString::to_string).collect::<Vec<_>>();
        self.output.progress(&format!("recipe    {}", recipe.display()));
        self.output.progress(&format!(
            "data      {}: {} train, {} validation, {} test\n          {} features, {} classes",
            self.experiment.recipe().data.source,
            count(data.train),
            count(data.validation),
            count(data.test),
            shape.join("x"),
            data.classes.len(),
        ));
        if data.transfer != data.train {
            self.output.progress(&format!("transfer  {} examples for the students", count(data.transfer)));
        }
        self.output.progress(&format!("run       {}", self.dir.path().display()));
        let fields = json!({
            "run": self.dir.path().display().to_string(),
            "recipe": self.result.recipe,
            "recipe_sha256": self.recipe_sha256,
            "seeds": self.experiment.recipe().seeds,
            "threads": rayon::current_num_threads(),
            "data": data,
        });
        self.output.event("run_start", fields)
    }

    /// Teacher, baseline and student of one seed.
    fn seed(&mut self, seed: u64, given: Option<&(LoadedModel, PathBuf)>) -> Result<(), Failure> {
        let experiment = self.experiment;
        let (teacher, teacher_test, teacher_sha256) = match given {
            Some((loaded, path)) => {
                let test = evaluate(&loaded.model, experiment.test_set())?;
                let entry = self.entry(Role::Teacher, seed, loaded.model.spec(), path, &loaded.sha256, loaded.n_bytes);
                self.record(entry.measured(&test, None, None))?;
                (loaded.model.clone(), test, loaded.sha256.clone())
            }
            None => {
                let trained = experiment.teacher(seed, &mut self.progress(Role::Teacher, seed)?)?;
                let sha256 = self.keep(Role::Teacher, seed, &trained, None, None)?;
                (trained.model, trained.test, sha256)
            }
        };
        if experiment.recipe().baseline.enabled {
            let trained = experiment.baseline(seed, &mut self.progress(Role::Baseline, seed)?)?;
            self.keep(Role::Baseline, seed, &trained, Some(&teacher_test), None)?;
        }
        let targets = experiment.soft_targets(&teacher)?;
        let mut progress = self.progress(Role::Student, seed)?;
        let trained = experiment.student(seed, &teacher, targets.as_ref(), &mut progress)?;
        drop(progress);
        self.keep(Role::Student, seed, &trained, Some(&teacher_test), Some(&teacher_sha256))?;
        Ok(())
    }

    fn progress(&mut self, role: Role, seed: u64) -> Result<Progress<'a>, Failure> {
        self.role = role;
        let data = self.experiment.test_set().spec();
        let config = self.experiment.model_config(role).cloned().unwrap_or_default();
        let spec = ModelSpec {
            architecture: config.architecture(data.features(), data.classes.len()),
            input_shape: data.input_shape.clone(),
            classes: data.classes.clone(),
            parameters: config.layout(data.features(), data.classes.len()).map_err(TrainError::from)?.len(),
        };
        Ok(Progress::start(self.output, role, seed, &spec, self.experiment.train_config(role)))
    }

    /// Writes the weights of a model and what was measured; returns the hash of the file.
    fn keep(
        &mut self,
        role: Role,
        seed: u64,
        trained: &Trained,
        teacher: Option<&Evaluation>,
        teacher_sha256: Option<&str>,
    ) -> Result<String, Failure> {
        let bytes = self.safetensors(role, seed, &trained.model, teacher_sha256)?;
        let path = self.dir.write(&format!("weights/{}-seed{seed}.safetensors", role.name()), &bytes)?;
        let sha256 = sha256(&bytes);
        let entry = self.entry(role, seed, trained.model.spec(), &path, &sha256, bytes.len());
        self.record(entry.measured(&trained.test, teacher, Some(&trained.report)))?;
        Ok(sha256)
    }

    /// What a file says of where the model comes from. No time and no path: equal runs give equal files.
    fn safetensors(
        &self,
        role: Role,
        seed: u64,
        model: &Mlp,
        teacher_sha256: Option<&str>,
    ) -> Result<Vec<u8>, Failure> {
        let recipe = self.experiment.recipe();
        let data = Path::new(&recipe.data.source).file_name().unwrap_or_default().to_string_lossy();
        let mut provenance = Provenance::from(
            [
                ("program", concat!("distill ", env!("CARGO_PKG_VERSION"))),
                ("recipe", recipe.name.as_str()),
                ("recipe_sha256", self.recipe_sha256.as_str()),
                ("data", data.as_ref()),
                ("role", role.name()),
                ("seed", seed.to_string().as_str()),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        if let Some(sha256) = teacher_sha256 {
            provenance.insert("teacher_sha256".to_owned(), sha256.to_owned());
        }
        Ok(to_safetensors(model, &provenance).map_err(TrainError::from)?)
    }

    fn entry(&self, role: Role, seed: u64, spec: &ModelSpec, path: &Path, sha256: &str, bytes: usize) -> ModelResult {
        ModelResult {
            role: role.name(),
            architecture: spec.architecture.clone(),
            parameters: spec.parameters,
            seed,
            test_examples: 0,
            test_errors: 0,
            test_nll: 0.0,
            test_ece: 0.0,
            agreement: None,
            train_seconds: None,
            train_examples_per_second: None,
            weights: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string(),
            weights_bytes: bytes,
            weights_sha256: sha256.to_owned(),
        }
    }

    /// Adds a model to the result and writes it, so that an interrupted run keeps what it found.
    fn record(&mut self, model: ModelResult) -> Result<(), Failure> {
        self.output.progress(&format!(
            "  {} test errors of {}",
            thousands(model.test_errors as u64),
            thousands(model.test_examples as u64)
        ));
        self.output.event("model_end", serde_json::to_value(&model).unwrap_or_default())?;
        self.result.models.push(model);
        let json = serde_json::to_string_pretty(&self.result)
            .map_err(|error| Diagnostic::io("cannot write the result as JSON", None, error))?;
        self.dir.write("result.json", format!("{json}\n").as_bytes())?;
        Ok(())
    }

    /// The table of the recipe that says how the present model is trained.
    fn training(&self) -> &'static str {
        match self.role {
            Role::Teacher => "teacher.train",
            Role::Baseline | Role::Student => "train",
        }
    }

    fn saved(&self) -> String {
        match self.result.models.len() {
            0 => format!("no model was finished; the recipe is in {}", self.dir.path().display()),
            1 => format!("1 finished model is in {}", self.dir.path().join("weights").display()),
            n => format!("{n} finished models are in {}", self.dir.path().join("weights").display()),
        }
    }
}

fn resolved(recipe: &Recipe) -> Result<String, Diagnostic> {
    toml::to_string(recipe).map_err(|error| Diagnostic::io("cannot write the recipe as TOML", None, error))
}

/// The hash of all settings but the list of seeds: each model names its own seed.
fn recipe_sha256(recipe: &Recipe) -> String {
    let recipe = Recipe { seeds: vec![], ..recipe.clone() };
    sha256(toml::to_string(&recipe).unwrap_or_default().as_bytes())
}
